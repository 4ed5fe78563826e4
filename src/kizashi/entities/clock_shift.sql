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
WITH edge AS (
    SELECT
        clock_a,
        clock_b,
        from_time,
        offset_s,
        uncertainty_s,
        facts
    FROM clock_offset
    UNION ALL
    SELECT
        clock_b,
        clock_a,
        from_time - to_microseconds((offset_s * 1000000)::BIGINT),
        -offset_s,
        uncertainty_s,
        facts
    FROM clock_offset
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
        edge.offset_s AS shift_s,
        edge.uncertainty_s,
        near.reference
    FROM edge
    JOIN near
        ON near.clock_a = edge.clock_a
        AND near.reference = edge.clock_b
),
direct_always AS (
    SELECT * REPLACE (
        CASE
            WHEN row_number() OVER (PARTITION BY clock_id ORDER BY from_time) = 1
                THEN TIMESTAMP '0001-01-01'
            ELSE from_time
        END AS from_time
    )
    FROM direct
),
one_between AS (
    SELECT
        edge.clock_a AS clock_id,
        edge.clock_b AS via,
        edge.from_time,
        edge.offset_s + direct_always.shift_s AS shift_s,
        edge.uncertainty_s + direct_always.uncertainty_s AS uncertainty_s,
        direct_always.reference
    FROM edge
    ASOF JOIN direct_always
        ON direct_always.clock_id = edge.clock_b
        AND direct_always.from_time
            <= edge.from_time - to_microseconds((edge.offset_s * 1000000)::BIGINT)
    WHERE edge.clock_a <> direct_always.reference
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
    SELECT *
    FROM shorter
    QUALIFY via = first_value(via) OVER (
        PARTITION BY clock_id ORDER BY path_uncertainty_s, via
    )
),
short_path_always AS (
    SELECT * REPLACE (
        CASE
            WHEN row_number() OVER (PARTITION BY clock_id ORDER BY from_time) = 1
                THEN TIMESTAMP '0001-01-01'
            ELSE from_time
        END AS from_time
    )
    FROM short_path
),
two_between AS (
    SELECT
        edge.clock_a AS clock_id,
        'over ' || edge.clock_b AS via,
        edge.from_time,
        edge.offset_s + short_path_always.shift_s AS shift_s,
        edge.uncertainty_s + short_path_always.uncertainty_s AS uncertainty_s,
        short_path_always.reference
    FROM edge
    ASOF JOIN short_path_always
        ON short_path_always.clock_id = edge.clock_b
        AND short_path_always.from_time
            <= edge.from_time - to_microseconds((edge.offset_s * 1000000)::BIGINT)
    WHERE edge.clock_a <> short_path_always.reference
),
longer AS (
    SELECT
        clock_id,
        via,
        from_time,
        shift_s,
        uncertainty_s,
        reference,
        median(uncertainty_s) OVER (PARTITION BY clock_id, via) AS path_uncertainty_s
    FROM (
        SELECT * EXCLUDE (path_uncertainty_s)
        FROM short_path
        UNION ALL
        SELECT *
        FROM two_between
    )
),
path AS (
    SELECT *
    FROM longer
    QUALIFY via = first_value(via) OVER (
        PARTITION BY clock_id ORDER BY path_uncertainty_s, via
    )
),
ordered AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY clock_id ORDER BY from_time) AS stretch_no,
        lead(from_time) OVER (PARTITION BY clock_id ORDER BY from_time) AS next_from_time
    FROM path
    QUALIFY row_number() OVER (PARTITION BY clock_id, from_time ORDER BY uncertainty_s) = 1
)
SELECT
    clock_id,
    CASE WHEN stretch_no = 1 THEN TIMESTAMP '0001-01-01' ELSE from_time END AS from_time,
    coalesce(next_from_time, TIMESTAMP '9999-01-01') AS to_time,
    round(shift_s, 3) AS shift_s,
    round(uncertainty_s, 3) AS uncertainty_s,
    reference
FROM ordered
ORDER BY
    clock_id,
    from_time
