-- Files written by a document program, an archiver, a script host or a program in a user-writable place, and run
-- within window_hours: as a program, or by a system tool that was given them.
WITH document_programs AS (
    SELECT unnest(document_programs()) AS program
),
archivers AS (
    SELECT unnest(archive_programs() || ['expand.exe', 'extrac32.exe', 'tar.exe']) AS program
),
script_hosts AS (
    SELECT unnest(
        script_programs()
        || command_shells()
        || ['certutil.exe', 'bitsadmin.exe', 'curl.exe']
    ) AS program
),
tools AS (
    SELECT unnest(
        script_programs()
        || command_shells()
        || ['rundll32.exe', 'regsvr32.exe', 'control.exe', 'installutil.exe', 'hh.exe']
    ) AS program
),
put AS (
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        path,
        lower(path) AS place,
        image AS writer,
        process_guid AS writer_guid,
        file_name(image) AS writer_program,
        CASE
            WHEN file_name(image) IN (SELECT program FROM document_programs) THEN 'document'
            WHEN file_name(image) IN (SELECT program FROM archivers) THEN 'archive'
            WHEN file_name(image) IN (SELECT program FROM script_hosts) THEN 'script host'
            WHEN is_user_writable(image) AND NOT regexp_matches(image, getvariable('known_apps'))
                THEN 'unpacked'
        END AS origin
    FROM file_activity
    WHERE
        activity IN ('create', 'rename')
        AND is_user_writable(path)
),
starts AS (
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        "user",
        process_guid,
        process_id,
        image,
        command_line,
        parent_guid,
        parent_image,
        sha256,
        CASE
            WHEN is_user_writable(image) THEN image
            WHEN file_name(image) IN (SELECT program FROM tools)
                THEN nullif(
                    regexp_extract(
                        regexp_replace(command_line, '^\s*("[^"]*"|\S+)', ''), getvariable('payload'), 1
                    ),
                    ''
                )
        END AS run
    FROM process_activity
    WHERE activity = 'start'
),
-- The last writing before the start.
met AS (
    SELECT
        start,
        put,
        epoch(start.time) - epoch(put.time) AS gap_s
    FROM starts AS start
    INNER JOIN put
        ON
            start.site = put.site
            AND start.host_id = put.host_id
            AND lower(start.run) = put.place
            AND put.time <= start.time + to_seconds(getvariable('early_s'))
            AND put.time >= start.time - to_hours(getvariable('window_hours'))
    WHERE
        start.run IS NOT NULL
        AND put.origin IS NOT NULL
        -- What a program in a profile unpacks counts where it starts it itself.
        AND (
            put.origin != 'unpacked'
            OR start.parent_guid = put.writer_guid
            OR lower(start.parent_image) = lower(put.writer)
        )
    QUALIFY
        row_number() OVER (
            PARTITION BY start.file_id, start.record_no
            ORDER BY put.time DESC, put.file_id, put.record_no
        ) = 1
),
weighed AS (
    SELECT
        start,
        put,
        gap_s,
        count(DISTINCT start.site || start.host_id) OVER (
            PARTITION BY file_name(start.run), put.writer_program
        ) AS hosts_with_file,
        CASE
            WHEN put.origin = 'document' THEN getvariable('document_confidence')
            WHEN put.origin = 'script host' THEN getvariable('host_confidence')
            WHEN regexp_matches(start.run, getvariable('code')) AND start.run != start.image
                THEN getvariable('code_confidence')
            WHEN put.origin = 'archive' THEN getvariable('archive_confidence')
            ELSE getvariable('unpacked_confidence')
        END
        * CASE
            WHEN
                put.origin != 'document'
                AND start.run = start.image
                AND (
                    regexp_matches(put.writer, getvariable('setups'))
                    OR regexp_matches(start.run, getvariable('setups'))
                )
                THEN getvariable('setup_factor')
            ELSE 1
        END AS sure
    FROM met
)
SELECT
    start.site AS site,
    start.host_id AS host_id,
    min(start.time) AS first_seen,
    max(start.time) AS last_seen,
    arg_min(start."user", start.time) AS "user",
    arg_min(start.process_guid, start.time) AS process_guid,
    arg_min(start.process_id, start.time) AS process_id,
    arg_min(start.image, start.time) AS image,
    arg_min(start.command_line, start.time) AS command_line,
    arg_min(start.parent_guid, start.time) AS parent_guid,
    arg_min(start.parent_image, start.time) AS parent_image,
    arg_min(start.sha256, start.time) AS sha256,
    arg_min(put.path, start.time) AS object,
    [file_name(put.place)] AS file_names,
    arg_min(put.writer, start.time) AS writer,
    arg_min(put.origin, start.time) AS origin,
    list_concat(
        CASE WHEN arg_min(put.origin, start.time) = 'archive' THEN ['T1204.002', 'T1027.015'] ELSE ['T1204.002'] END,
        [arg_min(technique_of_tool(file_name(start.image), start.command_line), start.time)]
    ) AS techniques,
    CAST(round(min(gap_s)) AS BIGINT) AS gap_s,
    max(hosts_with_file) AS hosts_with_file,
    count(*) AS starts,
    max(sure)
    * CASE
        WHEN max(hosts_with_file) >= getvariable('common_hosts') THEN getvariable('common_factor')
        ELSE 1
    END AS confidence,
    list_concat(
        list(
            {'file_id': start.file_id, 'record_no': start.record_no}
            ORDER BY start.time, start.file_id, start.record_no
        )[:getvariable('max_evidence') - 1],
        [arg_min({'file_id': put.file_id, 'record_no': put.record_no}, start.time)]
    ) AS evidence
FROM weighed
GROUP BY start.site, start.host_id, put.place
HAVING confidence >= getvariable('min_confidence')
ORDER BY first_seen, host_id, object
