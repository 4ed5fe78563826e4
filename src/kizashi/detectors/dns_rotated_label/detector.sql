-- Labels that a host failed on under three suffixes within minutes, or several drawn labels under two each. Devolution along a search list is
-- gone before (failed_lookup); labels that resolve for others under some suffix are brands.
WITH asked AS (
    SELECT
        site,
        host_id,
        label,
        unit,
        min(time) AS time,
        max(process_guid) AS process_guid,
        max(image) AS image,
        arg_min(evidence, (time, evidence)) AS evidence
    FROM failed_lookup
    WHERE
        parent IS NULL
        AND length(label) >= getvariable('min_label')
    GROUP BY site, host_id, label, unit
),
brand AS (
    SELECT DISTINCT domain_label AS label
    FROM name
    WHERE
        lookups > failures
        AND hosts >= getvariable('few_hosts')
),
-- The first name of a run that long before has no room behind it, so look both ways.
beside AS (
    SELECT
        site,
        host_id,
        label,
        unit,
        time,
        process_guid,
        image,
        evidence,
        lead(time, getvariable('pair_names') - 1) OVER of_label - time
        <= to_minutes(getvariable('window_minutes')) AS is_reached
    FROM asked
    ANTI JOIN brand USING (label)
    WINDOW of_label AS (PARTITION BY site, host_id, label ORDER BY time, unit)
),
rotated AS (
    SELECT
        site,
        host_id,
        label,
        unit,
        time,
        process_guid,
        image,
        evidence
    FROM beside
    QUALIFY
        bool_or(is_reached) OVER (
            PARTITION BY site, host_id, label
            ORDER BY time, unit
            ROWS BETWEEN getvariable('pair_names') - 1 PRECEDING AND CURRENT ROW
        )
),
graded AS (
    SELECT
        one.label,
        label_grade.letter_odds > getvariable('made_odds') AS is_made
    FROM (
        SELECT
            label,
            grade_of(label) AS grade
        FROM (SELECT DISTINCT label FROM rotated)
    ) AS one
    JOIN label_grade USING (grade)
),
begun AS (
    SELECT
        rotated.site,
        rotated.host_id,
        rotated.label,
        rotated.unit,
        rotated.time,
        rotated.process_guid,
        rotated.image,
        rotated.evidence,
        graded.is_made,
        coalesce(
            rotated.time - lag(rotated.time) OVER of_host > to_minutes(getvariable('session_minutes')),
            TRUE
        ) AS begins
    FROM rotated
    JOIN graded USING (label)
    WINDOW of_host AS (
        PARTITION BY rotated.site, rotated.host_id ORDER BY rotated.time, rotated.unit
    )
),
session AS (
    SELECT
        site,
        host_id,
        label,
        unit,
        time,
        process_guid,
        image,
        evidence,
        is_made,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY site, host_id ORDER BY time, unit ROWS UNBOUNDED PRECEDING
        ) AS session_no
    FROM begun
),
counted AS (
    SELECT
        site,
        host_id,
        label,
        unit,
        time,
        process_guid,
        image,
        evidence,
        is_made,
        session_no,
        count(*) OVER (PARTITION BY site, host_id, session_no, label) AS names_of_label,
        count(DISTINCT label) FILTER (is_made) OVER (PARTITION BY site, host_id, session_no) AS made_labels
    FROM session
),
told AS (
    SELECT
        site,
        host_id,
        label,
        unit,
        time,
        process_guid,
        image,
        evidence,
        is_made,
        session_no
    FROM counted
    WHERE
        names_of_label >= getvariable('min_names')
        OR (is_made AND made_labels >= getvariable('several_labels'))
)
SELECT
    site,
    host_id,
    min(time) AS first_seen,
    max(time) AS last_seen,
    CASE WHEN count(DISTINCT process_guid) = 1 THEN max(process_guid) END AS process_guid,
    CASE WHEN count(DISTINCT image) = 1 THEN max(image) END AS image,
    count(DISTINCT label) AS labels,
    count(DISTINCT unit) AS names,
    count(DISTINCT substr(unit, length(label) + 1)) AS suffixes,
    getvariable('window_minutes') AS window_minutes,
    list_sort(list(DISTINCT unit))[:getvariable('sample_names')] AS sample,
    list_sort(list(DISTINCT unit))[:getvariable('most_siblings')] AS siblings,
    CASE
        WHEN count(DISTINCT label) >= getvariable('several_labels')
            THEN getvariable('several_confidence')
        WHEN bool_or(is_made) THEN getvariable('made_confidence')
        ELSE getvariable('plain_confidence')
    END AS confidence,
    list(evidence ORDER BY time, evidence.file_id, evidence.record_no)
        [:getvariable('max_evidence')] AS evidence
FROM told
GROUP BY site, host_id, session_no
ORDER BY first_seen, host_id
