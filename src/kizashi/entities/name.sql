-- name(query, registered_domain, label, first_seen, last_seen, hosts, lookups, failures)
-- Each name asked for, once, with the domain that somebody registered. Reads seen_name.
SELECT
    seen_name.query,
    split.registered_domain,
    split.label,
    seen_name.first_seen,
    seen_name.last_seen,
    seen_name.hosts,
    seen_name.lookups,
    seen_name.failures,
    split.domain_label,
    split.is_dynamic_dns
FROM seen_name
LEFT JOIN registered_domains('seen_name') AS split ON split.query = seen_name.query
