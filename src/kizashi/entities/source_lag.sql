-- source_lag(source, host_id, day, records, median_s, most_s)
-- How long records of a source took, by day, from what they tell of until a collector or service took
-- them in; host_id is NULL for the source as a whole. Only records that say both times; a source without
-- such records is not here, and its lag is not known. Below 0 the record's clock or zone is ahead.
-- most_s: nine records of ten came sooner. Reads every event table.
WITH seen AS (
    FROM lags_of('account_change')
    UNION ALL
    FROM lags_of('alert')
    UNION ALL
    FROM lags_of('authentication')
    UNION ALL
    FROM lags_of('certificate_activity')
    UNION ALL
    FROM lags_of('consent_activity')
    UNION ALL
    FROM lags_of('dhcp_activity')
    UNION ALL
    FROM lags_of('dns_activity')
    UNION ALL
    FROM lags_of('email_activity')
    UNION ALL
    FROM lags_of('file_activity')
    UNION ALL
    FROM lags_of('http_activity')
    UNION ALL
    FROM lags_of('module_activity')
    UNION ALL
    FROM lags_of('network_activity')
    UNION ALL
    FROM lags_of('network_file_activity')
    UNION ALL
    FROM lags_of('other_activity')
    UNION ALL
    FROM lags_of('process_activity')
    UNION ALL
    FROM lags_of('registry_activity')
    UNION ALL
    FROM lags_of('scheduled_job_activity')
    UNION ALL
    FROM lags_of('script_activity')
    UNION ALL
    FROM lags_of('service_activity')
    UNION ALL
    FROM lags_of('tls_activity')
    UNION ALL
    FROM lags_of('web_resource_activity')
)
SELECT
    source,
    host_id,
    day,
    count(*) AS records,
    quantile_cont(lag_s, 0.5) AS median_s,
    quantile_cont(lag_s, 0.9) AS most_s
FROM seen
GROUP BY
    GROUPING SETS ((source, day), (source, host_id, day))
