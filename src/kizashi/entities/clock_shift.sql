-- clock_shift(clock_id, from_time, to_time, shift_s, uncertainty_s, reference)
-- What to take from a clock's time to get the reference clock's: aligned_time(time, shift_s). Each
-- clock has rows from the beginning to the end of time that do not overlap:
--     LEFT JOIN clock_shift AS shift
--         ON shift.clock_id = event.clock_id
--         AND event.time >= shift.from_time AND event.time < shift.to_time
-- A clock without a row needs no shift or none is known. The reference is the clock that nothing
-- corrects: the sensor, where there is one. A path over another clock of the device is taken where it
-- is the surer one. Order inside one clock holds as it is; order between two only beyond their
-- uncertainties together. Reads clock_offset.
WITH both_ways AS (
    SELECT
        clock_a,
        clock_b,
        from_time,
        to_time,
        offset_s,
        uncertainty_s,
        facts
    FROM clock_offset
    UNION ALL
    SELECT
        clock_b,
        clock_a,
        aligned_time(from_time, offset_s),
        aligned_time(to_time, offset_s),
        -offset_s,
        uncertainty_s,
        facts
    FROM clock_offset
),
-- Between two stretches the nearer one holds; before the first and after the last, they do.
bounded AS (
    SELECT
        clock_a,
        clock_b,
        coalesce(
            from_time - (from_time - lag(to_time) OVER clocks) / 2, TIMESTAMP '0001-01-01'
        ) AS from_time,
        offset_s,
        uncertainty_s,
        facts
    FROM both_ways
    WINDOW clocks AS (PARTITION BY clock_a, clock_b ORDER BY from_time)
),
edge AS (
    SELECT
        *,
        lead(from_time, 1, TIMESTAMP '9999-01-01') OVER (
            PARTITION BY clock_a, clock_b ORDER BY from_time
        ) AS to_time
    FROM bounded
),
reference AS (
    SELECT DISTINCT clock_b AS clock_id
    FROM clock_offset
    ANTI JOIN clock_offset AS corrected ON corrected.clock_a = clock_offset.clock_b
),
-- One clock to go by for each: the one that most facts tie it to.
near AS (
    SELECT
        edge.clock_a,
        edge.clock_b AS reference
    FROM edge
    JOIN reference ON reference.clock_id = edge.clock_b
    ANTI JOIN reference AS known ON known.clock_id = edge.clock_a
    GROUP BY
        edge.clock_a,
        edge.clock_b
    QUALIFY row_number() OVER (
        PARTITION BY edge.clock_a ORDER BY sum(edge.facts) DESC, edge.clock_b
    ) = 1
),
direct AS (
    SELECT
        edge.clock_a AS clock_id,
        '' AS via,
        edge.from_time,
        edge.to_time,
        edge.offset_s AS shift_s,
        edge.uncertainty_s,
        near.reference
    FROM edge
    JOIN near
        ON near.clock_a = edge.clock_a
        AND near.reference = edge.clock_b
),
one_between AS (
    SELECT
        edge.clock_a AS clock_id,
        edge.clock_b AS via,
        greatest(edge.from_time, aligned_time(direct.from_time, -edge.offset_s)) AS from_time,
        least(edge.to_time, aligned_time(direct.to_time, -edge.offset_s)) AS to_time,
        edge.offset_s + direct.shift_s AS shift_s,
        edge.uncertainty_s + direct.uncertainty_s AS uncertainty_s,
        direct.reference
    FROM edge
    JOIN direct
        ON direct.clock_id = edge.clock_b
        AND aligned_time(direct.from_time, -edge.offset_s) < edge.to_time
        AND aligned_time(direct.to_time, -edge.offset_s) > edge.from_time
    ANTI JOIN reference ON reference.clock_id = edge.clock_a
),
shorter AS (
    SELECT
        *,
        median(uncertainty_s) OVER (PARTITION BY clock_id, via) AS path_uncertainty_s
    FROM (
        SELECT * FROM direct
        UNION ALL
        SELECT * FROM one_between
    )
),
-- One path for all of a clock's time: changing over would turn its own order round.
short_path AS (
    SELECT * EXCLUDE (path_uncertainty_s)
    FROM shorter
    QUALIFY via = first_value(via) OVER (
        PARTITION BY clock_id ORDER BY path_uncertainty_s, via
    )
),
two_between AS (
    SELECT
        edge.clock_a AS clock_id,
        'over ' || edge.clock_b AS via,
        greatest(edge.from_time, aligned_time(short_path.from_time, -edge.offset_s)) AS from_time,
        least(edge.to_time, aligned_time(short_path.to_time, -edge.offset_s)) AS to_time,
        edge.offset_s + short_path.shift_s AS shift_s,
        edge.uncertainty_s + short_path.uncertainty_s AS uncertainty_s,
        short_path.reference
    FROM edge
    JOIN short_path
        ON short_path.clock_id = edge.clock_b
        AND aligned_time(short_path.from_time, -edge.offset_s) < edge.to_time
        AND aligned_time(short_path.to_time, -edge.offset_s) > edge.from_time
    ANTI JOIN reference ON reference.clock_id = edge.clock_a
    -- A path over the clock itself would only come back to where it began.
    WHERE short_path.via <> edge.clock_a
),
longer AS (
    SELECT
        *,
        median(uncertainty_s) OVER (PARTITION BY clock_id, via) AS path_uncertainty_s
    FROM (
        SELECT * FROM short_path
        UNION ALL
        SELECT * FROM two_between
    )
),
path AS (
    SELECT *
    FROM longer
    QUALIFY via = first_value(via) OVER (
        PARTITION BY clock_id ORDER BY path_uncertainty_s, via
    )
),
-- Stretches of a path overlap or gape a little where one clock ran faster: each ends where the next begins.
stretch AS (
    SELECT *
    FROM path
    QUALIFY row_number() OVER (
        PARTITION BY clock_id, from_time ORDER BY to_time, uncertainty_s, shift_s
    ) = 1
)
SELECT
    clock_id,
    CASE
        WHEN lag(from_time) OVER stretches IS NULL THEN TIMESTAMP '0001-01-01'
        ELSE from_time
    END AS from_time,
    lead(from_time, 1, TIMESTAMP '9999-01-01') OVER stretches AS to_time,
    round(shift_s, 3) AS shift_s,
    round(uncertainty_s, 3) AS uncertainty_s,
    reference
FROM stretch
WINDOW stretches AS (PARTITION BY clock_id ORDER BY from_time)
ORDER BY
    clock_id,
    from_time
