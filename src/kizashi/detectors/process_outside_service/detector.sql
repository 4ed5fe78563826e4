-- Programs that use a public service which others use as a channel or a store, though they are neither a
-- browser nor the service's own client, and hardly another host has them do so. Where a proxy or a sensor
-- knows no program, the user agent stands for it: libraries and tools name themselves, also in CONNECT.
WITH used AS (
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        query AS name,
        NULL AS server_ip,
        image,
        NULL AS agent,
        process_guid,
        "user"
    FROM dns_activity
    WHERE image IS NOT NULL
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        host,
        server_ip,
        image,
        CASE WHEN image IS NULL THEN user_agent END,
        process_guid,
        "user"
    FROM http_activity
    WHERE image IS NOT NULL OR regexp_matches(user_agent, getvariable('scripted'))
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        server_name,
        server_ip,
        image,
        NULL,
        process_guid,
        "user"
    FROM network_activity
    WHERE image IS NOT NULL AND coalesce(initiated, TRUE)
),
service AS (
    SELECT unnest(getvariable('services')) AS service
),
odd AS (
    SELECT
        used.site,
        used.host_id,
        used.time,
        used.file_id,
        used.record_no,
        used.name,
        used.server_ip,
        used.image,
        used.agent,
        used.process_guid,
        used."user",
        service.service,
        coalesce(program_shape(used.image), client_of(used.agent)) AS shape,
        used.agent IS NOT NULL OR regexp_matches(file_name(used.image), getvariable('script_hosts'))
            AS is_script_host
    FROM used
    JOIN service ON used.name = service.service OR ends_with(used.name, '.' || service.service)
    WHERE
        used.image IS NULL
        OR (
            NOT regexp_matches(file_name(used.image), getvariable('browsers'))
            AND NOT regexp_matches(used.image, getvariable('clients'))
        )
),
shared AS (
    SELECT
        service,
        shape,
        count(DISTINCT host_id) AS fleet_hosts
    FROM odd
    GROUP BY service, shape
    HAVING count(DISTINCT host_id) <= getvariable('few_hosts')
)
SELECT
    odd.site,
    odd.host_id,
    odd.service,
    min(odd.image) AS image,
    coalesce(min(odd.image), min(odd.agent)) AS program,
    mode(odd.name) AS destination,
    mode(odd.server_ip) AS server_ip,
    min(odd.time) AS first_seen,
    max(odd.time) AS last_seen,
    count(odd.time) AS uses,
    any_value(shared.fleet_hosts) AS fleet_hosts,
    CASE WHEN count(DISTINCT odd.process_guid) = 1 THEN max(odd.process_guid) END AS process_guid,
    CASE WHEN count(DISTINCT odd."user") = 1 THEN max(odd."user") END AS "user",
    getvariable('base_confidence')
    + CASE
        WHEN bool_or(odd.is_script_host) THEN getvariable('script_bonus')
        WHEN bool_or(is_user_writable(odd.image)) THEN getvariable('writable_bonus')
        ELSE 0
    END AS confidence,
    (list({'file_id': odd.file_id, 'record_no': odd.record_no} ORDER BY odd.time, odd.file_id, odd.record_no))
        [:most_evidence()] AS evidence
FROM odd
JOIN shared USING (service, shape)
GROUP BY odd.site, odd.host_id, odd.service, odd.shape
HAVING count(odd.time) >= getvariable('min_uses')
