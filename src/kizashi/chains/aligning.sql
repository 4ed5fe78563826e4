-- Signals in one time: each by the clock of its anchor event, brought to the reference clock. A shift
-- that its own uncertainty could explain is left alone, so that order inside one clock stays as logged.
-- Reads signal, clock_shift and anchor_clock(file_id, host_id, clock_id).
CREATE OR REPLACE TABLE signal AS
WITH shifted AS (
    SELECT s.signal_id, any_value(c.shift_s ORDER BY c.from_time) AS shift_s
    FROM signal AS s
    JOIN anchor_clock AS a ON a.file_id = s.evidence[1].file_id AND a.host_id = s.host_id
    JOIN clock_shift AS c ON c.clock_id = a.clock_id
     AND s.first_seen >= c.from_time AND s.first_seen < c.to_time
    WHERE abs(c.shift_s) > 2 * c.uncertainty_s AND abs(c.shift_s) >= 1
    GROUP BY s.signal_id
)
SELECT
    signal.* REPLACE (
        aligned_time(first_seen, shift_s) AS first_seen,
        aligned_time(last_seen, shift_s) AS last_seen
    )
FROM signal
LEFT JOIN shifted USING (signal_id)
