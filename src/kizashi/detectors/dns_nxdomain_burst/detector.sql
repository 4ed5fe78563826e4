-- Runs of failures that name many different registered domains. Failures are filtered first; what
-- fails by design goes by structure, so that no list of domains has to be kept.
WITH failed AS (
    SELECT
        site,
        host_id,
        time,
        query,
        registered_domain,
        label_of(registered_domain) AS domain_label,
        process_guid,
        image,
        evidence
    FROM dns_fact
    WHERE
        failed
        AND registered_domain IS NOT NULL
        AND NOT regexp_matches(query, getvariable('designed_to_fail'))
        AND NOT regexp_matches(query, getvariable('private_names'))
),
-- A fault that several hosts share for days, or a name that mostly resolves, is no algorithm's.
known AS (
    SELECT query
    FROM name
    WHERE
        failures > 0
        AND (
            failures + failures < lookups
            OR (
                hosts >= getvariable('known_hosts')
                AND last_seen - first_seen >= to_days(getvariable('known_days'))
            )
        )
),
unknown AS (
    SELECT
        site,
        host_id,
        time,
        query,
        registered_domain,
        domain_label,
        process_guid,
        image,
        evidence
    FROM failed
    ANTI JOIN known USING (query)
),
-- Domains whose children fail, or resolve, for several hosts are services: their children count once.
shared_domain AS (
    SELECT registered_domain
    FROM unknown
    GROUP BY registered_domain
    HAVING count(DISTINCT site || host_id) > getvariable('cluster_hosts')
    UNION
    SELECT name.registered_domain
    FROM name
    SEMI JOIN unknown USING (registered_domain)
    WHERE
        name.lookups > name.failures
        AND name.hosts > getvariable('cluster_hosts')
),
-- Most hosts end here, before anything is sorted.
failing_host AS (
    SELECT
        unknown.site,
        unknown.host_id
    FROM unknown
    LEFT JOIN shared_domain USING (registered_domain)
    GROUP BY unknown.site, unknown.host_id
    HAVING
        count(
            DISTINCT CASE
                WHEN shared_domain.registered_domain IS NULL THEN unknown.query
                ELSE unknown.registered_domain
            END
        ) >= getvariable('min_names')
),
-- A host that answers the look-ups of others asks on their behalf, and is not to blame.
resolver AS (
    SELECT
        site,
        server_ip AS client_ip
    FROM dns_activity
    WHERE
        rcode IS NOT NULL
        AND server_ip != client_ip
    GROUP BY site, server_ip
    HAVING count(DISTINCT host_id) >= getvariable('resolver_clients')
),
forwarder AS (
    SELECT DISTINCT
        site,
        host_id
    FROM dns_activity
    SEMI JOIN resolver USING (site, client_ip)
    WHERE rcode = 'NXDOMAIN'
),
-- Suffix devolution: `x.example.co.jp`, then `x.co.jp`. The longer name stands for both.
own AS (
    SELECT
        site,
        host_id,
        time,
        query,
        registered_domain,
        domain_label,
        process_guid,
        image,
        evidence,
        arg_max(query, length(query)) OVER of_label AS longest,
        arg_min(query, length(query)) OVER of_label AS shortest
    FROM unknown
    SEMI JOIN failing_host USING (site, host_id)
    ANTI JOIN forwarder USING (site, host_id)
    WINDOW of_label AS (PARTITION BY site, host_id, label_of(query))
),
undevolved AS (
    SELECT
        site,
        host_id,
        time,
        query,
        registered_domain,
        domain_label,
        query != shortest
        AND ends_with(query, substr(shortest, length(label_of(query)) + 1)) AS is_devolving,
        process_guid,
        image,
        evidence
    FROM own
    WHERE
        query = longest
        OR NOT ends_with(longest, substr(query, length(label_of(query)) + 1))
),
-- Children of one domain count one by one only where they look made by an algorithm: directly
-- beneath it, of one alphabet, near one length, and asked for by hardly anybody else.
domain_child AS (
    SELECT
        site,
        host_id,
        registered_domain,
        bool_and(
            NOT is_devolving
            AND query = label_of(query) || '.' || registered_domain
            AND alphabet_class(label_of(query)) IN ('hex', 'digits', 'letters', 'alphanumeric')
            AND length(label_of(query)) >= getvariable('cluster_length_min')
            AND length(label_of(query)) <= getvariable('cluster_length_max')
        )
        AND max(length(label_of(query))) - min(length(label_of(query)))
        <= getvariable('cluster_length_spread')
        AND count(DISTINCT query) >= getvariable('cluster_children') AS is_cluster
    FROM undevolved
    GROUP BY site, host_id, registered_domain
),
counted AS (
    SELECT
        fact.site,
        fact.host_id,
        fact.time,
        fact.query,
        fact.registered_domain,
        CASE
            WHEN child.is_cluster AND shared_domain.registered_domain IS NULL
                THEN label_of(fact.query)
            ELSE fact.domain_label
        END AS label,
        CASE
            WHEN child.is_cluster AND shared_domain.registered_domain IS NULL THEN fact.query
            ELSE fact.registered_domain
        END AS unit,
        fact.process_guid,
        fact.image,
        fact.evidence
    FROM undevolved AS fact
    JOIN domain_child AS child USING (site, host_id, registered_domain)
    LEFT JOIN shared_domain USING (registered_domain)
),
-- A retry adds nothing: a unit counts again only after a window without it.
fresh AS (
    SELECT
        site,
        host_id,
        time,
        query,
        registered_domain,
        label,
        unit,
        process_guid,
        image,
        evidence
    FROM counted
    QUALIFY
        coalesce(
            time - lag(time) OVER (
                PARTITION BY site, host_id, unit
                ORDER BY time, evidence.file_id, evidence.record_no
            ) > to_minutes(getvariable('window_minutes')),
            TRUE
        )
),
reached AS (
    SELECT
        site,
        host_id,
        time,
        query,
        registered_domain,
        label,
        unit,
        process_guid,
        image,
        evidence,
        time - lag(time, getvariable('min_names') - 1) OVER of_host
        <= to_minutes(getvariable('window_minutes')) AS is_reached
    FROM fresh
    WINDOW of_host AS (
        PARTITION BY site, host_id ORDER BY time, evidence.file_id, evidence.record_no
    )
),
bursting AS (
    SELECT
        site,
        host_id,
        time,
        query,
        registered_domain,
        label,
        unit,
        process_guid,
        image,
        evidence
    FROM reached
    QUALIFY
        bool_or(is_reached) OVER (
            PARTITION BY site, host_id
            ORDER BY time, evidence.file_id, evidence.record_no
            ROWS BETWEEN CURRENT ROW AND getvariable('min_names') - 1 FOLLOWING
        )
),
begun AS (
    SELECT
        site,
        host_id,
        time,
        query,
        registered_domain,
        label,
        unit,
        process_guid,
        image,
        evidence,
        coalesce(
            time - lag(time) OVER (
                PARTITION BY site, host_id
                ORDER BY time, evidence.file_id, evidence.record_no
            ) > to_minutes(getvariable('session_gap_minutes')),
            TRUE
        ) AS begins
    FROM bursting
),
session AS (
    SELECT
        site,
        host_id,
        time,
        query,
        registered_domain,
        label,
        unit,
        process_guid,
        image,
        evidence,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY site, host_id
            ORDER BY time, evidence.file_id, evidence.record_no
            ROWS UNBOUNDED PRECEDING
        ) AS session_no
    FROM begun
),
judged AS (
    SELECT
        site,
        host_id,
        min(time) AS first_seen,
        max(time) AS last_seen,
        list_max(
            list_transform(
                map_entries(histogram(process_guid)), lambda e: {'times': e.value, 'asker': e.key}
            )
        ).asker AS process_guid,
        list_max(
            list_transform(
                map_entries(histogram(image)), lambda e: {'times': e.value, 'asker': e.key}
            )
        ).asker AS image,
        count(DISTINCT query) AS names,
        count(DISTINCT unit) AS domains,
        count(DISTINCT substr(query, length(label) + 1)) AS suffixes,
        CAST(round(epoch(max(time)) - epoch(min(time))) AS BIGINT) AS span_s,
        min(length(label)) AS label_length_min,
        max(length(label)) AS label_length_max,
        list_sort(list(DISTINCT query))[:getvariable('sample_names')] AS sample,
        list(evidence ORDER BY time, evidence.file_id, evidence.record_no)
            [:getvariable('max_evidence')] AS evidence
    FROM session
    GROUP BY site, host_id, session_no
)
SELECT
    site,
    host_id,
    first_seen,
    last_seen,
    process_guid,
    image,
    names,
    domains,
    suffixes,
    span_s,
    label_length_min,
    label_length_max,
    sample,
    CASE
        WHEN
            label_length_max - label_length_min <= getvariable('alike_spread')
            OR domains >= getvariable('loud_names')
            THEN getvariable('alike_confidence')
        ELSE getvariable('mixed_confidence')
    END AS confidence,
    evidence
FROM judged
ORDER BY first_seen, host_id
