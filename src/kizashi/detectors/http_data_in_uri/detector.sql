-- Requests that carry long coded text in their address or in a cookie, another each time, to a destination
-- of few hosts: data that leaves in what looks like reading.
WITH asked AS (
    SELECT
        site,
        host_id,
        coalesce(nullif(host, ''), server_ip) AS destination,
        server_ip,
        time,
        unnest([
            {'carrier': 'address', 'text': CASE WHEN length(uri) >= getvariable('min_chars') THEN uri END},
            {'carrier': 'cookie', 'text': CASE WHEN length(cookie) >= getvariable('min_chars') THEN cookie END}
        ], recursive := TRUE),
        response_body_bytes,
        image,
        process_guid,
        "user",
        {'file_id': file_id, 'record_no': record_no} AS evidence
    FROM http_activity
    WHERE
        (length(uri) >= getvariable('min_chars') OR length(cookie) >= getvariable('min_chars'))
        AND list_contains(getvariable('methods'), method)
        AND referrer IS NULL
        AND coalesce(NOT regexp_matches(response_mime, getvariable('revocation')), TRUE)
        AND NOT is_inside_name(coalesce(nullif(host, ''), server_ip))
),
coded AS (
    SELECT
        site,
        host_id,
        destination,
        carrier,
        server_ip,
        time,
        response_body_bytes,
        image,
        process_guid,
        "user",
        evidence,
        regexp_extract(text, getvariable('coded')) AS payload
    FROM asked
    WHERE regexp_matches(text, getvariable('coded'))
),
often AS (
    SELECT
        site,
        host_id,
        destination,
        carrier,
        mode(server_ip) AS server_ip,
        min(time) AS first_seen,
        max(time) AS last_seen,
        count(time) AS requests,
        count(DISTINCT payload) AS payloads,
        count(DISTINCT time_bucket(to_hours(1), time)) AS active_hours,
        CAST(median(length(payload)) AS BIGINT) AS median_chars,
        CAST(sum(length(payload)) AS BIGINT) AS carried_chars,
        CAST(median(response_body_bytes) AS BIGINT) AS median_response_bytes,
        CASE WHEN count(DISTINCT image) = 1 THEN max(image) END AS image,
        CASE WHEN count(DISTINCT process_guid) = 1 THEN max(process_guid) END AS process_guid,
        CASE WHEN count(DISTINCT "user") = 1 THEN max("user") END AS "user",
        arg_min(evidence, {'time': time, 'evidence': evidence}, most_evidence()) AS evidence
    FROM coded
    GROUP BY site, host_id, destination, carrier
    HAVING
        count(time) >= getvariable('min_requests')
        AND count(DISTINCT payload) >= getvariable('min_different') * count(time)
        AND count(DISTINCT time_bucket(to_hours(1), time)) >= getvariable('min_active_hours')
        AND coalesce(median(response_body_bytes) <= getvariable('small_response_bytes'), TRUE)
)
SELECT
    often.site,
    often.host_id,
    often.destination,
    often.carrier,
    often.server_ip,
    often.first_seen,
    often.last_seen,
    often.requests,
    often.payloads,
    often.active_hours,
    often.median_chars,
    often.carried_chars,
    often.median_response_bytes,
    often.image,
    often.process_guid,
    often."user",
    often.evidence,
    fleet.fleet_hosts,
    organisation.hosts,
    is_new_here(fleet.first_known, insider.host_since) AS is_new,
    is_old_here(fleet.first_known, often.last_seen, insider.host_since) AS is_old,
    CASE often.carrier WHEN 'cookie' THEN 'クッキー' ELSE 'アドレス' END AS carrier_ja,
    getvariable('base_confidence')
    + odd_pair_strength(is_new, is_old, fleet.fleet_hosts, organisation.hosts, is_user_writable(often.image)) AS confidence
FROM often
JOIN fleet_contact AS fleet ON fleet.peer = often.destination
JOIN insider USING (host_id)
CROSS JOIN (SELECT count(host_id) AS hosts FROM insider) AS organisation
WHERE fleet.fleet_hosts <= getvariable('few_hosts')
