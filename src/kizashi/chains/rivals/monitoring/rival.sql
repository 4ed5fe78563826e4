-- Signals below a process that an installed program started as the system, the very same as on earlier
-- days: (signal_id, thing, hosts, days).
WITH probe AS (
    SELECT a.signal_id, a.host_id, a.first_seen, agent.shape AS doer, a.shape, a.line
    FROM acting AS a
    JOIN acting AS agent ON agent.signal_id = a.signal_id AND agent.depth = a.depth + 1
    WHERE agent.own AND a.of_system AND list_contains(getvariable('families'), a.family)
)
SELECT
    probe.signal_id,
    file_name(probe.doer) AS thing,
    0 AS hosts,
    count(DISTINCT deed.time::DATE) AS days
FROM probe
JOIN deed ON deed.host_id = probe.host_id AND deed.doer = probe.doer AND deed.shape = probe.shape
 AND deed.line IS NOT DISTINCT FROM probe.line
 AND deed.time::DATE < probe.first_seen::DATE
GROUP BY ALL
HAVING count(DISTINCT deed.time::DATE) >= getvariable('min_days')
ORDER BY probe.signal_id
