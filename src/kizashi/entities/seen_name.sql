-- seen_name(query, first_seen, last_seen, hosts, lookups, failures)
-- Each name asked for, once, before it is split; `name` adds its registered domain. A and AAAA, and what
-- two sources saw of one question, count each. Reads own_dns_activity.
WITH by_host AS (
    SELECT
        query,
        site,
        host_id,
        min(time) AS first_seen,
        max(time) AS last_seen,
        count(*) AS lookups,
        count(*) FILTER (rcode = 'NXDOMAIN') AS failures
    FROM own_dns_activity
    WHERE query <> ''
    GROUP BY
        query,
        site,
        host_id
)
SELECT
    query,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen,
    count(*)::UINTEGER AS hosts,
    sum(lookups)::UBIGINT AS lookups,
    sum(failures)::UBIGINT AS failures
FROM by_host
GROUP BY query
