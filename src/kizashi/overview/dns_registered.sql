-- Newly registered domains that were asked for.
SELECT
    name.registered_domain,
    any_value(registered_lately.registered) AS registered,
    min(name.first_seen) AS first_seen,
    sum(name.lookups) AS lookups,
    max(name.hosts) AS hosts
FROM name
JOIN registered_lately ON registered_lately.domain = name.registered_domain
WHERE
    registered_lately.registered IS NULL
    OR (
        name.last_seen >= registered_lately.registered
        AND name.first_seen <= registered_lately.registered + to_days(getvariable('young_days'))
    )
GROUP BY name.registered_domain
ORDER BY first_seen DESC, name.registered_domain
