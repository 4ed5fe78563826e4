-- clock_offset(clock_a, clock_b, from_time, to_time, offset_s, uncertainty_s, facts, is_zone_error, is_proven)
-- How far clock_a is ahead of clock_b between two times of clock_a. Facts vote for an offset, in the
-- hour first, then the day, then all the time there is; a winner needs several independent facts and
-- twice the votes of the next. Drift shows as stretches with offsets of their own. uncertainty_s is
-- half the spread of the middle four fifths of the facts, and at least half the step to the stretch
-- before or after. Two clocks in one record need no vote: the offset is taken for the day, hour, five
-- minutes or five seconds, the longest of these in which it holds still. Reads clock_fact.
WITH framed AS (
    SELECT
        *,
        unnest([
            {'level': 1, 'start': date_trunc('hour', time_a)},
            {'level': 2, 'start': date_trunc('day', time_a)},
            {'level': 3, 'start': TIMESTAMP '1970-01-01'}
        ]) AS frame
    FROM clock_fact
    WHERE kind <> 'record'
),
-- Bins overlap by half, or a cluster on an edge would lose to a smaller one inside a bin.
vote AS (
    SELECT
        clock_a,
        clock_b,
        frame,
        unnest([
            floor(difference_s / wide_vote_s()),
            floor(difference_s / wide_vote_s()) - 1
        ])::BIGINT AS bin,
        kind,
        key
    FROM framed
),
counted AS (
    SELECT
        clock_a,
        clock_b,
        frame,
        bin,
        count(DISTINCT kind || '|' || key) AS facts
    FROM vote
    GROUP BY
        clock_a,
        clock_b,
        frame,
        bin
),
winner AS (
    SELECT *
    FROM counted
    QUALIFY row_number() OVER (
        PARTITION BY clock_a, clock_b, frame ORDER BY facts DESC, abs(bin), bin
    ) = 1
),
sure AS (
    SELECT
        winner.clock_a,
        winner.clock_b,
        winner.frame,
        winner.bin
    FROM winner
    JOIN counted
        ON counted.clock_a = winner.clock_a
        AND counted.clock_b = winner.clock_b
        AND counted.frame = winner.frame
    GROUP BY
        winner.clock_a,
        winner.clock_b,
        winner.frame,
        winner.bin,
        winner.facts
    HAVING winner.facts >= fewest_facts()
        AND winner.facts >= mode_lead() * coalesce(
            max(counted.facts) FILTER (abs(counted.bin - winner.bin) > 1), 0
        )
),
inside AS (
    SELECT
        framed.*,
        median(framed.difference_s) OVER (
            PARTITION BY framed.clock_a, framed.clock_b, framed.frame
        ) AS middle_s
    FROM framed
    JOIN sure
        ON sure.clock_a = framed.clock_a
        AND sure.clock_b = framed.clock_b
        AND sure.frame = framed.frame
        AND framed.difference_s >= sure.bin * wide_vote_s()
        AND framed.difference_s < (sure.bin + 2) * wide_vote_s()
),
-- A repeated key pairs crosswise too: the pair nearest to the middle is the true one.
fact AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY clock_a, clock_b, frame) AS all_facts,
        row_number() OVER (
            PARTITION BY clock_a, clock_b, frame ORDER BY time_a, kind, key
        ) - 1 AS fact_no
    FROM (
        SELECT *
        FROM inside
        QUALIFY row_number() OVER (
            PARTITION BY clock_a, clock_b, frame, kind, key
            ORDER BY abs(difference_s - middle_s), time_a, time_b
        ) = 1
    )
),
stretched AS (
    SELECT
        *,
        (fact_no * greatest(1, all_facts // facts_a_stretch())) // all_facts AS stretch
    FROM fact
),
narrow_vote AS (
    SELECT
        clock_a,
        clock_b,
        frame,
        stretch,
        all_facts,
        unnest([
            floor(difference_s / narrow_vote_s()),
            floor(difference_s / narrow_vote_s()) - 1
        ])::BIGINT AS bin
    FROM stretched
),
narrow_count AS (
    SELECT
        clock_a,
        clock_b,
        frame,
        stretch,
        all_facts,
        bin,
        count(*) AS votes,
        sum(count(*)) OVER (PARTITION BY clock_a, clock_b, frame, bin) AS all_votes
    FROM narrow_vote
    GROUP BY
        clock_a,
        clock_b,
        frame,
        stretch,
        all_facts,
        bin
),
-- A steady clock keeps its habit where a stretch has some facts for it; a drifting one has none.
habit AS (
    SELECT
        clock_a,
        clock_b,
        frame,
        stretch,
        bin
    FROM narrow_count
    WHERE votes >= fewest_votes()
    QUALIFY row_number() OVER (
        PARTITION BY clock_a, clock_b, frame, stretch
        ORDER BY
            CASE WHEN all_votes >= habit_share() * all_facts THEN all_votes ELSE 0 END DESC,
            votes DESC,
            bin
    ) = 1
),
kept AS (
    SELECT stretched.*
    FROM stretched
    LEFT JOIN habit
        ON habit.clock_a = stretched.clock_a
        AND habit.clock_b = stretched.clock_b
        AND habit.frame = stretched.frame
        AND habit.stretch = stretched.stretch
    WHERE habit.bin IS NULL
        OR (
            stretched.difference_s >= habit.bin * narrow_vote_s()
            AND stretched.difference_s < (habit.bin + 2) * narrow_vote_s()
        )
),
measured AS (
    SELECT
        clock_a,
        clock_b,
        frame,
        stretch,
        min(time_a) AS from_time,
        max(time_a) AS to_time,
        median(difference_s) AS offset_s,
        greatest(
            (quantile_cont(difference_s, 0.9) - quantile_cont(difference_s, 0.1)) / 2,
            clock_floor_s()
        ) AS uncertainty_s,
        count(*) AS facts
    FROM kept
    GROUP BY
        clock_a,
        clock_b,
        frame,
        stretch
),
finest AS (
    SELECT *
    FROM measured
    QUALIFY frame.level = 1
        OR (
            frame.level = 2
            AND min(frame.level) OVER (
                PARTITION BY clock_a, clock_b, date_trunc('day', from_time)
            ) = 2
        )
        OR min(frame.level) OVER (PARTITION BY clock_a, clock_b) = 3
),
in_record AS (
    SELECT
        *,
        quantile_cont(difference_s, 0.9) OVER by_day
            - quantile_cont(difference_s, 0.1) OVER by_day AS day_spread_s,
        quantile_cont(difference_s, 0.9) OVER by_hour
            - quantile_cont(difference_s, 0.1) OVER by_hour AS hour_spread_s,
        quantile_cont(difference_s, 0.9) OVER by_bin
            - quantile_cont(difference_s, 0.1) OVER by_bin AS bin_spread_s
    FROM clock_fact
    WHERE kind = 'record'
    WINDOW
        by_day AS (PARTITION BY clock_a, clock_b, date_trunc('day', time_a)),
        by_hour AS (PARTITION BY clock_a, clock_b, date_trunc('hour', time_a)),
        by_bin AS (PARTITION BY clock_a, clock_b, time_bucket(INTERVAL 5 MINUTE, time_a))
),
slotted AS (
    SELECT
        *,
        CASE
            WHEN day_spread_s <= still_s() THEN date_trunc('day', time_a)
            WHEN hour_spread_s <= still_s() THEN date_trunc('hour', time_a)
            WHEN bin_spread_s <= still_s() THEN time_bucket(INTERVAL 5 MINUTE, time_a)
            ELSE time_a
        END AS slot
    FROM in_record
),
recorded AS (
    SELECT
        clock_a,
        clock_b,
        slot,
        min(time_a) AS from_time,
        max(time_a) AS to_time,
        median(difference_s) AS offset_s,
        greatest(
            (quantile_cont(difference_s, 0.9) - quantile_cont(difference_s, 0.1)) / 2,
            quantile_cont(delay_spread_s, 0.9),
            clock_floor_s()
        ) AS uncertainty_s,
        count(*) AS facts
    FROM slotted
    GROUP BY
        clock_a,
        clock_b,
        slot
),
stretch AS (
    SELECT
        clock_a,
        clock_b,
        from_time,
        to_time,
        offset_s,
        uncertainty_s,
        facts
    FROM finest
    UNION ALL
    SELECT
        clock_a,
        clock_b,
        from_time,
        to_time,
        offset_s,
        uncertainty_s,
        facts
    FROM recorded
),
stepped AS (
    SELECT
        *,
        coalesce(
            abs(offset_s - lag(offset_s) OVER clocks) > steady_step_s()
            OR from_time::DATE <> lag(from_time::DATE) OVER clocks,
            true
        ) AS is_new
    FROM stretch
    WINDOW clocks AS (PARTITION BY clock_a, clock_b ORDER BY from_time, to_time)
),
numbered AS (
    SELECT
        *,
        sum(is_new::INTEGER) OVER (
            PARTITION BY clock_a, clock_b ORDER BY from_time, to_time ROWS UNBOUNDED PRECEDING
        ) AS piece
    FROM stepped
),
joined AS (
    SELECT
        clock_a,
        clock_b,
        min(from_time) AS from_time,
        max(to_time) AS to_time,
        median(offset_s) AS offset_s,
        max(uncertainty_s) + (max(offset_s) - min(offset_s)) / 2 AS uncertainty_s,
        sum(facts)::UINTEGER AS facts
    FROM numbered
    GROUP BY
        clock_a,
        clock_b,
        piece
),
between_neighbours AS (
    SELECT
        *,
        coalesce(abs(offset_s - lag(offset_s) OVER clocks), 0) AS step_before_s,
        coalesce(abs(offset_s - lead(offset_s) OVER clocks), 0) AS step_after_s
    FROM joined
    WINDOW clocks AS (PARTITION BY clock_a, clock_b ORDER BY from_time)
)
SELECT
    clock_a,
    clock_b,
    from_time,
    to_time,
    round(offset_s, 3) AS offset_s,
    round(greatest(uncertainty_s, step_before_s / 2, step_after_s / 2), 3) AS uncertainty_s,
    facts,
    is_likely_zone_error(offset_s) AS is_zone_error,
    EXISTS (
        FROM clock_fact
        WHERE clock_fact.clock_a = between_neighbours.clock_a
            AND clock_fact.clock_b = between_neighbours.clock_b
            AND clock_fact.kind <> 'name'
            AND clock_fact.time_a BETWEEN between_neighbours.from_time
                AND between_neighbours.to_time
            AND abs(clock_fact.difference_s - between_neighbours.offset_s)
                <= greatest(between_neighbours.uncertainty_s, narrow_vote_s())
    ) AS is_proven
FROM between_neighbours
ORDER BY
    clock_a,
    clock_b,
    from_time
