-- Signals in one time: each by the clock of its anchor event, brought to the reference clock. A shift
-- that its own uncertainty could explain is left alone, so that order inside one clock stays as logged.
-- An offset that looks like a wrong zone is used, but stays unsure until connections or records that
-- two clocks timed prove it, or a person confirms it: setting confirmed_clocks. Reads signal,
-- clock_offset, clock_shift and anchor_clock(file_id, host_id, clock_id).
CREATE OR REPLACE TABLE signal AS
WITH anchored AS (
    SELECT s.signal_id, s.first_seen, any_value(a.clock_id) AS clock_id
    FROM signal AS s
    JOIN anchor_clock AS a ON a.file_id = s.evidence[1].file_id AND a.host_id = s.host_id
    GROUP BY s.signal_id, s.first_seen
),
shifted AS (
    SELECT s.signal_id, any_value(c.shift_s ORDER BY c.from_time) AS shift_s
    FROM anchored AS s
    JOIN clock_shift AS c ON c.clock_id = s.clock_id
     AND s.first_seen >= c.from_time AND s.first_seen < c.to_time
    WHERE abs(c.shift_s) > 2 * c.uncertainty_s AND abs(c.shift_s) >= 1
    GROUP BY s.signal_id
),
unsure AS (
    SELECT DISTINCT clock_a AS clock_id
    FROM clock_offset
    WHERE is_zone_error
        AND NOT is_proven
        AND NOT list_contains(getvariable('confirmed_clocks'), clock_a)
),
aligned AS (
    SELECT
        signal.* REPLACE (
            aligned_time(signal.first_seen, shifted.shift_s) AS first_seen,
            aligned_time(signal.last_seen, shifted.shift_s) AS last_seen,
            anchored.clock_id AS clock_id,
            coalesce(-shifted.shift_s, 0) AS shift_s,
            unsure.clock_id IS NOT NULL AS zone_unsure
        )
    FROM signal
    LEFT JOIN anchored USING (signal_id)
    LEFT JOIN shifted USING (signal_id)
    LEFT JOIN unsure ON unsure.clock_id = anchored.clock_id
),
-- A set of events may hold some from before the program that it is laid to first started: what that
-- program did begins with its start.
own_program AS (
    SELECT DISTINCT a.signal_id, p.host_id, p.image, p.command_line
    FROM aligned AS a
    JOIN process_activity AS p ON p.host_id = a.host_id AND p.process_guid = a.process_guid
    WHERE p.activity = 'start' AND a.first_seen < a.last_seen
),
first_start AS (
    SELECT host_id, image, command_line, min(time) AS time, min_by(clock_id, time) AS clock_id
    FROM process_activity
    WHERE activity = 'start' AND (host_id, image) IN (SELECT host_id, image FROM own_program)
    GROUP BY host_id, image, command_line
),
begun AS (
    SELECT
        o.signal_id,
        min(aligned_time(f.time, c.shift_s)) AS time
    FROM own_program AS o
    JOIN first_start AS f ON f.host_id = o.host_id AND f.image = o.image
     AND f.command_line IS NOT DISTINCT FROM o.command_line
    LEFT JOIN clock_shift AS c ON c.clock_id = f.clock_id
     AND f.time >= c.from_time AND f.time < c.to_time
     AND abs(c.shift_s) > 2 * c.uncertainty_s AND abs(c.shift_s) >= 1
    GROUP BY o.signal_id
)
SELECT
    aligned.* REPLACE (
        CASE
            -- A moment later, so that in a story the start comes first.
            WHEN begun.time BETWEEN aligned.first_seen AND aligned.last_seen
                THEN begun.time + to_microseconds(1)
            ELSE aligned.first_seen
        END AS first_seen
    )
FROM aligned
LEFT JOIN begun USING (signal_id)
