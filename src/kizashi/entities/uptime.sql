-- uptime(site, host_id, day, bins)
-- Five-minute bins of the day (UTC) in which a host did anything: when it was on. Mail, alerts and cloud
-- records tell of a person or another machine, not that the host was on.
-- Reads every other event table.
WITH seen AS (
    FROM slots_of('authentication')
    UNION ALL
    FROM slots_of('dhcp_activity')
    UNION ALL
    FROM slots_of('dns_activity')
    UNION ALL
    FROM slots_of('file_activity')
    UNION ALL
    FROM slots_of('http_activity')
    UNION ALL
    FROM slots_of('module_activity')
    UNION ALL
    FROM slots_of('network_activity')
    UNION ALL
    FROM slots_of('network_file_activity')
    UNION ALL
    FROM slots_of('other_activity')
    UNION ALL
    FROM slots_of('process_activity')
    UNION ALL
    FROM slots_of('registry_activity')
    UNION ALL
    FROM slots_of('scheduled_job_activity')
    UNION ALL
    FROM slots_of('script_activity')
    UNION ALL
    FROM slots_of('service_activity')
    UNION ALL
    FROM slots_of('tls_activity')
)
SELECT
    any_value(site) AS site,
    host_id,
    slot_start(slot)::DATE AS day,
    list(DISTINCT uptime_bin(slot_start(slot)) ORDER BY uptime_bin(slot_start(slot))) AS bins
FROM seen
GROUP BY
    host_id,
    slot_start(slot)::DATE
