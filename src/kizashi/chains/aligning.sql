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
)
SELECT
    signal.* REPLACE (
        aligned_time(signal.first_seen, shifted.shift_s) AS first_seen,
        aligned_time(signal.last_seen, shifted.shift_s) AS last_seen,
        anchored.clock_id AS clock_id,
        unsure.clock_id IS NOT NULL AS zone_unsure
    )
FROM signal
LEFT JOIN anchored USING (signal_id)
LEFT JOIN shifted USING (signal_id)
LEFT JOIN unsure ON unsure.clock_id = anchored.clock_id
