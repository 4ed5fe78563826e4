-- Series of closed sessions that one host has with one destination outside, small and alike in size: CONNECT
-- of a proxy, TLS and bare connections of sensors and firewalls. Rare destinations are chosen from the
-- day's sums first; the sessions are read only for what remains.
WITH candidate AS (
    SELECT
        contact.host_id,
        contact.destination,
        any_value(fleet.fleet_hosts) AS fleet_hosts,
        any_value(fleet.first_known) AS first_known
    FROM contact
    JOIN fleet_contact AS fleet ON fleet.peer = contact.destination
    WHERE
        fleet.fleet_hosts <= getvariable('few_hosts')
        AND contact.bytes_out > 0
        AND NOT is_inside_name(contact.destination)
    GROUP BY contact.host_id, contact.destination
    HAVING
        sum(contact.hits) >= getvariable('min_sessions')
        AND sum(contact.bytes_out)
        BETWEEN sum(contact.hits) * getvariable('min_bytes') AND sum(contact.hits) * getvariable('max_bytes')
),
met AS (
    SELECT DISTINCT
        host_id,
        server_ip,
        destination
    FROM contact
    SEMI JOIN candidate USING (host_id, destination)
    WHERE server_ip IS NOT NULL AND protocol IN ('tls', 'network')
),
-- What http tells of is judged by its bodies, and an address that carries several names by none.
opened AS (
    SELECT uid
    FROM http_activity
    WHERE uid IS NOT NULL
),
sole AS (
    SELECT
        host_id,
        server_ip,
        min(destination) AS destination
    FROM met
    GROUP BY host_id, server_ip
    HAVING min(destination) = max(destination)
),
session AS (
    SELECT
        network_activity.site,
        network_activity.host_id,
        sole.destination,
        network_activity.server_ip,
        CASE
            WHEN network_activity.vantage = 'gateway' THEN 'firewall'
            WHEN network_activity.service IS NOT NULL THEN 'TLS'
            ELSE 'connection'
        END AS kind,
        network_activity.time,
        network_activity.bytes_out AS sent,
        network_activity.bytes_in AS received,
        network_activity.image,
        network_activity.process_guid,
        network_activity."user",
        {'file_id': network_activity.file_id, 'record_no': network_activity.record_no} AS evidence
    FROM network_activity
    JOIN sole USING (host_id, server_ip)
    ANTI JOIN opened USING (uid)
    WHERE
        regexp_matches(coalesce(network_activity.service, ''), getvariable('closed_services'))
        AND network_activity.bytes_out > 0
        AND coalesce(network_activity.initiated, TRUE)
        AND coalesce(network_activity.disposition, '') <> 'blocked'
        AND NOT is_timed_port(network_activity.server_port)
    UNION ALL
    SELECT
        http_activity.site,
        http_activity.host_id,
        http_activity.host,
        NULL,
        getvariable('tunnel'),
        http_activity.time,
        http_activity.request_body_bytes,
        http_activity.response_body_bytes,
        http_activity.image,
        http_activity.process_guid,
        http_activity."user",
        {'file_id': http_activity.file_id, 'record_no': http_activity.record_no}
    FROM http_activity
    JOIN candidate
        ON candidate.host_id = http_activity.host_id AND candidate.destination = http_activity.host
    WHERE
        http_activity.method = getvariable('tunnel')
        AND http_activity.request_body_bytes > 0
        AND coalesce(http_activity.disposition, '') <> 'blocked'
),
series AS (
    SELECT
        site,
        host_id,
        destination,
        mode(server_ip) AS server_ip,
        array_to_string(list_sort(list(DISTINCT kind)), ', ') AS kinds,
        min(time) AS first_seen,
        max(time) AS last_seen,
        count(time) AS sessions,
        count(DISTINCT time_bucket(to_hours(1), time)) AS active_hours,
        CAST(date_diff('hour', min(time), max(time)) AS BIGINT) AS span_hours,
        CAST(median(sent) AS BIGINT) AS median_bytes,
        CAST(median(received) AS BIGINT) AS median_received,
        CAST(sum(sent) AS BIGINT) AS sent_bytes,
        CAST(sum(received) AS BIGINT) AS received_bytes,
        CASE WHEN count(DISTINCT image) = 1 THEN max(image) END AS image,
        CASE WHEN count(DISTINCT process_guid) = 1 THEN max(process_guid) END AS process_guid,
        CASE WHEN count(DISTINCT "user") = 1 THEN max("user") END AS "user",
        arg_min(evidence, {'time': time, 'evidence': evidence}, most_evidence()) AS evidence
    FROM session
    GROUP BY site, host_id, destination
    HAVING
        count(time) >= getvariable('min_sessions')
        AND count(DISTINCT time_bucket(to_hours(1), time)) >= getvariable('min_active_hours')
        AND max(time) - min(time) >= to_hours(getvariable('min_span_hours'))
        AND median(sent) BETWEEN getvariable('min_bytes') AND getvariable('max_bytes')
        AND coalesce(median(received) <= getvariable('small_response_bytes'), TRUE)
        AND quantile_cont(sent, getvariable('high_quantile')) - quantile_cont(sent, getvariable('low_quantile'))
        <= greatest(getvariable('spread_bytes'), getvariable('spread_ratio') * median(sent))
)
SELECT
    series.site,
    series.host_id,
    series.destination,
    series.server_ip,
    series.kinds,
    series.first_seen,
    series.last_seen,
    series.sessions,
    series.active_hours,
    series.span_hours,
    series.median_bytes,
    series.median_received,
    series.sent_bytes,
    series.received_bytes,
    series.image,
    series.process_guid,
    series."user",
    series.evidence,
    candidate.fleet_hosts,
    organisation.hosts,
    is_new_here(candidate.first_known, insider.host_since) AS is_new,
    is_old_here(candidate.first_known, series.last_seen, insider.host_since) AS is_old,
    getvariable('base_confidence')
    + CASE WHEN series.sent_bytes > series.received_bytes THEN getvariable('upload_bonus') ELSE 0 END
    + odd_pair_strength(
        is_new, is_old, candidate.fleet_hosts, organisation.hosts, is_user_writable(series.image)
    ) AS confidence
FROM series
JOIN candidate USING (host_id, destination)
JOIN insider USING (host_id)
CROSS JOIN (SELECT count(host_id) AS hosts FROM insider) AS organisation
