-- uptime(site, host_id, day, bins)
-- Five-minute bins of the day (UTC) in which a host did anything: when it was on. Mail, alerts and cloud
-- records tell of a person or another machine, not that the host was on.
-- Reads every other event table.
WITH seen AS (
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM authentication
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM dhcp_activity
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM dns_activity
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM file_activity
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM http_activity
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM module_activity
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM network_activity
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM network_file_activity
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM other_activity
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM process_activity
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM registry_activity
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM scheduled_job_activity
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM script_activity
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM service_activity
    UNION ALL
    SELECT DISTINCT
        site,
        host_id,
        time::DATE AS day,
        uptime_bin(time) AS bin
    FROM tls_activity
)
SELECT
    site,
    host_id,
    day,
    list(DISTINCT bin ORDER BY bin) AS bins
FROM seen
WHERE host_id IS NOT NULL
    AND day IS NOT NULL
GROUP BY
    site,
    host_id,
    day
