-- Units of `rhythm` over web requests, judged by what makes a rhythm matter: new, rare, an odd name or
-- program, an address in place of a name. The table itself gives the evidence.
WITH beating AS (
    SELECT
        rhythm.site,
        rhythm.host_id,
        rhythm.unit_kind,
        rhythm.unit,
        rhythm.destination,
        rhythm.destinations,
        rhythm.server_ip,
        rhythm.image,
        rhythm.first_seen,
        rhythm.last_seen,
        rhythm.days,
        rhythm.ticks,
        rhythm.beats,
        rhythm.period_s,
        rhythm.jitter,
        rhythm.kept,
        rhythm.clock,
        rhythm.log_chance,
        rhythm.coverage,
        rhythm.hours_on,
        rhythm.is_regular,
        rhythm.bytes_out,
        rhythm.bytes_in,
        rhythm.fleet_hosts,
        rhythm.hosts,
        rhythm.rhythms,
        rhythm.sample,
        rhythm.first_known - rhythm.host_since >= to_days(getvariable('new_days')) AS is_new,
        rhythm.first_seen - rhythm.host_since < to_hours(getvariable('old_hours'))
        AND rhythm.last_seen - rhythm.host_since >= to_days(getvariable('new_days')) AS is_old
    FROM rhythm
    WHERE
        rhythm.protocol = 'http'
        AND NOT regexp_matches(rhythm.destination, getvariable('inside'))
),
named AS (
    SELECT
        host_id,
        unit_kind,
        unit,
        unnest(destinations) AS name
    FROM beating
),
seen AS (
    SELECT
        named.host_id,
        named.unit_kind,
        named.unit,
        event.time,
        event.file_id,
        event.record_no,
        event.process_guid,
        event."user",
        split_part(event.uri, '?', 1) AS path
    FROM http_activity AS event
    JOIN named
        ON
            named.host_id = event.host_id
            AND named.name = event.host
    UNION ALL
    SELECT
        beating.host_id,
        beating.unit_kind,
        beating.unit,
        event.time,
        event.file_id,
        event.record_no,
        event.process_guid,
        event."user",
        split_part(event.uri, '?', 1) AS path
    FROM http_activity AS event
    JOIN beating
        ON
            beating.host_id = event.host_id
            AND beating.server_ip = event.server_ip
    WHERE
        coalesce(event.host, '') = ''
),
proof AS (
    SELECT
        host_id,
        unit_kind,
        unit,
        CASE WHEN count(DISTINCT process_guid) = 1 THEN max(process_guid) END AS process_guid,
        CASE WHEN count(DISTINCT "user") = 1 THEN max("user") END AS "user",
        count(time) >= getvariable('alike_requests')
        AND count(DISTINCT path) <= getvariable('alike_paths') AS is_alike,
        (list({'file_id': file_id, 'record_no': record_no} ORDER BY time, file_id, record_no))
            [:getvariable('max_evidence')] AS evidence
    FROM seen
    GROUP BY host_id, unit_kind, unit
)
SELECT
    beating.site,
    beating.host_id,
    beating.first_seen,
    beating.last_seen,
    beating.destination,
    beating.server_ip,
    beating.image,
    proof.process_guid,
    proof."user",
    beating.unit_kind,
    len(beating.destinations) AS names,
    beating.days,
    beating.ticks,
    beating.beats,
    CAST(round(beating.period_s) AS BIGINT) AS period_s,
    round(beating.jitter, CAST(getvariable('digits') AS INTEGER)) AS jitter,
    round(beating.kept, CAST(getvariable('digits') AS INTEGER)) AS kept,
    beating.clock,
    round(beating.log_chance, CAST(getvariable('digits') AS INTEGER)) AS log_chance,
    percent(beating.coverage) AS heard_percent,
    beating.hours_on,
    beating.bytes_out,
    beating.bytes_in,
    beating.fleet_hosts,
    beating.hosts,
    beating.rhythms,
    proof.is_alike,
    beating.is_new,
    beating.is_old,
    CASE
        WHEN beating.is_regular
            THEN 'every ' || CAST(round(beating.period_s) AS BIGINT) || ' s'
                || CASE WHEN beating.clock = 'on' THEN ' that the host is on' ELSE '' END
                || ', within ' || percent(beating.jitter) || ' %, '
                || percent(beating.kept) || ' % of the gaps'
        ELSE 'no period, yet always there'
    END AS rhythm,
    CASE
        WHEN beating.is_regular
            THEN CASE WHEN beating.clock = 'on' THEN '稼働時間で ' ELSE '' END
                || CAST(round(beating.period_s) AS BIGINT) || ' 秒ごと（ずれ '
                || percent(beating.jitter) || ' %、間隔の '
                || percent(beating.kept) || ' %）'
        ELSE '周期は無いが常に続く'
    END AS rhythm_ja,
    CASE
        WHEN beating.is_new THEN 'new here'
        WHEN beating.is_old THEN 'there since the log began'
        ELSE 'the log is too short to call it new'
    END AS novelty,
    CASE
        WHEN beating.is_new THEN '最近現れた'
        WHEN beating.is_old THEN 'ログの初めからある'
        ELSE 'ログが短く新しいかは不明'
    END AS novelty_ja,
    CASE
        WHEN
            beating.fleet_hosts > getvariable('few_hosts')
            OR (
                beating.fleet_hosts > 1
                AND beating.fleet_hosts > beating.hosts * getvariable('shared_part')
            )
            THEN getvariable('shared_confidence')
        WHEN beating.is_regular AND beating.period_s >= getvariable('daily_s')
            THEN getvariable('daily_confidence')
        ELSE least(
            getvariable('most_confidence'),
            CASE
                WHEN beating.is_regular THEN getvariable('base_confidence')
                ELSE getvariable('persistent_confidence')
            END
            + CASE
                WHEN beating.is_new THEN getvariable('new_bonus')
                WHEN beating.is_old THEN -getvariable('old_penalty')
                ELSE 0
            END
            + CASE
                WHEN beating.fleet_hosts = 1 AND beating.hosts >= getvariable('min_fleet')
                    THEN getvariable('sole_bonus')
                ELSE 0
            END
            + CASE
                WHEN regexp_matches(beating.destination, getvariable('address'))
                    THEN getvariable('bare_bonus')
                WHEN
                    length(label_of(beating.destination)) >= getvariable('odd_length')
                    AND regexp_matches(label_of(beating.destination), getvariable('odd_label'))
                    THEN getvariable('odd_bonus')
                ELSE 0
            END
            + CASE
                WHEN is_user_writable(beating.image) THEN getvariable('writable_bonus')
                ELSE 0
            END
            + CASE
                WHEN
                    NOT beating.is_old
                    AND beating.log_chance <= getvariable('strict_log_chance')
                    THEN getvariable('strict_bonus')
                ELSE 0
            END
            + CASE
                WHEN
                    NOT beating.is_old
                    AND beating.hours_on >= getvariable('enduring_hours')
                    AND beating.coverage >= getvariable('enduring_share')
                    THEN getvariable('enduring_bonus')
                ELSE 0
            END
            + CASE
                WHEN proof.is_alike AND NOT beating.is_old THEN getvariable('alike_bonus')
                ELSE 0
            END
            - CASE
                WHEN NOT beating.is_new
                    THEN least(
                        getvariable('most_crowd'),
                        getvariable('crowd_penalty') * (beating.rhythms - 1)
                    )
                ELSE 0
            END
        )
    END AS confidence,
    beating.sample AS beats_heard,
    proof.evidence
FROM beating
JOIN proof USING (host_id, unit_kind, unit)
