-- dns_fresh(site, host_id, time, unit, query): failed names that may be an algorithm's, each once a day and host,
-- and how many there were in the hour and in the day before. Reads failed_lookup.
WITH fresh AS (
    SELECT
        coalesce(site, '') AS site,
        host_id,
        time,
        unit,
        query,
        evidence
    FROM failed_lookup
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
