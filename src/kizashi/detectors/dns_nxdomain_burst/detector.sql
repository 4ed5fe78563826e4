-- Runs of failures that name many different registered domains. Failures are filtered first; what
-- fails by design goes by structure, so that no list of domains has to be kept.
-- A retry adds nothing: a unit counts again only after a window without it.
WITH fresh AS (
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
        answered_with,
        evidence
    FROM failed_lookup
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
        answered_with,
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
        answered_with,
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
        answered_with,
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
        answered_with,
        evidence,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY site, host_id
            ORDER BY time, evidence.file_id, evidence.record_no
            ROWS UNBOUNDED PRECEDING
        ) AS session_no
    FROM begun
),
graded AS (
    SELECT
        asked_label.label,
        greatest(label_grade.letter_odds, label_grade.word_odds) AS odds
    FROM (
        SELECT
            label,
            grade_of(label) AS grade
        FROM (SELECT DISTINCT label FROM session)
    ) AS asked_label
    JOIN label_grade USING (grade)
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
        avg(odds) AS odds_mean,
        count(DISTINCT substr(query, length(label) + 1)) AS suffixes,
        CAST(round(epoch(max(time)) - epoch(min(time))) AS BIGINT) AS span_s,
        min(length(label)) AS label_length_min,
        max(length(label)) AS label_length_max,
        list_sort(list(DISTINCT query))[:getvariable('sample_names')] AS sample,
        list(DISTINCT answered_with) FILTER (answered_with IS NOT NULL) AS answered_with,
        list(evidence ORDER BY time, evidence.file_id, evidence.record_no)
            [:getvariable('max_evidence')] AS evidence
    FROM session
    JOIN graded USING (label)
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
    rewriting_said(answered_with) AS rewriting,
    rewriting_said_ja(answered_with) AS rewriting_ja,
    CASE
        WHEN
            label_length_max - label_length_min <= getvariable('alike_spread')
            OR (
                domains >= getvariable('loud_names')
                AND odds_mean >= getvariable('least_odds')
            )
            THEN getvariable('alike_confidence')
        ELSE getvariable('mixed_confidence')
    END AS confidence,
    evidence
FROM judged
ORDER BY first_seen, host_id
