-- A list for the proxy: what to let through although it is new, then what waits for a person.
SELECT
    'proxy' AS kind,
    CASE
        WHEN bool_and(list_contains(getvariable('honest'), reason) AND reason != 'unclear') THEN 'allow'
        WHEN getvariable('mode') = 'audit' THEN 'log'
        WHEN getvariable('mode') = 'block' THEN 'deny'
        WHEN bool_or(reason = 'unclear') THEN 'log'
        ELSE 'deny'
    END AS action,
    entry AS destination,
    string_agg(DISTINCT reason, ', ' ORDER BY reason) AS why,
    CAST(max(hosts) AS BIGINT) AS hosts,
    CAST(sum(times) AS BIGINT) AS would_stop
FROM stopped
GROUP BY entry
ORDER BY action, would_stop DESC, destination
