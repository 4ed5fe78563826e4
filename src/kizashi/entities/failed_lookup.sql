-- failed_lookup(site, host_id, time, query, registered_domain, label, unit, parent, process_guid, image,
--               answered_with, evidence)
-- Failed look-ups that may be an algorithm's: without what fails by design, faults that hosts share,
-- what resolvers ask for others, and suffix devolution. `unit` is what counts once: the registered
-- domain, or the whole name where children of one domain, `parent`, look made; `label` is its judged label.
-- Only hosts with a few such units are here. Reads name, dns_activity, own_dns_activity
-- and given_role.
-- A fault that several hosts share for days, or a name that mostly resolves, is no algorithm's.
WITH new_name AS (
    SELECT
        query,
        registered_domain,
        label_of(registered_domain) AS domain_label
    FROM name
    WHERE
        failures > 0
        AND registered_domain IS NOT NULL
        AND failures + failures >= lookups
        AND NOT (
            hosts >= hosts_of_a_fault()
            AND last_seen - first_seen >= age_of_a_fault()
        )
        AND NOT fails_by_design(query)
),
-- Look-ups as dns_fact has them, with the names chosen before anything is sorted: over a month of a large
-- fleet that is a third of the memory.
asked AS (
    SELECT
        site,
        host_id,
        time,
        query,
        process_guid,
        image,
        answered_with,
        file_id,
        record_no,
        lag(time) OVER (
            PARTITION BY host_id, query ORDER BY time, file_id, record_no
        ) AS previous_time
    FROM own_dns_activity
    SEMI JOIN new_name USING (query)
    WHERE rcode = 'NXDOMAIN'
),
numbered AS (
    SELECT
        *,
        count(*) FILTER (previous_time IS NULL OR time - previous_time > lookup_gap()) OVER (
            PARTITION BY host_id, query
            ORDER BY time, file_id, record_no
            ROWS UNBOUNDED PRECEDING
        ) AS fact_no
    FROM asked
),
fact AS (
    SELECT
        any_value(site) AS site,
        host_id,
        query,
        min(time) AS time,
        max({'process_guid': process_guid, 'image': image})
            FILTER (process_guid IS NOT NULL OR image IS NOT NULL) AS asking,
        max(answered_with) AS answered_with,
        min({'time': time, 'file_id': file_id, 'record_no': record_no}) AS first_row
    FROM numbered
    GROUP BY host_id, query, fact_no
),
new_failure AS (
    SELECT
        fact.site,
        fact.host_id,
        fact.time,
        fact.query,
        new_name.registered_domain,
        new_name.domain_label,
        fact.asking.process_guid AS process_guid,
        fact.asking.image AS image,
        fact.answered_with,
        {'file_id': fact.first_row.file_id, 'record_no': fact.first_row.record_no} AS evidence
    FROM fact
    JOIN new_name USING (query)
),
-- Of a flood of children of one domain a day's first stand for all.
flooded AS (
    SELECT
        site,
        host_id,
        registered_domain,
        time::DATE AS day
    FROM new_failure
    GROUP BY site, host_id, registered_domain, time::DATE
    HAVING count(*) > most_children()
),
flood AS (
    SELECT
        new_failure.site,
        new_failure.host_id,
        new_failure.registered_domain,
        flooded.day,
        list_max(min(new_failure.time, most_children())) AS until
    FROM new_failure
    JOIN flooded
        ON
            flooded.site = new_failure.site
            AND flooded.host_id = new_failure.host_id
            AND flooded.registered_domain = new_failure.registered_domain
            AND flooded.day = new_failure.time::DATE
    GROUP BY new_failure.site, new_failure.host_id, new_failure.registered_domain, flooded.day
),
unknown AS (
    SELECT
        new_failure.site,
        new_failure.host_id,
        time,
        query,
        new_failure.registered_domain,
        domain_label,
        process_guid,
        image,
        answered_with,
        evidence
    FROM new_failure
    LEFT JOIN flood
        ON
            flood.site = new_failure.site
            AND flood.host_id = new_failure.host_id
            AND flood.registered_domain = new_failure.registered_domain
            AND flood.day = new_failure.time::DATE
    WHERE flood.until IS NULL OR new_failure.time <= flood.until
),
-- Domains whose children fail, or resolve, for several hosts are services: their children count once.
shared_domain AS (
    SELECT registered_domain
    FROM unknown
    GROUP BY registered_domain
    HAVING count(DISTINCT site || host_id) > hosts_of_a_cluster()
    UNION
    SELECT name.registered_domain
    FROM name
    SEMI JOIN unknown USING (registered_domain)
    WHERE
        name.lookups > name.failures
        AND name.hosts > hosts_of_a_cluster()
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
        ) >= fewest_failures()
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
    HAVING count(DISTINCT host_id) >= clients_of_a_resolver()
    UNION
    -- So does one that a person named.
    SELECT
        site,
        address AS client_ip
    FROM given_role
    WHERE role = 'resolver'
),
forwarder AS (
    SELECT DISTINCT
        site,
        host_id
    FROM own_dns_activity
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
        answered_with,
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
        answered_with,
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
            AND is_made_child_length(label_of(query))
        )
        AND max(length(label_of(query))) - min(length(label_of(query)))
        <= spread_of_a_cluster()
        AND count(DISTINCT query) >= fewest_children() AS is_cluster
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
        CASE
            WHEN child.is_cluster AND shared_domain.registered_domain IS NULL
                THEN fact.registered_domain
        END AS parent,
        fact.process_guid,
        fact.image,
        fact.answered_with,
        fact.evidence
    FROM undevolved AS fact
    JOIN domain_child AS child USING (site, host_id, registered_domain)
    LEFT JOIN shared_domain USING (registered_domain)
)
SELECT
    site,
    host_id,
    time,
    query,
    registered_domain,
    label,
    unit,
    parent,
    process_guid,
    image,
    answered_with,
    evidence
FROM counted
