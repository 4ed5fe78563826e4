-- clock_step(clock, other, time, from_s, to_s)
-- Clocks that were set: the offset to another clock changes at once and stays. A likely zone error is
-- no step. Reads clock_offset.
SELECT
    clock_a AS clock,
    clock_b AS other,
    from_time AS time,
    before_s AS from_s,
    offset_s AS to_s
FROM (
    SELECT
        *,
        lag(offset_s) OVER (PARTITION BY clock_a, clock_b ORDER BY from_time) AS before_s
    FROM clock_offset
)
WHERE abs(offset_s - before_s) > clock_step_s()
