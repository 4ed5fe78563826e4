-- judged_rhythm(protocol, site, host_id, first_seen, last_seen, destination, destinations, server_ip,
--               image, unit_kind, unit, days, ticks, beats, period_s, jitter, kept, clock, log_chance,
--               heard_percent, hours_on, hits, bytes_out, bytes_in, fleet_hosts, hosts, rhythms,
--               is_regular, is_new, is_old, is_unasked, rhythm, rhythm_ja, novelty, novelty_ja, honest, honest_ja,
--               beats_heard, strength, ceiling, confidence)
-- Every rhythm to the outside with what makes it matter: new, rare, an odd name or program, an address in
-- place of a name, a name never asked for. `honest` is the likeliest honest story. `strength` sums that; `ceiling` is the most that any evidence may make of it, and
-- `confidence` the lesser of both: who has evidence of his own adds it to the strength. Reads rhythm and
-- unasked_name.
WITH dated AS (
    SELECT
        *,
        is_new_here(first_known, host_since) AS is_new,
        is_old_here(first_seen, last_seen, host_since) AS is_old,
        (host_id, destination) IN (SELECT (host_id, destination) FROM unasked_name) AS is_unasked,
        is_regular AND period_s >= daily_period_s() AS is_daily,
        date_diff('day', first_seen, last_seen) + 1 AS span_days
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
        + CASE WHEN is_unasked THEN unasked_strength() ELSE 0 END
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
            WHEN
                is_daily
                AND is_new
                AND fleet_hosts = 1
                AND span_days >= tireless_days()
                AND days >= tireless_share() * span_days
                THEN tireless_ceiling()
            WHEN is_daily THEN daily_ceiling()
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
    is_unasked,
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
    CASE
        WHEN fleet_hosts > few_hosts_of_a_rhythm() THEN 'a product of one department'
        WHEN bytes_in > fetching_factor() * bytes_out THEN 'an updater or a feed, for ten times more came back'
        WHEN is_daily THEN 'a daily backup, report or licence check'
        WHEN is_old THEN 'a service that was there before the log began'
        WHEN NOT is_regular THEN 'a page or a chat program left open'
        WHEN is_new THEN 'software installed around ' || strftime(first_seen, '%Y-%m-%d')
        ELSE 'monitoring, or a licence or update check'
    END AS honest,
    CASE
        WHEN fleet_hosts > few_hosts_of_a_rhythm() THEN '特定部署の製品'
        WHEN bytes_in > fetching_factor() * bytes_out THEN '受信が十倍以上ある更新プログラムやフィード'
        WHEN is_daily THEN '日次のバックアップ、報告、ライセンス確認'
        WHEN is_old THEN 'ログ開始前からあるサービス'
        WHEN NOT is_regular THEN '開いたままのページやチャット'
        WHEN is_new THEN strftime(first_seen, '%Y-%m-%d') || ' ごろ導入されたソフトウェア'
        ELSE '監視、ライセンス確認、更新確認'
    END AS honest_ja,
    sample AS beats_heard,
    coalesce(fixed, judged) AS strength,
    coalesce(fixed, most_of_a_rhythm()) AS ceiling,
    least(ceiling, strength) AS confidence
FROM weighed
