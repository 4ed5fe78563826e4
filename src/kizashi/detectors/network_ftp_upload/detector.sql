-- Files sent to servers outside by FTP: as the sensor tells commands and files, or as data connections in
-- which more goes out than comes back.
WITH file AS (
    SELECT
        site,
        host_id,
        time,
        server_ip,
        file_name,
        bytes,
        NULL AS image,
        NULL AS process_guid,
        NULL AS "user",
        file_id,
        record_no
    FROM network_file_activity
    WHERE is_upload AND regexp_matches(protocol, getvariable('protocols'))
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        server_ip,
        NULL,
        bytes_out,
        image,
        process_guid,
        "user",
        file_id,
        record_no
    FROM network_activity
    WHERE
        regexp_matches(service, getvariable('data_services'))
        AND bytes_out > coalesce(bytes_in, 0)
        AND coalesce(disposition, '') <> 'blocked'
),
named AS (
    SELECT
        host_id,
        server_ip,
        min(destination) AS destination
    FROM contact
    WHERE NOT is_address(destination)
    GROUP BY host_id, server_ip
),
sent AS (
    SELECT
        file.site,
        file.host_id,
        file.server_ip,
        coalesce(any_value(named.destination), file.server_ip) AS destination,
        min(file.time) AS first_seen,
        max(file.time) AS last_seen,
        -- One file may be told by its command, by its content and by its connection.
        greatest(count(DISTINCT file.file_name), 1) AS files,
        array_to_string(list_sort(list(DISTINCT file.file_name))[:getvariable('shown_names')], ', ') AS names,
        CAST(greatest(
            sum(file.bytes) FILTER (file.file_name IS NOT NULL),
            sum(file.bytes) FILTER (file.file_name IS NULL)
        ) AS BIGINT) AS sent_bytes,
        max(file.image) AS image,
        CASE WHEN count(DISTINCT file.process_guid) = 1 THEN max(file.process_guid) END AS process_guid,
        CASE WHEN count(DISTINCT file."user") = 1 THEN max(file."user") END AS "user",
        arg_min(
            {'file_id': file.file_id, 'record_no': file.record_no},
            {'time': file.time, 'file_id': file.file_id, 'record_no': file.record_no},
            most_evidence()
        ) AS evidence
    FROM file
    LEFT JOIN named USING (host_id, server_ip)
    WHERE is_own_address(file.server_ip) AND NOT is_inside_name(file.server_ip)
    GROUP BY file.site, file.host_id, file.server_ip
    -- Commands often come without a size.
    HAVING coalesce(sum(file.bytes) >= getvariable('min_bytes'), TRUE)
)
SELECT
    sent.site,
    sent.host_id,
    sent.destination,
    sent.server_ip,
    sent.first_seen,
    sent.last_seen,
    sent.files,
    sent.names,
    sent.sent_bytes,
    sent.image,
    sent.process_guid,
    sent."user",
    sent.evidence,
    coalesce(fleet.fleet_hosts, 1) AS fleet_hosts,
    organisation.hosts,
    is_new_here(coalesce(fleet.first_known, sent.first_seen), insider.host_since) AS is_new,
    is_old_here(coalesce(fleet.first_known, sent.first_seen), sent.last_seen, insider.host_since) AS is_old,
    getvariable('base_confidence')
    + odd_pair_strength(is_new, is_old, fleet_hosts, organisation.hosts, is_user_writable(sent.image)) AS confidence
FROM sent
LEFT JOIN fleet_contact AS fleet ON fleet.peer = sent.server_ip
LEFT JOIN insider USING (host_id)
CROSS JOIN (SELECT count(host_id) AS hosts FROM insider) AS organisation
WHERE coalesce(fleet.fleet_hosts, 1) <= getvariable('few_hosts')
