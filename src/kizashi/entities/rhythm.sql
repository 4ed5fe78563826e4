-- rhythm(site, host_id, unit_kind, unit, destination, destinations, server_ip, image, protocol,
--        first_seen, last_seen, days, ticks, beats, period_s, jitter, kept, clock, log_chance, coverage,
--        hours_on, is_regular, is_persistent, bytes_out, bytes_in, hits, fleet_hosts, first_known,
--        host_since, hosts, rhythms, sample)
-- Contacts that come back like a clock. A unit is what beats: a name, or several names that share an
-- address, a program or a shape. A gap is taken as time on the wall and as time that the host was on;
-- of all windows of gap length the one that holds more gaps than chance explains is the period.
-- `chance` is how often gaps of rare units here fall into such a window (this unit left out), shrunk
-- towards an even spread where units are few. `coverage` is the share of the hours on in which the unit was heard.
-- `jitter`: half the middle 80 % of the kept gaps, as a share of the period. What a name tells alone is
-- not told again of its address, program or shape. A public address that asks nothing of anybody is no
-- host of ours. Reads contact, uptime, and who asked in dns_activity, http_activity and tls_activity.
WITH insider AS (
    SELECT DISTINCT host_id
    FROM uptime
    WHERE NOT is_public_address(split_part(host_id, '/', -1))
    UNION
    SELECT host_id
    FROM dns_activity
    UNION
    SELECT host_id
    FROM http_activity
    UNION
    SELECT host_id
    FROM tls_activity
),
rare AS (
    SELECT
        destination,
        count(DISTINCT host_id) AS fleet_hosts,
        min(first_seen) AS first_known
    FROM contact
    SEMI JOIN insider USING (host_id)
    GROUP BY destination
    HAVING count(DISTINCT host_id) <= most_hosts_of_a_rhythm()
),
own AS (
    SELECT
        contact.*,
        rare.fleet_hosts,
        rare.first_known
    FROM contact
    JOIN rare USING (destination)
    SEMI JOIN insider USING (host_id)
),
shaped AS (
    SELECT DISTINCT
        host_id,
        destination,
        alphabet_class(label_of(destination)) || ' ' || length(label_of(destination)) || ' '
        || substr(destination, length(label_of(destination)) + 1) AS shape
    FROM own
    WHERE contains(destination, '.') AND NOT contains(destination, ':')
),
grouped AS (
    SELECT
        host_id,
        'name' AS unit_kind,
        destination AS unit,
        destination
    FROM own
    UNION ALL
    SELECT
        host_id,
        'address',
        server_ip,
        destination
    FROM own
    WHERE server_ip IS NOT NULL
    UNION ALL
    SELECT
        host_id,
        'program',
        image,
        destination
    FROM own
    WHERE image IS NOT NULL
    UNION ALL
    SELECT
        host_id,
        'shape',
        shape,
        destination
    FROM shaped
),
-- What has one name only is told by that name.
member AS (
    SELECT DISTINCT
        host_id,
        unit_kind,
        unit,
        destination
    FROM grouped
    QUALIFY
        unit_kind = 'name'
        OR min(destination) OVER (PARTITION BY host_id, unit_kind, unit)
        <> max(destination) OVER (PARTITION BY host_id, unit_kind, unit)
),
part AS (
    SELECT
        own.*,
        member.unit_kind,
        member.unit
    FROM own
    JOIN member USING (host_id, destination)
    WHERE
        member.unit_kind IN ('name', 'shape')
        OR (member.unit_kind = 'address' AND own.server_ip = member.unit)
        OR (member.unit_kind = 'program' AND own.image = member.unit)
),
-- Enough ticks, before anything is unfolded.
often AS (
    SELECT
        host_id,
        unit_kind,
        unit,
        any_value(site) AS site,
        any_value(protocol ORDER BY protocol) AS protocol,
        arg_max(destination, (last_seen, destination)) AS destination,
        list_sort(list(DISTINCT destination)) AS destinations,
        arg_max(server_ip, last_seen) AS server_ip,
        CASE WHEN count(DISTINCT image) = 1 THEN max(image) END AS image,
        count(DISTINCT day) AS days,
        sum(hits) AS hits,
        sum(bytes_out)::UBIGINT AS bytes_out,
        sum(bytes_in)::UBIGINT AS bytes_in,
        max(fleet_hosts) AS fleet_hosts,
        min(first_known) AS first_known,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen
    FROM part
    GROUP BY
        host_id,
        unit_kind,
        unit
    HAVING sum(len(times)) >= fewest_beats()
),
tick AS (
    SELECT DISTINCT
        host_id,
        unit_kind,
        unit,
        day + to_seconds(unnest(times)) AS time
    FROM part
    SEMI JOIN often USING (host_id, unit_kind, unit)
),
-- When hosts were off: stretches without any sign of life.
sign AS (
    SELECT
        host_id,
        day + INTERVAL 5 MINUTE * unnest(bins) AS time
    FROM uptime
    SEMI JOIN often USING (host_id)
),
off AS (
    SELECT
        host_id,
        time,
        sum(epoch(time - before)) OVER (PARTITION BY host_id ORDER BY time) AS off_s
    FROM (
        SELECT
            host_id,
            time,
            lag(time) OVER (PARTITION BY host_id ORDER BY time) + INTERVAL 5 MINUTE AS before
        FROM sign
    )
    WHERE time - before > off_after()
),
timed AS (
    SELECT
        tick.*,
        epoch(tick.time) - coalesce(off.off_s, 0) AS on_s
    FROM tick
    ASOF LEFT JOIN off
        ON off.host_id = tick.host_id
        AND off.time <= tick.time
),
spaced AS (
    SELECT
        *,
        epoch(time - lag(time) OVER of_unit) AS gap_s,
        count(*) OVER (PARTITION BY host_id, unit_kind, unit) >= incessant_ticks() AS is_incessant
    FROM timed
    WINDOW of_unit AS (PARTITION BY host_id, unit_kind, unit ORDER BY time)
),
beat AS (
    SELECT
        host_id,
        unit_kind,
        unit,
        grain,
        time,
        on_s
    FROM (SELECT *, unnest(beat_grains()) AS grain FROM spaced)
    WHERE (gap_s IS NULL OR gap_s > grain) AND (grain > 0 OR is_incessant)
),
between_beats AS (
    SELECT
        host_id,
        unit_kind,
        unit,
        grain,
        epoch(time - lag(time) OVER of_unit) AS wall_s,
        on_s - lag(on_s) OVER of_unit AS on_s
    FROM beat
    WINDOW of_unit AS (PARTITION BY host_id, unit_kind, unit, grain ORDER BY time)
),
gap AS (
    SELECT
        host_id,
        unit_kind,
        unit,
        grain,
        'wall' AS clock,
        wall_s AS gap_s
    FROM between_beats
    WHERE wall_s IS NOT NULL
    UNION ALL
    SELECT
        host_id,
        unit_kind,
        unit,
        grain,
        'on' AS clock,
        on_s
    FROM between_beats
    WHERE wall_s IS NOT NULL
    QUALIFY bool_or(on_s <> wall_s) OVER (PARTITION BY host_id, unit_kind, unit, grain)
),
counted AS (
    SELECT
        host_id,
        unit_kind,
        unit,
        grain,
        clock,
        gap_step(gap_s) AS step,
        count(*) AS gaps,
        sum(count(*)) OVER (PARTITION BY host_id, unit_kind, unit, grain, clock) AS all_gaps
    FROM gap
    GROUP BY
        host_id,
        unit_kind,
        unit,
        grain,
        clock,
        gap_step(gap_s)
),
enough AS (
    SELECT *
    FROM counted
    WHERE all_gaps >= fewest_beats() - 1
),
windowed AS (
    SELECT
        host_id,
        unit_kind,
        unit,
        grain,
        clock,
        step,
        all_gaps,
        unnest(window_steps()) AS width,
        unnest([
            gaps,
            sum(gaps) OVER two,
            sum(gaps) OVER three,
            sum(gaps) OVER five
        ]) AS kept_gaps
    FROM enough
    WINDOW
        two AS (
            PARTITION BY host_id, unit_kind, unit, grain, clock
            ORDER BY step RANGE BETWEEN CURRENT ROW AND 1 FOLLOWING
        ),
        three AS (
            PARTITION BY host_id, unit_kind, unit, grain, clock
            ORDER BY step RANGE BETWEEN CURRENT ROW AND 2 FOLLOWING
        ),
        five AS (
            PARTITION BY host_id, unit_kind, unit, grain, clock
            ORDER BY step RANGE BETWEEN CURRENT ROW AND 4 FOLLOWING
        )
),
-- How the gaps of rare units here are spread, each unit counted once.
spread AS (
    SELECT
        grain,
        clock,
        step,
        sum(gaps / all_gaps) AS share
    FROM enough
    WHERE unit_kind = 'name'
    GROUP BY
        grain,
        clock,
        step
),
unit_count AS (
    SELECT
        grain,
        clock,
        count(DISTINCT (host_id, unit)) AS units
    FROM enough
    WHERE unit_kind = 'name'
    GROUP BY
        grain,
        clock
),
expected AS (
    SELECT
        start.grain,
        start.clock,
        start.step,
        start.width,
        sum(spread.share) AS share
    FROM (
        SELECT DISTINCT
            grain,
            clock,
            step,
            width
        FROM windowed
    ) AS start
    LEFT JOIN spread
        ON spread.grain = start.grain
        AND spread.clock = start.clock
        AND spread.step BETWEEN start.step AND start.step + start.width - 1
    GROUP BY ALL
),
judged AS (
    SELECT
        windowed.*,
        log_chance(
            kept_gaps,
            all_gaps,
            least(
                0.9,
                (
                    greatest(coalesce(expected.share, 0) - kept_gaps / all_gaps, 0)
                    + even_units() * windowed.width / gap_steps()
                ) / (greatest(coalesce(unit_count.units, 0) - 1, 0) + even_units())
            )
        ) + log10(windows_tried()) AS log_chance
    FROM windowed
    LEFT JOIN expected USING (grain, clock, step, width)
    LEFT JOIN unit_count USING (grain, clock)
),
best AS (
    SELECT *
    FROM judged
    QUALIFY
        row_number() OVER (
            PARTITION BY host_id, unit_kind, unit
            ORDER BY log_chance, width, clock DESC, grain
        ) = 1
),
measured AS (
    SELECT
        best.host_id,
        best.unit_kind,
        best.unit,
        any_value(best.clock) AS clock,
        any_value(best.grain) AS grain,
        any_value(best.log_chance) AS log_chance,
        any_value(best.kept_gaps / best.all_gaps) AS kept,
        any_value(best.all_gaps) + 1 AS beats,
        median(gap.gap_s) AS period_s,
        (quantile_cont(gap.gap_s, 0.9) - quantile_cont(gap.gap_s, 0.1)) / 2 / median(gap.gap_s)
            AS jitter
    FROM best
    JOIN gap
        ON gap.host_id = best.host_id
        AND gap.unit_kind = best.unit_kind
        AND gap.unit = best.unit
        AND gap.grain = best.grain
        AND gap.clock = best.clock
        AND gap_step(gap.gap_s) BETWEEN best.step AND best.step + best.width - 1
    GROUP BY
        best.host_id,
        best.unit_kind,
        best.unit
),
heard AS (
    SELECT
        host_id,
        unit_kind,
        unit,
        count(*) AS ticks,
        count(DISTINCT date_trunc('hour', time)) AS hours_heard,
        list(time ORDER BY time DESC)[:60] AS sample
    FROM tick
    GROUP BY
        host_id,
        unit_kind,
        unit
),
hour_on AS (
    SELECT DISTINCT
        host_id,
        date_trunc('hour', time) AS hour
    FROM sign
),
listened AS (
    SELECT
        often.host_id,
        often.unit_kind,
        often.unit,
        count(*) AS hours_on
    FROM often
    JOIN hour_on
        ON hour_on.host_id = often.host_id
        AND hour_on.hour BETWEEN date_trunc('hour', often.first_seen) AND often.last_seen
    GROUP BY
        often.host_id,
        often.unit_kind,
        often.unit
),
since AS (
    SELECT
        host_id,
        min(day + INTERVAL 5 MINUTE * bins[1]) AS host_since
    FROM uptime
    GROUP BY host_id
),
told AS (
    SELECT
        often.*,
        heard.ticks,
        heard.sample,
        measured.beats,
        measured.period_s,
        measured.jitter,
        measured.kept,
        measured.clock,
        measured.log_chance,
        heard.hours_heard / greatest(listened.hours_on, heard.hours_heard) AS coverage,
        greatest(listened.hours_on, heard.hours_heard) AS hours_on,
        coalesce(measured.log_chance, 0) <= least_log_chance() AS is_regular,
        heard.hours_heard >= persistent_share() * greatest(listened.hours_on, heard.hours_heard)
        AND heard.hours_heard >= persistent_hours()
        AND often.days >= persistent_days()
        AND often.bytes_out <= often.hits * small_exchange_bytes()
        AND often.bytes_in <= often.hits * small_exchange_bytes() AS is_persistent
    FROM often
    JOIN heard USING (host_id, unit_kind, unit)
    LEFT JOIN measured USING (host_id, unit_kind, unit)
    LEFT JOIN listened USING (host_id, unit_kind, unit)
),
named AS (
    SELECT
        host_id,
        destination
    FROM told
    WHERE unit_kind = 'name' AND (is_regular OR is_persistent)
)
SELECT
    told.*,
    since.host_since,
    (SELECT count(*) FROM insider) AS hosts,
    count(*) OVER (PARTITION BY told.host_id) AS rhythms
FROM told
LEFT JOIN since USING (host_id)
WHERE (told.is_regular OR told.is_persistent)
    AND (
        told.unit_kind = 'name'
        OR NOT EXISTS (
            SELECT 1
            FROM named
            WHERE named.host_id = told.host_id
                AND list_contains(told.destinations, named.destination)
        )
    )
QUALIFY
    row_number() OVER (
        PARTITION BY told.host_id, told.destination
        ORDER BY told.unit_kind = 'name' DESC, told.log_chance, told.unit_kind, told.unit
    ) = 1
