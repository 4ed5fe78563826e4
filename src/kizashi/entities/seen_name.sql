-- seen_name(query, first_seen, last_seen, hosts, lookups, failures)
-- Each name asked for, once, before it is split; `name` adds its registered domain. A and AAAA, and what
-- two sources saw of one question, count each. A host_id holds its site. Reads own_dns_activity.
SELECT
    query,
    min(time) AS first_seen,
    max(time) AS last_seen,
    count(DISTINCT host_id)::UINTEGER AS hosts,
    count(*)::UBIGINT AS lookups,
    count(*) FILTER (rcode = 'NXDOMAIN')::UBIGINT AS failures
FROM own_dns_activity
WHERE query <> ''
GROUP BY query
