-- Hours in which a host fails on many domains, and on a far larger share of what it asks for than in
-- its other hours. Shares count distinct registered domains, so that one name retried a thousand
-- times weighs as one. Failures come first; all look-ups are read only of hosts that remain.
WITH fresh AS (
    SELECT
        site,
        host_id,
        time,
        query,
        registered_domain,
        process_guid,
        image,
        answered_with,
        evidence
    FROM failed_lookup
    QUALIFY
        coalesce(
            time - lag(time) OVER (
                PARTITION BY site, host_id, registered_domain
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
        process_guid,
        image,
        answered_with,
        evidence,
        time - lag(time, getvariable('min_domains') - 1) OVER (
            PARTITION BY site, host_id ORDER BY time, evidence.file_id, evidence.record_no
        ) <= to_minutes(getvariable('window_minutes')) AS is_reached
    FROM fresh
),
dense AS (
    SELECT
        site,
        host_id,
        time,
        query,
        registered_domain,
        process_guid,
        image,
        answered_with,
        evidence
    FROM reached
    QUALIFY
        bool_or(is_reached) OVER (
            PARTITION BY site, host_id
            ORDER BY time, evidence.file_id, evidence.record_no
            ROWS BETWEEN CURRENT ROW AND getvariable('min_domains') - 1 FOLLOWING
        )
),
begun AS (
    SELECT
        site,
        host_id,
        time,
        query,
        registered_domain,
        process_guid,
        image,
        answered_with,
        evidence,
        coalesce(
            time - lag(time) OVER (
                PARTITION BY site, host_id
                ORDER BY time, evidence.file_id, evidence.record_no
            ) > to_minutes(getvariable('window_minutes')),
            TRUE
        ) AS begins
    FROM dense
),
numbered AS (
    SELECT
        site,
        host_id,
        time,
        query,
        registered_domain,
        process_guid,
        image,
        answered_with,
        evidence,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY site, host_id
            ORDER BY time, evidence.file_id, evidence.record_no
            ROWS UNBOUNDED PRECEDING
        ) AS spell_no
    FROM begun
),
spell AS (
    SELECT
        site,
        host_id,
        min(time) AS first_seen,
        max(time) AS last_seen,
        count(DISTINCT registered_domain) AS failed_domains,
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
        list(DISTINCT answered_with) FILTER (answered_with IS NOT NULL) AS answered_with,
        list(evidence ORDER BY time, evidence.file_id, evidence.record_no)
            [:getvariable('max_evidence')] AS evidence
    FROM numbered
    GROUP BY site, host_id, spell_no
    HAVING max(time) - min(time) <= to_hours(getvariable('max_spell_hours'))
),
-- Everything that these hosts asked for, with the same classes left out. Rows of one look-up need no
-- merging here: domains are counted once.
asked AS (
    SELECT
        own_dns_activity.site,
        own_dns_activity.host_id,
        own_dns_activity.time,
        name.registered_domain,
        coalesce(own_dns_activity.rcode = 'NXDOMAIN', FALSE) AS failed
    FROM own_dns_activity
    SEMI JOIN spell USING (site, host_id)
    JOIN name USING (query)
    WHERE
        name.registered_domain IS NOT NULL
        AND NOT fails_by_design(name.query)
),
-- A burst of seconds is judged against what the host asked in the window around it.
inside AS (
    SELECT
        spell.site,
        spell.host_id,
        spell.first_seen,
        count(DISTINCT asked.registered_domain) AS asked_domains
    FROM spell
    JOIN asked
        ON
            asked.site = spell.site
            AND asked.host_id = spell.host_id
            AND asked.time >= spell.first_seen - to_minutes(getvariable('window_minutes'))
            AND asked.time <= spell.last_seen + to_minutes(getvariable('window_minutes'))
    GROUP BY spell.site, spell.host_id, spell.first_seen
),
hourly AS (
    SELECT
        site,
        host_id,
        time_bucket(to_hours(1), time) AS hour_start,
        count(DISTINCT registered_domain) FILTER (failed)
        / CAST(count(DISTINCT registered_domain) AS DOUBLE) AS ratio
    FROM asked
    GROUP BY site, host_id, time_bucket(to_hours(1), time)
    HAVING count(DISTINCT registered_domain) >= getvariable('min_hour_domains')
),
own_history AS (
    SELECT
        spell.site,
        spell.host_id,
        spell.first_seen,
        count(hourly.ratio) AS hours,
        quantile_disc(hourly.ratio, getvariable('baseline_quantile')) AS own_ratio
    FROM spell
    JOIN hourly
        ON
            hourly.site = spell.site
            AND hourly.host_id = spell.host_id
            AND (
                hourly.hour_start + to_hours(1) <= spell.first_seen
                OR hourly.hour_start > spell.last_seen
            )
    GROUP BY spell.site, spell.host_id, spell.first_seen
),
fleet_history AS (
    SELECT
        count(DISTINCT site || '|' || host_id) AS fleet_hosts,
        sum(failures) / nullif(CAST(sum(lookups) AS DOUBLE), 0) AS fleet_ratio
    FROM baseline
),
judged AS (
    SELECT
        spell,
        inside.asked_domains,
        spell.failed_domains / CAST(inside.asked_domains AS DOUBLE) AS ratio,
        CASE
            WHEN own_history.hours >= getvariable('min_hours') THEN 'own hours'
            WHEN fleet_hosts >= getvariable('min_fleet_hosts') THEN 'fleet'
            ELSE 'prior'
        END AS baseline_of,
        CASE
            WHEN own_history.hours >= getvariable('min_hours') THEN own_history.own_ratio
            WHEN fleet_hosts >= getvariable('min_fleet_hosts') THEN fleet_ratio
            ELSE getvariable('prior_ratio')
        END AS baseline_ratio,
        coalesce(own_history.hours, 0) AS baseline_hours
    FROM spell
    JOIN inside
        ON
            inside.site = spell.site
            AND inside.host_id = spell.host_id
            AND inside.first_seen = spell.first_seen
    LEFT JOIN own_history
        ON
            own_history.site = spell.site
            AND own_history.host_id = spell.host_id
            AND own_history.first_seen = spell.first_seen
    CROSS JOIN fleet_history
)
SELECT
    spell.site AS site,
    spell.host_id AS host_id,
    spell.first_seen AS first_seen,
    spell.last_seen AS last_seen,
    spell.process_guid AS process_guid,
    spell.image AS image,
    spell.failed_domains AS failed_domains,
    asked_domains,
    CAST(round(ratio * getvariable('percent')) AS BIGINT) AS failed_percent,
    CAST(round(baseline_ratio * getvariable('percent')) AS BIGINT) AS baseline_percent,
    baseline_of,
    baseline_hours,
    spell.sample AS sample,
    rewriting_said(spell.answered_with) AS rewriting,
    rewriting_said_ja(spell.answered_with) AS rewriting_ja,
    CASE baseline_of
        WHEN 'own hours' THEN getvariable('own_confidence')
        WHEN 'fleet' THEN getvariable('fleet_confidence')
        ELSE getvariable('prior_confidence')
    END AS confidence,
    spell.evidence AS evidence
FROM judged
WHERE
    ratio >= getvariable('min_ratio')
    AND ratio >= baseline_ratio + getvariable('margin')
ORDER BY first_seen, host_id
