-- rhythm_proof(protocol, host_id, unit_kind, unit, process_guid, user, requests, paths, evidence)
-- The rows behind each judged rhythm, one view of three tables: who asked where it was one, how many rows
-- and different paths, and the first rows as evidence. Reads judged_rhythm, http_activity, tls_activity
-- and network_activity.
WITH event AS (
    SELECT
        'http' AS protocol,
        host_id,
        nullif(host, '') AS name,
        server_ip,
        time,
        file_id,
        record_no,
        process_guid,
        "user",
        split_part(uri, '?', 1) AS path
    FROM http_activity
    UNION ALL
    SELECT
        'tls',
        host_id,
        nullif(sni, ''),
        server_ip,
        time,
        file_id,
        record_no,
        NULL,
        NULL,
        NULL
    FROM tls_activity
    UNION ALL
    SELECT
        'network',
        host_id,
        nullif(server_name, ''),
        server_ip,
        time,
        file_id,
        record_no,
        process_guid,
        "user",
        NULL
    FROM network_activity
    WHERE nullif(server_name, '') IS NOT NULL OR NOT is_timed_port(server_port)
),
named AS (
    SELECT
        protocol,
        host_id,
        unit_kind,
        unit,
        unnest(destinations) AS name
    FROM judged_rhythm
),
seen AS (
    SELECT
        named.unit_kind,
        named.unit,
        event.*
    FROM event
    JOIN named USING (protocol, host_id, name)
    UNION ALL BY NAME
    SELECT
        judged_rhythm.unit_kind,
        judged_rhythm.unit,
        event.*
    FROM event
    JOIN judged_rhythm USING (protocol, host_id, server_ip)
    WHERE event.name IS NULL
)
SELECT
    protocol,
    host_id,
    unit_kind,
    unit,
    CASE WHEN count(DISTINCT process_guid) = 1 THEN max(process_guid) END AS process_guid,
    CASE WHEN count(DISTINCT "user") = 1 THEN max("user") END AS "user",
    count(time) AS requests,
    count(DISTINCT path) AS paths,
    -- Never the whole list: one pair may have ten million rows.
    arg_min(
        {'file_id': file_id, 'record_no': record_no},
        {'time': time, 'file_id': file_id, 'record_no': record_no},
        most_evidence()
    ) AS evidence
FROM seen
GROUP BY
    protocol,
    host_id,
    unit_kind,
    unit
