-- dns_hour(scope, site, host_id, hour, lookups, told, failures, new_names, registered, labels, label_length,
--          odd_labels, answered, answers, timed, ttl_log)
-- What was asked in each hour (UTC), by host, by site and of the fleet, in one pass. A and AAAA, and what
-- two sources saw of one question, count each. Sums only, so that shares and means of any hours can be made
-- of them; no list of names is kept, so a flood of names costs no memory here.
-- Reads own_dns_activity and dns_name.
SELECT
    CASE GROUPING(site, host_id) WHEN 0 THEN 'host' WHEN 1 THEN 'site' ELSE 'fleet' END AS scope,
    site,
    host_id,
    hour,
    count(*) AS lookups,
    count(rcode) AS told,
    count(*) FILTER (is_failed) AS failures,
    count(*) FILTER (is_new) AS new_names,
    count(*) FILTER (is_registered_lately) AS registered,
    count(label_length) AS labels,
    sum(label_length) AS label_length,
    sum(is_odd) AS odd_labels,
    count(answers) AS answered,
    sum(answers) AS answers,
    count(ttl_log) AS timed,
    sum(ttl_log) AS ttl_log
FROM (
    SELECT
        coalesce(asked.site, '') AS site,
        asked.host_id,
        date_trunc('hour', asked.time) AS hour,
        asked.rcode,
        coalesce(asked.rcode = 'NXDOMAIN', FALSE) AS is_failed,
        asked.time = dns_name.first_seen AS is_new,
        dns_name.is_listed
        AND coalesce(
            asked.time - dns_name.registered::TIMESTAMP
            BETWEEN INTERVAL 0 DAY AND to_days(getvariable('young_days')),
            TRUE) AS is_registered_lately,
        dns_name.label_length,
        dns_name.is_odd,
        nullif(len(asked.answers), 0) AS answers,
        ln(1 + list_min(asked.ttl_s)) AS ttl_log
    FROM own_dns_activity AS asked
    JOIN dns_name USING (query)
    WHERE is_of_page(asked.site, asked.host_id)
)
GROUP BY GROUPING SETS ((site, host_id, hour), (site, hour), (hour))
