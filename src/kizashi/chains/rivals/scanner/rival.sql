-- Signals of a machine while it visits many addresses inside on many ports, as it did on earlier days:
-- (signal_id, thing, hosts, days).
WITH visited AS (
    SELECT
        host_id,
        date_trunc('hour', time) AS hour,
        count(DISTINCT server_ip) AS targets,
        count(DISTINCT server_port) AS ports
    FROM network_activity
    WHERE host_id IN (SELECT host_id FROM signal WHERE list_contains(getvariable('families'), family))
      AND server_ip IN (SELECT client_ip FROM lease UNION SELECT client_ip FROM network_activity)
    GROUP BY ALL
    HAVING count(DISTINCT server_ip) >= getvariable('min_targets')
       AND count(DISTINCT server_port) >= getvariable('min_ports')
),
scanning AS (
    SELECT s.signal_id, s.host_id, s.first_seen, max(v.targets) AS targets
    FROM signal AS s
    JOIN visited AS v ON v.host_id = s.host_id
     AND v.hour BETWEEN date_trunc('hour', s.first_seen) AND s.last_seen
    WHERE list_contains(getvariable('families'), s.family)
    GROUP BY ALL
)
SELECT
    scanning.signal_id,
    split_part(scanning.host_id, '/', -1) AS thing,
    scanning.targets AS hosts,
    count(DISTINCT v.hour::DATE) AS days
FROM scanning
JOIN visited AS v ON v.host_id = scanning.host_id AND v.hour::DATE < scanning.first_seen::DATE
GROUP BY ALL
HAVING count(DISTINCT v.hour::DATE) >= getvariable('min_days')
ORDER BY scanning.signal_id
