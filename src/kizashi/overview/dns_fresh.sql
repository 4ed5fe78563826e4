-- dns_fresh(site, host_id, time, unit, query, in_hour, in_day): failed names whose labels look drawn, each once a
-- day and host, and how many there were in the hour and in the day before. Dead links and mistypings would
-- drown the first names of a search; of what words are joined from, only the detectors tell.
-- Reads failed_lookup and label_grade.
WITH drawn AS (
    SELECT graded.label
    FROM (
        SELECT
            label,
            grade_of(label) AS grade
        FROM (SELECT DISTINCT label FROM failed_lookup)
    ) AS graded
    JOIN label_grade USING (grade)
    WHERE greatest(label_grade.letter_odds, label_grade.word_odds) > 0
),
fresh AS (
    SELECT
        coalesce(site, '') AS site,
        host_id,
        time,
        unit,
        query,
        evidence
    FROM failed_lookup
    SEMI JOIN drawn USING (label)
    WHERE is_of_page(site, host_id)
    QUALIFY
        coalesce(
            time - lag(time) OVER (
                PARTITION BY site, host_id, unit ORDER BY time, evidence.file_id, evidence.record_no
            ) > INTERVAL 1 DAY,
            TRUE)
)
SELECT
    site,
    host_id,
    time,
    unit,
    query,
    count(*) OVER (
        PARTITION BY site, host_id ORDER BY time RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW
    ) AS in_hour,
    count(*) OVER (
        PARTITION BY site, host_id ORDER BY time RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW
    ) AS in_day
FROM fresh
