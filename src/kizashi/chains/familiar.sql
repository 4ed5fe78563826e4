-- Signals about a program, or where none is named a destination, that other hosts knew before this
-- one: (signal_id, hosts, share, thing). Before means a day earlier, or as long as the logs go back.
-- What comes with Windows is everywhere and says nothing. Reads signal, process_activity, contact
-- and uptime.
WITH fleet AS (
    SELECT greatest(count(DISTINCT host_id), 1) AS hosts FROM uptime
),
item AS (
    SELECT
        signal_id,
        host_id,
        first_seen,
        program_shape(coalesce(object_image, image)) AS program,
        CASE WHEN coalesce(object_image, image) IS NULL THEN destination END AS destination
    FROM signal
),
-- Nothing but a program outside the system's own folders is known by its path.
own_program AS (
    SELECT * FROM item
    WHERE program IS NOT NULL
      AND NOT starts_with(program, 'c:\windows\')
      AND NOT list_contains(getvariable('system_hosts'), file_name(program))
),
ran AS (
    SELECT program_shape(image) AS thing, host_id, min(time) AS first_seen
    FROM process_activity
    WHERE activity = 'start' AND image IS NOT NULL
    GROUP BY ALL
    HAVING thing IN (SELECT program FROM own_program)
),
spoke AS (
    SELECT destination AS thing, host_id, min(first_seen) AS first_seen
    FROM contact
    WHERE destination IN (SELECT destination FROM item WHERE destination IS NOT NULL)
    GROUP BY ALL
),
begin AS (
    SELECT
        (SELECT min(time) FROM process_activity) AS ran,
        (SELECT min(first_seen) FROM contact) AS spoke
),
known AS (
    SELECT o.signal_id, o.host_id, o.program AS thing, r.host_id AS other, r.first_seen, b.ran AS logs_begin
    FROM own_program AS o
    JOIN ran AS r ON r.thing = o.program AND r.host_id != o.host_id
    CROSS JOIN begin AS b
    UNION ALL
    SELECT i.signal_id, i.host_id, i.destination, s.host_id, s.first_seen, b.spoke
    FROM item AS i
    JOIN spoke AS s ON s.thing = i.destination AND s.host_id != i.host_id
    CROSS JOIN begin AS b
),
own_first AS (
    SELECT host_id, thing, min(first_seen) AS first_seen
    FROM (FROM ran UNION ALL FROM spoke)
    GROUP BY ALL
)
SELECT
    known.signal_id,
    count(DISTINCT known.other) AS hosts,
    count(DISTINCT known.other) / any_value(fleet.hosts) AS share,
    any_value(file_name(known.thing)) AS thing
FROM known
LEFT JOIN own_first ON own_first.host_id = known.host_id AND own_first.thing = known.thing
CROSS JOIN fleet
WHERE known.first_seen < coalesce(own_first.first_seen, known.first_seen + to_days(2)) - to_days(1)
   OR known.first_seen < known.logs_begin + to_days(1)
GROUP BY known.signal_id
HAVING count(DISTINCT known.other) >= getvariable('familiar_hosts')
ORDER BY known.signal_id
