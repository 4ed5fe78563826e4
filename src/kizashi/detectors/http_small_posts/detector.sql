-- Series of small bodies that one host sends to one destination, steady in size, with little coming
-- back. Uploads are filtered first; the rest of the pair's traffic is read only for what remains.
WITH upload AS (
    SELECT
        site,
        host_id,
        coalesce(host, server_ip) AS destination,
        host,
        server_ip,
        time,
        request_body_bytes AS sent,
        response_body_bytes AS received,
        regexp_replace(split_part(uri, '?', 1), getvariable('varying'), '#', 'g') AS path_shape,
        referrer,
        user_agent,
        process_guid,
        image,
        "user",
        {'file_id': file_id, 'record_no': record_no} AS evidence
    FROM http_activity
    WHERE
        list_contains(getvariable('methods'), method)
        AND request_body_bytes > 0
        AND request_body_bytes <= getvariable('max_body_bytes')
        AND coalesce(NOT regexp_matches(request_mime, getvariable('revocation')), TRUE)
        AND coalesce(NOT regexp_matches(response_mime, getvariable('revocation')), TRUE)
),
often AS (
    SELECT
        site,
        host_id,
        destination
    FROM upload
    GROUP BY site, host_id, destination
    HAVING count(time) >= getvariable('min_posts')
),
begun AS (
    SELECT
        site,
        host_id,
        destination,
        host,
        server_ip,
        time,
        sent,
        received,
        path_shape,
        referrer,
        user_agent,
        process_guid,
        image,
        "user",
        evidence,
        epoch(time) - epoch(lag(time) OVER of_pair) AS gap_s
    FROM upload
    SEMI JOIN often USING (site, host_id, destination)
    WINDOW of_pair AS (
        PARTITION BY site, host_id, destination
        ORDER BY time, evidence.file_id, evidence.record_no
    )
),
numbered AS (
    SELECT
        site,
        host_id,
        destination,
        host,
        server_ip,
        time,
        sent,
        received,
        path_shape,
        referrer,
        user_agent,
        process_guid,
        image,
        "user",
        evidence,
        gap_s,
        sum(
            CAST(coalesce(gap_s > getvariable('session_gap_hours') * 3600, FALSE) AS INTEGER)
        ) OVER (
            PARTITION BY site, host_id, destination
            ORDER BY time, evidence.file_id, evidence.record_no
            ROWS UNBOUNDED PRECEDING
        ) AS series_no
    FROM begun
),
series AS (
    SELECT
        site,
        host_id,
        destination,
        series_no,
        min(time) AS first_seen,
        max(time) AS last_seen,
        count(time) AS posts,
        count(DISTINCT time_bucket(to_hours(1), time)) AS active_hours,
        CAST(median(sent) AS BIGINT) AS median_bytes,
        quantile_disc(sent, getvariable('low_quantile')) AS low_bytes,
        quantile_disc(sent, getvariable('high_quantile')) AS high_bytes,
        sum(sent) AS sent_bytes,
        sum(received) AS received_bytes,
        median(received) AS median_response_bytes,
        count(referrer) AS referred,
        count(user_agent) AS with_user_agent,
        count(DISTINCT user_agent) AS user_agents,
        count(DISTINCT path_shape) AS path_shapes,
        max(user_agent) AS user_agent,
        max(server_ip) AS server_ip,
        count(host) AS named,
        CASE WHEN count(DISTINCT process_guid) = 1 THEN max(process_guid) END AS process_guid,
        CASE WHEN count(DISTINCT image) = 1 THEN max(image) END AS image,
        CASE WHEN count(DISTINCT "user") = 1 THEN max("user") END AS "user",
        median(gap_s) FILTER (gap_s > getvariable('beat_s')) AS period_s,
        mad(gap_s) FILTER (gap_s > getvariable('beat_s')) AS deviation_s,
        list(evidence ORDER BY time, evidence.file_id, evidence.record_no)
            [:getvariable('max_evidence')] AS evidence
    FROM numbered
    GROUP BY site, host_id, destination, series_no
    HAVING
        count(time) >= getvariable('min_posts')
        AND count(DISTINCT time_bucket(to_hours(1), time)) >= getvariable('min_active_hours')
        AND max(time) - min(time) >= to_hours(getvariable('min_span_hours'))
),
small AS (
    SELECT
        site,
        host_id,
        destination,
        series_no,
        first_seen,
        last_seen,
        posts,
        active_hours,
        median_bytes,
        low_bytes,
        high_bytes,
        sent_bytes,
        received_bytes,
        with_user_agent,
        user_agents,
        path_shapes,
        user_agent,
        server_ip,
        named,
        process_guid,
        image,
        "user",
        period_s,
        deviation_s,
        evidence
    FROM series
    WHERE
        CAST(high_bytes AS BIGINT) - CAST(low_bytes AS BIGINT)
        <= greatest(getvariable('spread_bytes'), getvariable('spread_ratio') * median_bytes)
        AND coalesce(
            median_response_bytes <= greatest(
                getvariable('small_response_bytes'), getvariable('response_factor') * median_bytes
            ),
            TRUE
        )
        AND referred <= posts * (1 - getvariable('min_unreferred'))
),
-- All that was asked of the destinations that remain: who else, since when, and how much of it reads.
traffic AS (
    SELECT
        site,
        host_id,
        coalesce(host, server_ip) AS destination,
        count(time) AS requests,
        min(time) AS first_seen
    FROM http_activity
    WHERE coalesce(host, server_ip) IN (SELECT destination FROM small)
    GROUP BY site, host_id, coalesce(host, server_ip)
),
fleet AS (
    SELECT
        destination,
        count(DISTINCT site || '|' || host_id) AS fleet_hosts,
        min(first_seen) AS first_known
    FROM traffic
    GROUP BY destination
),
-- A product speaks to many servers under its own user agent; a browser's says nothing.
product AS (
    SELECT
        user_agent,
        count(DISTINCT site || '|' || host_id) AS product_hosts
    FROM upload
    WHERE NOT regexp_matches(user_agent, getvariable('browser_agent'))
    GROUP BY user_agent
),
-- When each host was first seen on the web: what began with it is older than the log.
web_host AS (
    SELECT
        site,
        host_id,
        min(time) AS log_start
    FROM http_activity
    GROUP BY site, host_id
),
organisation AS (
    SELECT count(host_id) AS web_hosts
    FROM web_host
),
judged AS (
    SELECT
        small,
        traffic.requests,
        organisation.web_hosts,
        greatest(fleet.fleet_hosts, coalesce(product.product_hosts, 0)) AS sharing_hosts,
        fleet.fleet_hosts,
        fleet.first_known,
        small.deviation_s / nullif(small.period_s, 0) AS jitter,
        traffic.first_seen - web_host.log_start <= to_hours(getvariable('old_hours'))
        AND small.last_seen - web_host.log_start >= to_hours(getvariable('history_hours'))
            AS is_old
    FROM small
    JOIN traffic USING (site, host_id, destination)
    JOIN fleet USING (destination)
    JOIN web_host USING (site, host_id)
    LEFT JOIN product USING (user_agent)
    CROSS JOIN organisation
    WHERE
        fleet.fleet_hosts <= getvariable('common_hosts')
        AND small.posts >= traffic.requests * getvariable('min_upload_share')
)
SELECT
    small.site AS site,
    small.host_id AS host_id,
    small.first_seen AS first_seen,
    small.last_seen AS last_seen,
    small."user" AS "user",
    small.process_guid AS process_guid,
    small.image AS image,
    small.destination AS destination,
    small.server_ip AS server_ip,
    small.posts AS posts,
    small.active_hours AS active_hours,
    CAST(date_diff('hour', small.first_seen, small.last_seen) AS BIGINT) AS span_hours,
    small.median_bytes AS median_bytes,
    small.low_bytes AS low_bytes,
    small.high_bytes AS high_bytes,
    CAST(small.sent_bytes AS BIGINT) AS sent_bytes,
    CAST(small.received_bytes AS BIGINT) AS received_bytes,
    CAST(round(small.period_s) AS BIGINT) AS period_s,
    round(jitter, CAST(getvariable('jitter_digits') AS INTEGER)) AS jitter,
    small.user_agents AS user_agents,
    small.path_shapes AS path_shapes,
    small.user_agent AS user_agent,
    fleet_hosts,
    sharing_hosts,
    web_hosts,
    is_old,
    requests,
    CASE
        WHEN small.first_seen - first_known >= to_days(getvariable('known_days'))
            THEN getvariable('known_confidence')
        WHEN
            sharing_hosts > getvariable('few_hosts')
            OR (sharing_hosts > 1 AND sharing_hosts > web_hosts * getvariable('shared_part'))
            THEN getvariable('shared_confidence')
        WHEN small.received_bytes > small.sent_bytes * getvariable('download_factor')
            THEN getvariable('download_confidence')
        ELSE
            getvariable('base_confidence')
            + CASE
                WHEN fleet_hosts = 1 AND web_hosts >= getvariable('min_fleet')
                    THEN getvariable('sole_bonus')
                ELSE 0
            END
            - CASE WHEN is_old THEN getvariable('old_penalty') ELSE 0 END
            + CASE
                WHEN jitter <= getvariable('steady_jitter') THEN getvariable('steady_bonus')
                ELSE 0
            END
            + CASE
                WHEN small.sent_bytes >= small.received_bytes THEN getvariable('upload_bonus')
                ELSE 0
            END
            + CASE
                WHEN small.user_agents >= getvariable('many_agents') THEN getvariable('changing_bonus')
                ELSE 0
            END
            + CASE
                WHEN
                    small.with_user_agent = 0
                    OR small.named = 0
                    OR regexp_matches(small.destination, getvariable('address'))
                    THEN getvariable('bare_bonus')
                ELSE 0
            END
    END AS confidence,
    small.evidence AS evidence
FROM judged
ORDER BY first_seen, host_id, destination
