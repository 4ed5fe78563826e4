-- Look-ups, connections and requests of programs that are no browsers to public services whose content
-- anybody can write.
WITH met AS (
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        process_guid,
        image,
        NULL AS agent,
        query AS destination,
        answers[1] AS server_ip,
        'dns' AS told_by
    FROM dns_activity
    WHERE image IS NOT NULL AND regexp_matches(query, getvariable('services'))
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        process_guid,
        image,
        NULL,
        lower(server_name),
        server_ip,
        'network'
    FROM network_activity
    WHERE image IS NOT NULL AND regexp_matches(lower(server_name), getvariable('services'))
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        process_guid,
        image,
        CASE WHEN image IS NULL THEN user_agent END,
        host,
        server_ip,
        'http'
    FROM http_activity
    WHERE
        regexp_matches(host, getvariable('services'))
        AND (
            image IS NOT NULL
            OR NOT regexp_matches(user_agent, getvariable('browser_agents'))
        )
),
judged AS (
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        process_guid,
        image,
        coalesce(image, agent) AS program,
        destination,
        server_ip,
        told_by,
        CASE
            WHEN image IS NULL THEN getvariable('agent_confidence')
            WHEN
                list_contains(getvariable('runs_others'), file_name(image)) OR is_user_writable(image)
                THEN getvariable('odd_confidence')
            ELSE getvariable('program_confidence')
        END AS sure,
        count(DISTINCT host_id) OVER (
            PARTITION BY program_shape(coalesce(image, agent)), destination
        ) AS hosts_with_service
    FROM met
    WHERE coalesce(NOT regexp_matches(image, getvariable('browsers')), TRUE)
)
SELECT
    site,
    host_id,
    min(time) AS first_seen,
    max(time) AS last_seen,
    CASE WHEN count(DISTINCT process_guid) = 1 THEN max(process_guid) END AS process_guid,
    any_value(image) AS image,
    program,
    destination,
    arg_min(server_ip, time) AS server_ip,
    count(*) AS records,
    list_sort(list(DISTINCT told_by)) AS tables,
    max(hosts_with_service) AS hosts_with_service,
    max(sure)
    * CASE
        WHEN max(hosts_with_service) >= getvariable('common_hosts') THEN getvariable('common_factor')
        ELSE 1
    END AS confidence,
    list({'file_id': file_id, 'record_no': record_no} ORDER BY time, file_id, record_no)
        [:getvariable('max_evidence')] AS evidence
FROM judged
GROUP BY site, host_id, program, destination
HAVING confidence >= getvariable('min_confidence')
ORDER BY first_seen, host_id, program, destination
