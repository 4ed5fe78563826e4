-- name(query, registered_domain, label, first_seen, last_seen, hosts, lookups, failures)
-- Each name asked for, once. A look-up is counted once per host and five seconds.
-- Reads dns_activity.
WITH lookup AS (
    SELECT
        query,
        site,
        host_id,
        time_bucket(lookup_gap(), time) AS slot,
        bool_or(rcode = 'NXDOMAIN') AS failed,
        min(time) AS first_seen,
        max(time) AS last_seen
    FROM dns_activity
    WHERE query <> ''
    GROUP BY
        query,
        site,
        host_id,
        time_bucket(lookup_gap(), time)
),
by_host AS (
    SELECT
        query,
        site,
        host_id,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        count(*) AS lookups,
        count(*) FILTER (failed) AS failures
    FROM lookup
    GROUP BY
        query,
        site,
        host_id
),
by_name AS (
    SELECT
        query,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        count(*) AS hosts,
        sum(lookups) AS lookups,
        sum(failures) AS failures
    FROM by_host
    GROUP BY query
)
SELECT
    by_name.query,
    split.registered_domain,
    split.label,
    by_name.first_seen,
    by_name.last_seen,
    by_name.hosts::UINTEGER AS hosts,
    by_name.lookups::UBIGINT AS lookups,
    by_name.failures::UBIGINT AS failures,
    split.domain_label,
    split.is_dynamic_dns
FROM by_name
LEFT JOIN registered_domains('dns_activity') AS split ON split.query = by_name.query
