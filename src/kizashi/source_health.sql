-- What each source wrote: records, the median of its hours with records, first and last, how late they
-- arrive. Variable by_host: the same for each host. Reads source_hour, source_lag.
WITH hour_of AS (
    SELECT
        source,
        CASE WHEN getvariable('by_host') THEN host_id END AS host,
        hour,
        sum(rows)::BIGINT AS rows,
        max(last_seen) AS last_seen
    FROM source_hour
    GROUP BY
        ALL
),
lag AS (
    SELECT
        source,
        host_id AS host,
        sum(records)::BIGINT AS records_with_lag,
        median(median_s) AS lag_s,
        median(most_s) AS lag_most_s
    FROM source_lag
    WHERE (host_id IS NOT NULL) = getvariable('by_host')
    GROUP BY
        source,
        host_id
)
SELECT
    hour_of.source,
    hour_of.host,
    sum(rows)::BIGINT AS records,
    count(*) AS hours,
    median(rows) AS rows_an_hour,
    min(hour) AS first_hour,
    max(last_seen) AS last_seen,
    any_value(records_with_lag) AS records_with_lag,
    any_value(lag_s) AS lag_s,
    any_value(lag_most_s) AS lag_most_s
FROM hour_of
LEFT JOIN lag
    ON lag.source = hour_of.source
    AND lag.host IS NOT DISTINCT FROM hour_of.host
GROUP BY
    hour_of.source,
    hour_of.host
ORDER BY
    hour_of.source,
    hour_of.host
