-- Indicators among the contacts whose events have left the lake.
WITH met AS (
    SELECT
        destination,
        server_ip,
        host_id,
        day,
        second_of(day, times[1]) AS first_seen,
        second_of(day, times[-1]) AS last_seen
    FROM contact_history
),
named AS (
    SELECT
        indicator.value,
        indicator.title,
        met.destination,
        met.host_id,
        met.day,
        met.first_seen,
        met.last_seen
    FROM (SELECT *, unnest(name_and_parents(destination)) AS part FROM met) AS met
    JOIN indicator ON indicator.kind = 'name' AND indicator.value = met.part
    UNION ALL
    SELECT
        indicator.value,
        indicator.title,
        met.destination,
        met.host_id,
        met.day,
        met.first_seen,
        met.last_seen
    FROM met
    JOIN indicator ON indicator.kind = 'address' AND indicator.value = met.server_ip
    UNION ALL
    SELECT
        indicator.value,
        indicator.title,
        met.destination,
        met.host_id,
        met.day,
        met.first_seen,
        met.last_seen
    FROM (SELECT *, ip_number(server_ip) AS number FROM met) AS met
    JOIN indicator ON indicator.kind = 'network' AND met.number BETWEEN indicator.low AND indicator.high
)
SELECT
    value,
    any_value(title) AS title,
    host_id,
    any_value(destination) AS destination,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen,
    count(DISTINCT day) AS days
FROM named
GROUP BY
    value,
    host_id
ORDER BY
    first_seen,
    value,
    host_id
