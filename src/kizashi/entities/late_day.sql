-- late_day(source, day, lag_s, habit_s)
-- Days on which a source came much later than on its others. Reads source_lag.
SELECT
    source,
    day,
    median_s AS lag_s,
    median(median_s) OVER own AS habit_s
FROM source_lag
WHERE host_id IS NULL
    AND records >= fewest_late_records()
WINDOW own AS (PARTITION BY source)
QUALIFY
    lag_s > late_s()
    AND lag_s > late_factor() * greatest(habit_s, 1)
    AND count(*) OVER own >= usual_days() + 1
