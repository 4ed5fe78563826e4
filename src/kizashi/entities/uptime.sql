-- uptime(site, host_id, day, bins)
-- Five-minute bins of the day (UTC) in which a host did anything: when it was on. Mail, alerts and cloud
-- records tell of a person or another machine, not that the host was on.
-- Reads every other event table.
WITH seen AS (
    FROM bins_of('authentication')
    UNION ALL
    FROM bins_of('dhcp_activity')
    UNION ALL
    FROM bins_of('dns_activity')
    UNION ALL
    FROM bins_of('file_activity')
    UNION ALL
    FROM bins_of('http_activity')
    UNION ALL
    FROM bins_of('module_activity')
    UNION ALL
    FROM bins_of('network_activity')
    UNION ALL
    FROM bins_of('network_file_activity')
    UNION ALL
    FROM bins_of('other_activity')
    UNION ALL
    FROM bins_of('process_activity')
    UNION ALL
    FROM bins_of('registry_activity')
    UNION ALL
    FROM bins_of('scheduled_job_activity')
    UNION ALL
    FROM bins_of('script_activity')
    UNION ALL
    FROM bins_of('service_activity')
    UNION ALL
    FROM bins_of('tls_activity')
)
SELECT
    any_value(site) AS site,
    host_id,
    day,
    list_filter(range(288), lambda bin: get_bit(bit_or(bits), bin::INTEGER) = 1)::USMALLINT[] AS bins
FROM seen
GROUP BY
    host_id,
    day
