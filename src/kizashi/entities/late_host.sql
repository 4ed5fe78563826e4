-- late_host(source, host_id, lag_s, habit_s)
-- Hosts whose records of a source come much later than the source's do as a whole. Reads source_lag.
WITH habit AS (
    SELECT
        source,
        median(median_s) AS habit_s
    FROM source_lag
    WHERE host_id IS NULL
    GROUP BY source
)
SELECT
    source,
    host_id,
    median(median_s) AS lag_s,
    any_value(habit_s) AS habit_s
FROM source_lag
JOIN habit USING (source)
WHERE host_id IS NOT NULL
GROUP BY
    source,
    host_id
HAVING
    sum(records) >= fewest_late_records()
    AND median(median_s) > late_s()
    AND median(median_s) > late_factor() * greatest(any_value(habit_s), 1)
