-- source_hour(source, host_id, is_own, hour, rows, last_seen)
-- What each source wrote of each host in each hour (UTC), and the last record: what silence and
-- thinning are told from. `is_own` where the host itself wrote it. Reads every event table.
WITH seen AS (
    FROM rows_of('account_change')
    UNION ALL
    FROM rows_of('alert')
    UNION ALL
    FROM rows_of('authentication')
    UNION ALL
    FROM rows_of('consent_activity')
    UNION ALL
    FROM rows_of('dhcp_activity')
    UNION ALL
    FROM rows_of('dns_activity')
    UNION ALL
    FROM rows_of('email_activity')
    UNION ALL
    FROM rows_of('file_activity')
    UNION ALL
    FROM rows_of('http_activity')
    UNION ALL
    FROM rows_of('module_activity')
    UNION ALL
    FROM rows_of('network_activity')
    UNION ALL
    FROM rows_of('network_file_activity')
    UNION ALL
    FROM rows_of('other_activity')
    UNION ALL
    FROM rows_of('process_activity')
    UNION ALL
    FROM rows_of('registry_activity')
    UNION ALL
    FROM rows_of('scheduled_job_activity')
    UNION ALL
    FROM rows_of('script_activity')
    UNION ALL
    FROM rows_of('service_activity')
    UNION ALL
    FROM rows_of('tls_activity')
    UNION ALL
    FROM rows_of('web_resource_activity')
)
SELECT
    source,
    host_id,
    coalesce(is_own, false) AS is_own,
    hour,
    sum(rows)::BIGINT AS rows,
    max(last_seen) AS last_seen
FROM seen
GROUP BY
    source,
    host_id,
    coalesce(is_own, false),
    hour
