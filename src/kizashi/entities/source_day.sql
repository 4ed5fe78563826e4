-- source_day(source, day, rows, last_seen)
-- What each source wrote on each day (UTC), and its last record: what its silence and its
-- thinning are told from. Reads every event table.
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
    day,
    sum(rows)::BIGINT AS rows,
    max(last_seen) AS last_seen
FROM seen
GROUP BY
    source,
    day
