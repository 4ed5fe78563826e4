-- Files created in a Startup folder, weighed by who wrote them and whether they run by themselves.
WITH risky_hosts AS (
    SELECT unnest(
        document_programs()
        || archive_programs()
        || script_programs()
        || command_shells()
        || code_hosts()
        || ['certutil.exe', 'bitsadmin.exe', 'curl.exe', 'expand.exe', 'wmiprvse.exe', 'mstsc.exe', 'tar.exe']
    ) AS program
),
-- The kernel writes for another machine: a share was used.
remote AS (
    SELECT unnest(['system', 'ntoskrnl.exe']) AS program
),
written AS (
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
        path,
        sha256
    FROM file_activity
    WHERE
        activity IN ('create', 'rename')
        AND regexp_matches(path, getvariable('startup'))
        AND NOT regexp_matches(path, getvariable('harmless'))
),
begun AS (
    SELECT
        file,
        coalesce(
            file.time - lag(file.time) OVER same_file > to_minutes(getvariable('collapse_minutes')),
            TRUE
        ) AS begins
    FROM written AS file
    WINDOW same_file AS (
        PARTITION BY file.site, file.host_id, lower(file.path)
        ORDER BY file.time, file.file_id, file.record_no
    )
),
runs AS (
    SELECT
        file,
        {'time': file.time, 'file_id': file.file_id, 'record_no': file.record_no} AS place,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY file.site, file.host_id, lower(file.path)
            ORDER BY file.time, file.file_id, file.record_no
            ROWS UNBOUNDED PRECEDING
        ) AS run
    FROM begun
),
put AS (
    SELECT
        file.site AS site,
        file.host_id AS host_id,
        min(file.time) AS first_seen,
        max(file.time) AS last_seen,
        arg_min(file."user", place) AS "user",
        arg_min(file.process_guid, place) AS process_guid,
        arg_min(file.process_id, place) AS process_id,
        arg_min(file.image, place) AS image,
        arg_min(file.path, place) AS object,
        arg_min(file.sha256, place) AS sha256,
        list(
            {'file_id': file.file_id, 'record_no': file.record_no}
            ORDER BY file.time, file.file_id, file.record_no
        )[:getvariable('max_evidence')] AS evidence
    FROM runs
    GROUP BY file.site, file.host_id, lower(file.path), run
),
starts AS (
    SELECT
        start.site AS site,
        start.process_guid AS process_guid,
        arg_min(start, start.time) AS start
    FROM process_activity AS start
    WHERE
        start.activity = 'start'
        AND start.process_guid IN (SELECT put.process_guid FROM put)
    GROUP BY start.site, start.process_guid
),
judged AS (
    SELECT
        put,
        writer.start AS start,
        regexp_matches(put.object, getvariable('active')) AS is_active,
        count(DISTINCT put.site || put.host_id) OVER (PARTITION BY file_name(put.object)) AS hosts_with_file,
        CASE
            WHEN
                file_name(put.image) IN (SELECT risky_hosts.program FROM risky_hosts)
                OR file_name(put.image) IN (SELECT remote.program FROM remote)
                OR file_name(writer.start.parent_image) IN (
                    SELECT risky_hosts.program FROM risky_hosts WHERE program NOT IN ('cmd.exe', 'powershell.exe')
                )
                THEN 'risky program'
            WHEN regexp_matches(put.image, getvariable('known_apps')) THEN 'installer'
            WHEN regexp_matches(put.image, getvariable('installers')) THEN 'installer'
            WHEN is_user_writable(put.image) THEN 'program in a user-writable place'
            WHEN file_name(put.image) = 'explorer.exe' THEN 'user'
            ELSE 'other program'
        END AS writer
    FROM put
    LEFT JOIN starts AS writer
        ON put.site = writer.site
        AND put.process_guid = writer.process_guid
)
SELECT
    put.site AS site,
    put.host_id AS host_id,
    put.first_seen AS first_seen,
    put.last_seen AS last_seen,
    coalesce(put."user", start."user") AS "user",
    put.process_guid AS process_guid,
    put.process_id AS process_id,
    put.image AS image,
    start.command_line AS command_line,
    start.parent_guid AS parent_guid,
    start.parent_image AS parent_image,
    put.sha256 AS sha256,
    put.object AS object,
    -- A program in Startup runs itself; what a shortcut points to is not in the log.
    CASE WHEN is_active THEN put.object END AS object_image,
    [file_name(put.object)] AS file_names,
    writer,
    hosts_with_file,
    CASE
        WHEN writer = 'risky program' THEN getvariable('risky_confidence')
        WHEN writer = 'program in a user-writable place' THEN getvariable('dropped_confidence')
        WHEN writer = 'installer' THEN getvariable('installer_confidence')
        WHEN is_active THEN getvariable('program_confidence')
        ELSE getvariable('shortcut_confidence')
    END
    * CASE
        WHEN hosts_with_file >= getvariable('common_hosts') THEN getvariable('common_factor')
        ELSE 1
    END AS confidence,
    put.evidence AS evidence
FROM judged
WHERE confidence >= getvariable('min_confidence')
ORDER BY first_seen, host_id, object
