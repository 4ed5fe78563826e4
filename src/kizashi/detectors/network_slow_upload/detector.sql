-- Sessions that stay open and send slowly, more than comes back, to servers outside that few hosts reach.
WITH slow AS (
    SELECT
        site,
        host_id,
        uid,
        time,
        server_ip,
        nullif(server_name, '') AS server_name,
        duration_s,
        bytes_out,
        bytes_in,
        image,
        process_guid,
        "user",
        {'file_id': file_id, 'record_no': record_no} AS evidence
    FROM network_activity
    WHERE
        duration_s >= getvariable('min_minutes') * 60
        AND bytes_out >= getvariable('upload_factor') * coalesce(bytes_in, 0)
        AND bytes_out <= duration_s * getvariable('most_bytes_a_second')
        AND coalesce(initiated, TRUE)
        AND coalesce(disposition, '') <> 'blocked'
        AND is_own_address(server_ip)
        AND NOT is_inside_name(server_ip)
        AND NOT is_timed_port(server_port)
),
named AS (
    SELECT
        uid,
        max(nullif(sni, '')) AS sni
    FROM tls_activity
    SEMI JOIN slow USING (uid)
    GROUP BY uid
),
sent AS (
    SELECT
        slow.site,
        slow.host_id,
        coalesce(slow.server_name, named.sni, slow.server_ip) AS destination,
        mode(slow.server_ip) AS server_ip,
        min(slow.time) AS first_seen,
        max(slow.time + to_seconds(slow.duration_s)) AS last_seen,
        count(slow.time) AS sessions,
        CAST(round(sum(slow.duration_s) / 60) AS BIGINT) AS open_minutes,
        CAST(sum(slow.bytes_out) AS BIGINT) AS sent_bytes,
        CAST(sum(slow.bytes_in) AS BIGINT) AS received_bytes,
        CASE WHEN count(DISTINCT slow.image) = 1 THEN max(slow.image) END AS image,
        CASE WHEN count(DISTINCT slow.process_guid) = 1 THEN max(slow.process_guid) END AS process_guid,
        CASE WHEN count(DISTINCT slow."user") = 1 THEN max(slow."user") END AS "user",
        (list(slow.evidence ORDER BY slow.time, slow.evidence.file_id, slow.evidence.record_no))
            [:most_evidence()] AS evidence
    FROM slow
    LEFT JOIN named USING (uid)
    GROUP BY slow.site, slow.host_id, coalesce(slow.server_name, named.sni, slow.server_ip)
    HAVING sum(slow.bytes_out) >= getvariable('min_bytes')
)
SELECT
    sent.site,
    sent.host_id,
    sent.destination,
    sent.server_ip,
    sent.first_seen,
    sent.last_seen,
    sent.sessions,
    sent.open_minutes,
    sent.sent_bytes,
    sent.received_bytes,
    sent.image,
    sent.process_guid,
    sent."user",
    sent.evidence,
    fleet.fleet_hosts,
    organisation.hosts,
    is_new_here(fleet.first_known, insider.host_since) AS is_new,
    is_old_here(fleet.first_known, sent.last_seen, insider.host_since) AS is_old,
    CAST(round(sent.sent_bytes / (sent.open_minutes * 60)) AS BIGINT) AS bytes_a_second,
    getvariable('base_confidence')
    + odd_pair_strength(is_new, is_old, fleet.fleet_hosts, organisation.hosts, is_user_writable(sent.image)) AS confidence
FROM sent
JOIN fleet_contact AS fleet ON fleet.peer = sent.server_ip
JOIN insider USING (host_id)
CROSS JOIN (SELECT count(host_id) AS hosts FROM insider) AS organisation
WHERE fleet.fleet_hosts <= getvariable('few_hosts')
