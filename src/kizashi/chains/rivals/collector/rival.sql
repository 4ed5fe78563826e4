-- Signals below a script that ran with the same line on other hosts within a day and read logs, on a host
-- where nothing below it cleared any: (signal_id, thing, hosts, days).
WITH script AS (
    SELECT a.signal_id, a.host_id, a.first_seen, a.shape, a.line, a.account
    FROM acting AS a
    WHERE list_contains(getvariable('families'), a.family) AND a.line IS NOT NULL
),
other AS (
    SELECT s.signal_id, s.line, count(DISTINCT d.host_id) AS hosts
    FROM script AS s
    JOIN deed AS d ON d.shape = s.shape AND d.line = s.line AND d.host_id != s.host_id
     AND d.time BETWEEN s.first_seen - INTERVAL 1 DAY AND s.first_seen + INTERVAL 1 DAY
    GROUP BY ALL
    HAVING count(DISTINCT d.host_id) >= getvariable('min_hosts')
),
near AS (
    SELECT DISTINCT s.signal_id, p.command_line
    FROM script AS s
    JOIN process_activity AS p ON p.host_id = s.host_id AND p.activity = 'start'
     AND lower(p."user") IS NOT DISTINCT FROM s.account
     AND p.time BETWEEN s.first_seen - INTERVAL 1 HOUR AND s.first_seen + INTERVAL 1 HOUR
)
SELECT
    other.signal_id,
    max(other.line) AS thing,
    max(other.hosts) AS hosts,
    1 AS days
FROM other
WHERE EXISTS (FROM near WHERE near.signal_id = other.signal_id
              AND regexp_matches(near.command_line, getvariable('readers')))
  AND NOT EXISTS (FROM near WHERE near.signal_id = other.signal_id
              AND regexp_matches(near.command_line, getvariable('erasers')))
GROUP BY other.signal_id
ORDER BY other.signal_id
