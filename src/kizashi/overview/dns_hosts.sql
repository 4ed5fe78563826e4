-- Hosts by how many fresh failed names they have, then by failing share.
SELECT
    dns_hour.site,
    substr(dns_hour.host_id, length(dns_hour.site) + 2) AS host,
    sum(lookups) AS lookups,
    sum(failures) AS failures,
    sum(failures) / nullif(sum(told), 0) AS failing,
    coalesce(any_value(fresh.names), 0) AS fresh_names,
    sum(new_names) AS new_names,
    CASE WHEN getvariable('has_feed') THEN sum(registered) END AS registered,
    sum(label_length) / nullif(sum(labels), 0) AS label_length,
    sum(odd_labels) / nullif(sum(labels), 0) AS odd_labels,
    sum(answers) / nullif(sum(answered), 0) AS answers,
    round(exp(sum(ttl_log) / nullif(sum(timed), 0)) - 1) AS ttl
FROM dns_hour
LEFT JOIN (
    SELECT
        host_id,
        count(*) AS names
    FROM dns_fresh
    GROUP BY host_id
) AS fresh ON fresh.host_id = dns_hour.host_id
WHERE dns_hour.scope = 'host'
GROUP BY dns_hour.site, dns_hour.host_id
ORDER BY fresh_names DESC, failing DESC NULLS LAST, lookups DESC, site, host
