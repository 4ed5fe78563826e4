-- judged_rhythm(protocol, site, host_id, first_seen, last_seen, destination, destinations, server_ip,
--               image, unit_kind, unit, days, ticks, beats, period_s, jitter, kept, clock, log_chance,
--               heard_percent, hours_on, hits, bytes_out, bytes_in, fleet_hosts, hosts, rhythms,
--               is_regular, is_new, is_old, rhythm, rhythm_ja, novelty, novelty_ja, beats_heard, strength, ceiling,
--               confidence)
-- Every rhythm to the outside with what makes it matter: new, rare, an odd name or program, an address in
-- place of a name. `strength` sums that; `ceiling` is the most that any evidence may make of it, and
-- `confidence` the lesser of both: who has evidence of his own adds it to the strength. Reads rhythm.
WITH dated AS (
    SELECT
        *,
        is_new_here(first_known, host_since) AS is_new,
        is_old_here(first_seen, last_seen, host_since) AS is_old
    FROM rhythm
    WHERE NOT is_inside_name(destination)
),
weighed AS (
    SELECT
        *,
        CASE WHEN is_regular THEN regular_strength() ELSE persistent_strength() END
        + CASE WHEN is_new THEN new_strength() WHEN is_old THEN old_strength() ELSE 0 END
        + CASE WHEN fleet_hosts = 1 AND hosts >= least_fleet() THEN sole_strength() ELSE 0 END
        + CASE
            WHEN is_address(destination) THEN bare_strength()
            WHEN is_odd_label(label_of(destination)) THEN odd_strength()
            ELSE 0
        END
        + CASE WHEN is_user_writable(image) THEN writable_strength() ELSE 0 END
        + CASE
            WHEN NOT is_old AND log_chance <= strict_log_chance() THEN strict_strength()
            ELSE 0
        END
        + CASE
            WHEN NOT is_old AND hours_on >= enduring_hours() AND coverage >= enduring_share()
                THEN enduring_strength()
            ELSE 0
        END
        - CASE WHEN NOT is_new THEN least(most_crowd(), crowd_strength() * (rhythms - 1)) ELSE 0 END
            AS judged,
        CASE
            WHEN
                fleet_hosts > few_hosts_of_a_rhythm()
                OR (fleet_hosts > 1 AND fleet_hosts > hosts * shared_part())
                THEN shared_ceiling()
            WHEN is_regular AND period_s >= daily_period_s() THEN daily_ceiling()
        END AS fixed
    FROM dated
)
SELECT
    protocol,
    site,
    host_id,
    first_seen,
    last_seen,
    destination,
    destinations,
    server_ip,
    image,
    unit_kind,
    unit,
    days,
    ticks,
    beats,
    round(period_s)::BIGINT AS period_s,
    round(jitter, 2) AS jitter,
    round(kept, 2) AS kept,
    clock,
    round(log_chance, 2) AS log_chance,
    percent(coverage) AS heard_percent,
    hours_on,
    hits,
    bytes_out,
    bytes_in,
    fleet_hosts,
    hosts,
    rhythms,
    is_regular,
    is_new,
    is_old,
    CASE
        WHEN is_regular
            THEN 'every ' || round(period_s)::BIGINT || ' s'
                || CASE WHEN clock = 'on' THEN ' that the host is on' ELSE '' END
                || ', within ' || percent(jitter) || ' %, ' || percent(kept) || ' % of the gaps'
        ELSE 'no period, yet always there'
    END AS rhythm,
    CASE
        WHEN is_regular
            THEN CASE WHEN clock = 'on' THEN '稼働時間で ' ELSE '' END
                || round(period_s)::BIGINT || ' 秒ごと（ずれ ' || percent(jitter) || ' %、間隔の '
                || percent(kept) || ' %）'
        ELSE '周期は無いが常に続く'
    END AS rhythm_ja,
    CASE
        WHEN is_new THEN 'new here'
        WHEN is_old THEN 'there since the log began'
        ELSE 'the log is too short to call it new'
    END AS novelty,
    CASE
        WHEN is_new THEN '最近現れた'
        WHEN is_old THEN 'ログの初めからある'
        ELSE 'ログが短く新しいかは不明'
    END AS novelty_ja,
    sample AS beats_heard,
    coalesce(fixed, judged) AS strength,
    coalesce(fixed, most_of_a_rhythm()) AS ceiling,
    least(ceiling, strength) AS confidence
FROM weighed
