-- A host's failed names of a day, judged together by the shape of their labels. Each label adds or
-- takes away evidence (log10 of how much likelier an algorithm makes such a label than people do);
-- groups are the whole day, one suffix, and one length and alphabet, and the best group speaks.
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
        ) >= getvariable('min_labels')
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
-- Two windows, half a window apart, cover every instant, so that no set is cut at an edge.
placed AS (
    SELECT
        site,
        host_id,
        time,
        query,
        unit,
        label,
        substr(unit, length(label) + 1) AS suffix,
        process_guid,
        image,
        evidence,
        unnest([
            time_bucket(to_hours(getvariable('window_hours')), time),
            time_bucket(
                to_hours(getvariable('window_hours')),
                time,
                to_minutes(CAST(getvariable('window_hours') * 60 / getvariable('halves') AS BIGINT))
            )
        ]) AS window_start
    FROM counted
    WHERE length(label) >= getvariable('min_length')
),
-- One row a unit and window; what was asked again adds nothing.
asked AS (
    SELECT
        site,
        host_id,
        window_start,
        unit,
        any_value(label) AS label,
        any_value(suffix) AS suffix,
        min(time) AS first_seen,
        max(time) AS last_seen,
        max(process_guid) AS process_guid,
        max(image) AS image,
        arg_min(query, (time, evidence)) AS query,
        arg_min(evidence, (time, evidence)) AS evidence
    FROM placed
    GROUP BY site, host_id, window_start, unit
),
crowded AS (
    SELECT
        site,
        host_id,
        window_start,
        unit,
        label,
        suffix,
        first_seen,
        last_seen,
        process_guid,
        image,
        query,
        evidence
    FROM asked
    QUALIFY
        count(unit) OVER (PARTITION BY site, host_id, window_start) >= getvariable('min_labels')
),
shape AS (
    SELECT
        label,
        alphabet_class(label) AS alphabet,
        length(label) AS label_length,
        CASE
            WHEN is_hex_label(label) AND length(label) >= getvariable('hex_length')
                THEN getvariable('hex_weight')
            WHEN regexp_full_match(label, getvariable('nibbles'))
                THEN getvariable('nibble_weight')
            WHEN
                regexp_matches(label, getvariable('consonants'))
                OR regexp_matches(label, getvariable('digits_inside'))
                OR (
                    length(regexp_replace(label, '[^a-z]', '', 'g')) >= getvariable('min_letters')
                    AND (
                        vowel_ratio(label) < getvariable('few_vowels')
                        OR vowel_ratio(label) > getvariable('many_vowels')
                    )
                )
                OR length(regexp_replace(label, getvariable('odd_pairs'), '', 'g'))
                <= length(label) - getvariable('odd_pair_letters')
                THEN getvariable('odd_weight')
            ELSE -getvariable('plain_weight')
        END AS weight
    FROM (SELECT DISTINCT label FROM crowded)
),
-- One label under several suffixes counts its shape once and its rotation besides.
labelled AS (
    SELECT
        site,
        host_id,
        window_start,
        unit,
        label,
        suffix,
        first_seen,
        last_seen,
        process_guid,
        image,
        query,
        evidence,
        alphabet,
        label_length,
        CASE WHEN row_number() OVER of_label = 1 THEN weight ELSE 0 END AS weight,
        CASE
            WHEN row_number() OVER of_label = 1 THEN getvariable('length_weight')
            ELSE 0
        END AS length_weight,
        CAST(row_number() OVER of_label > 1 AS INTEGER) AS is_rotated,
        weight > 0 AS is_odd
    FROM crowded
    JOIN shape USING (label)
    WINDOW of_label AS (
        PARTITION BY site, host_id, window_start, label ORDER BY first_seen, unit
    )
),
grouped AS (
    SELECT
        site,
        host_id,
        window_start,
        GROUPING(suffix) AS any_suffix,
        GROUPING(label_length) AS any_length,
        suffix AS group_suffix,
        alphabet AS group_alphabet,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        count(DISTINCT label) AS labels,
        count(unit) AS names,
        count(DISTINCT suffix) AS suffixes,
        list_sort(list(DISTINCT suffix)) AS suffix_list,
        count(DISTINCT label) FILTER (is_odd) AS odd_labels,
        sum(is_rotated) AS rotated,
        count(DISTINCT label) FILTER (is_rotated > 0) AS rotated_labels,
        min(label_length) AS label_length_min,
        max(label_length) AS label_length_max,
        list_sort(list(DISTINCT alphabet)) AS alphabets,
        round(
            sum(weight)
            + CASE WHEN GROUPING(label_length) = 0 THEN sum(length_weight) ELSE 0 END
            + CASE
                WHEN GROUPING(suffix) = 1
                    THEN
                        least(
                            count(DISTINCT label) FILTER (is_rotated > 0)
                            * getvariable('rotation_weight'),
                            getvariable('max_rotation')
                        )
                ELSE 0
            END,
            CAST(getvariable('score_digits') AS INTEGER)
        ) AS score,
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
        list_sort(list(DISTINCT query))[:getvariable('sample_names')] AS sample,
        list(evidence ORDER BY first_seen, evidence.file_id, evidence.record_no)
            [:getvariable('max_evidence')] AS evidence
    FROM labelled
    GROUP BY GROUPING SETS (
        (site, host_id, window_start),
        (site, host_id, window_start, suffix),
        (site, host_id, window_start, alphabet, label_length)
    )
),
-- The best group of a window, then the best of windows that overlap.
best AS (
    SELECT
        site,
        host_id,
        window_start,
        first_seen,
        last_seen,
        labels,
        names,
        suffixes,
        suffix_list,
        odd_labels,
        rotated_labels,
        label_length_min,
        label_length_max,
        alphabets,
        score,
        process_guid,
        image,
        sample,
        evidence
    FROM grouped
    WHERE
        labels >= getvariable('min_labels')
        AND score >= getvariable('min_score')
    QUALIFY
        row_number() OVER (
            PARTITION BY site, host_id, window_start
            ORDER BY score DESC, names DESC, any_suffix DESC, any_length DESC, group_suffix, group_alphabet
        ) = 1
),
compared AS (
    SELECT
        best,
        coalesce(
            lag(score) OVER of_host > score
            OR (lag(score) OVER of_host = score),
            FALSE
        )
        AND window_start - lag(window_start) OVER of_host < to_hours(getvariable('window_hours'))
            AS is_shadowed_before,
        coalesce(lead(score) OVER of_host > score, FALSE)
        AND lead(window_start) OVER of_host - window_start < to_hours(getvariable('window_hours'))
            AS is_shadowed_after
    FROM best
    WINDOW of_host AS (PARTITION BY site, host_id ORDER BY window_start)
),
kept AS (
    SELECT
        best.site,
        best.host_id,
        best.first_seen,
        best.last_seen,
        best.labels,
        best.names,
        best.suffixes,
        best.suffix_list,
        best.odd_labels,
        best.rotated_labels,
        best.label_length_min,
        best.label_length_max,
        best.alphabets,
        best.score,
        best.process_guid,
        best.image,
        best.sample,
        best.evidence
    FROM compared
    WHERE
        NOT coalesce(is_shadowed_before, FALSE)
        AND NOT coalesce(is_shadowed_after, FALSE)
),
-- Names of the same shape that did resolve on this host, new and asked for by hardly anybody else.
resolved AS (
    SELECT
        dns_activity.site,
        dns_activity.host_id,
        dns_activity.time,
        dns_activity.query,
        dns_activity.answers,
        label_of(dns_activity.query) AS label,
        name.first_seen AS name_first_seen
    FROM dns_activity
    SEMI JOIN kept USING (site, host_id)
    JOIN name USING (query)
    WHERE
        dns_activity.rcode = 'NOERROR'
        AND length(dns_activity.answers) > 0
        AND name.hosts <= getvariable('few_hosts')
),
answered AS (
    SELECT
        kept.site,
        kept.host_id,
        kept.first_seen,
        arg_min(resolved.query, (abs(epoch(resolved.time) - epoch(kept.last_seen)), resolved.query))
            AS destination,
        arg_min(
            resolved.answers[1],
            (abs(epoch(resolved.time) - epoch(kept.last_seen)), resolved.query)
        ) AS server_ip
    FROM resolved
    JOIN kept
        ON
            resolved.site = kept.site
            AND resolved.host_id = kept.host_id
            AND resolved.time >= kept.first_seen
            AND resolved.time <= kept.last_seen + to_minutes(getvariable('follow_minutes'))
            AND resolved.name_first_seen
            >= kept.first_seen - to_days(getvariable('new_days'))
            AND length(resolved.label) >= kept.label_length_min
            AND length(resolved.label) <= kept.label_length_max
            AND (
                list_contains(kept.alphabets, alphabet_class(resolved.label))
                OR is_hex_label(resolved.label)
                OR regexp_full_match(resolved.label, getvariable('nibbles'))
            )
            AND list_contains(
                kept.suffix_list, substr(resolved.query, length(resolved.label) + 1)
            )
    GROUP BY kept.site, kept.host_id, kept.first_seen
)
SELECT
    kept.site,
    kept.host_id,
    kept.first_seen,
    kept.last_seen,
    kept.process_guid,
    kept.image,
    answered.destination,
    answered.server_ip,
    kept.names,
    kept.labels,
    kept.odd_labels,
    kept.rotated_labels,
    kept.suffixes,
    kept.label_length_min,
    kept.label_length_max,
    array_to_string(kept.alphabets, ', ') AS alphabet,
    kept.score,
    kept.sample,
    least(
        getvariable('max_confidence'),
        getvariable('base_confidence') + getvariable('score_confidence') * kept.score
    ) AS confidence,
    kept.evidence
FROM kept
LEFT JOIN answered USING (site, host_id, first_seen)
ORDER BY kept.first_seen, kept.host_id
