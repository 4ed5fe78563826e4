-- Signals below a process that an installed agent started as the system, where the agent is older here
-- than the deed, and started the very same on other hosts: (signal_id, thing, hosts, days).
WITH given AS (
    SELECT a.signal_id, a.host_id, a.first_seen, agent.shape AS doer, a.shape, a.line
    FROM acting AS a
    JOIN acting AS agent ON agent.signal_id = a.signal_id AND agent.depth = a.depth + 1
    WHERE agent.own AND a.of_system AND list_contains(getvariable('families'), a.family)
),
agent AS (
    SELECT host_id, coalesce(if(doer IN (SELECT doer FROM given), doer, NULL), shape) AS doer, min(time) AS since
    FROM deed
    GROUP BY ALL
)
SELECT
    given.signal_id,
    file_name(given.doer) AS thing,
    count(DISTINCT deed.host_id) AS hosts,
    count(DISTINCT deed.time::DATE) AS days
FROM given
JOIN agent ON agent.host_id = given.host_id AND agent.doer = given.doer
 AND agent.since <= given.first_seen - to_days(getvariable('agent_days')::INT)
JOIN deed ON deed.doer = given.doer AND deed.shape = given.shape
 AND deed.line IS NOT DISTINCT FROM given.line
 AND deed.host_id != given.host_id
 AND deed.time BETWEEN given.first_seen - to_days(getvariable('within_days')::INT)
                   AND given.first_seen + to_days(getvariable('within_days')::INT)
GROUP BY ALL
HAVING count(DISTINCT deed.host_id) >= getvariable('min_hosts')
ORDER BY given.signal_id
