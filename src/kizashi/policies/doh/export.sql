-- Names for the proxy, addresses for the firewall; what was met here first.
WITH listed AS (
    SELECT
        'proxy' AS kind,
        unnest(getvariable('names')) AS entry
    UNION ALL
    SELECT
        'firewall' AS kind,
        unnest(getvariable('addresses')) AS entry
    UNION
    -- A resolver known by its form alone.
    SELECT
        CASE WHEN ip_number(stopped.entry) IS NULL THEN 'proxy' ELSE 'firewall' END AS kind,
        stopped.entry
    FROM stopped
),
counted AS (
    SELECT
        entry,
        sum(times) AS times,
        sum(times) FILTER (reason IN ('browser', 'phone', 'unclear')) AS in_the_way
    FROM stopped
    GROUP BY entry
)
SELECT
    listed.kind,
    CASE
        WHEN getvariable('mode') = 'block' THEN 'deny'
        WHEN getvariable('mode') = 'audit' THEN 'log'
        WHEN coalesce(counted.in_the_way, 0) > 0 THEN 'log'
        ELSE 'deny'
    END AS action,
    listed.entry AS destination,
    CASE listed.kind WHEN 'proxy' THEN 'tcp/443' ELSE 'tcp/443 udp/443 tcp/853 udp/853' END AS ports,
    CAST(coalesce(counted.times, 0) AS BIGINT) AS would_stop
FROM listed
LEFT JOIN counted ON counted.entry = listed.entry
ORDER BY would_stop DESC, listed.kind, destination
