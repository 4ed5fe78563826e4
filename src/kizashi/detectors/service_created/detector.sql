-- Services whose command is an interpreter, lies where an account can write, comes from a share, or has a
-- random name in the Windows folder; with the process or the remote session that asked for them.
WITH installed AS (
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        "user",
        service_name,
        trim(image_path) AS command,
        start_type,
        account,
        process_id,
        logon_id,
        trim(
            coalesce(
                nullif(regexp_extract(image_path, '^\s*"([^"]+)"', 1), ''),
                nullif(
                    regexp_extract(
                        image_path, '(?i)^\s*([^"]+?\.(?:exe|com|scr|bat|cmd|vbs|ps1|dll|sys))(?:[\s",]|$)', 1
                    ),
                    ''
                ),
                regexp_extract(image_path, '^\s*(\S+)', 1)
            )
        ) AS program,
        nullif(
            regexp_extract(
                image_path,
                '(?i)[\s",=](([a-z]:|%\w+%|\\)\\[^"*?<>|,]+?\.(dll|exe|vbs|vbe|js|jse|wsf|hta|ps1|bat|cmd|sct|dat|tmp))\b',
                1
            ),
            ''
        ) AS payload
    FROM service_activity
    WHERE
        activity = 'create'
        AND image_path IS NOT NULL
),
judged AS (
    SELECT
        service,
        lower(service.service_name) AS name,
        CASE
            WHEN
                regexp_matches(service.command, '(?i)(%comspec%|cmd(\.exe)?)\W.*echo\b.*>\s*\\\\\.\\pipe\\')
                THEN 'echo into a named pipe'
            WHEN
                regexp_matches(
                    service.command,
                    '(?i)^\s*"?([^"\s]*\\)?(%comspec%|(cmd|powershell|pwsh|rundll32|mshta|wscript|cscript|regsvr32|msbuild|installutil|bitsadmin|certutil)(\.exe)?)("|\s|$)'
                )
                THEN 'interpreter'
            WHEN regexp_matches(service.program, '^\\\\[^.?\\]') THEN 'share'
            WHEN
                is_user_writable(service.program)
                AND regexp_matches(service.program, '(?i)^[a-z]:[\\/]programdata[\\/]|^%(programdata|allusersprofile)%')
                THEN 'ProgramData'
            WHEN is_user_writable(service.program) THEN 'user-writable place'
            WHEN
                regexp_matches(service.program, '(?i)[\\/](psexesvc|paexec[^\\/]*|remcomsvc|csexecsvc|winexesvc)\.exe$')
                THEN 'remote execution tool'
            WHEN
                regexp_matches(service.program, '(?i)^(c:\\windows|%systemroot%|%windir%|\\systemroot)\\[^\\]+\.exe$')
                AND NOT regexp_matches(service.program, getvariable('known_in_windows'))
                THEN 'program straight in the Windows folder'
        END AS reason
    FROM installed AS service
),
weighed AS (
    SELECT
        service,
        name,
        reason,
        count(DISTINCT service.site || service.host_id) OVER same_command AS hosts_with_service,
        CASE reason
            WHEN 'echo into a named pipe' THEN getvariable('pipe_confidence')
            WHEN 'interpreter' THEN getvariable('interpreter_confidence')
            WHEN 'share' THEN getvariable('share_confidence')
            WHEN 'ProgramData' THEN getvariable('programdata_confidence')
            WHEN 'user-writable place' THEN getvariable('profile_confidence')
            WHEN 'remote execution tool' THEN getvariable('remote_tool_confidence')
            ELSE getvariable('random_confidence')
        END
        * CASE
            WHEN hosts_with_service >= getvariable('common_hosts') THEN getvariable('common_factor')
            ELSE 1
        END AS weight
    FROM judged
    WHERE reason IS NOT NULL
    WINDOW same_command AS (PARTITION BY lower(service.command))
),
begun AS (
    SELECT
        service,
        name,
        reason,
        weight,
        hosts_with_service,
        coalesce(
            service.time - lag(service.time) OVER same_service
            > to_minutes(getvariable('collapse_minutes')),
            TRUE
        ) AS begins
    FROM weighed
    WHERE weight >= getvariable('min_confidence')
    WINDOW same_service AS (
        PARTITION BY service.site, service.host_id, name
        ORDER BY service.time, service.file_id, service.record_no
    )
),
runs AS (
    SELECT
        service,
        name,
        reason,
        weight,
        hosts_with_service,
        {'time': service.time, 'file_id': service.file_id, 'record_no': service.record_no} AS place,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY service.site, service.host_id, name
            ORDER BY service.time, service.file_id, service.record_no
            ROWS UNBOUNDED PRECEDING
        ) AS run
    FROM begun
),
created AS (
    SELECT
        service.site AS site,
        service.host_id AS host_id,
        name,
        run,
        min(service.time) AS first_seen,
        max(service.time) AS last_seen,
        arg_min(service."user", place) AS "user",
        arg_min(service.process_id, place) AS client_id,
        arg_min(service.logon_id, place) AS logon_id,
        arg_min(service.service_name, place) AS object,
        arg_min(coalesce(service.payload, service.program), place) AS object_image,
        arg_min(service.command, place) AS service_command,
        arg_min(service.account, place) AS account,
        arg_max(reason, weight) AS reason,
        max(weight) AS confidence,
        max(hosts_with_service) AS hosts_with_service,
        list(
            {'file_id': service.file_id, 'record_no': service.record_no}
            ORDER BY service.time, service.file_id, service.record_no
        )[:getvariable('max_evidence')] AS evidence
    FROM runs
    GROUP BY service.site, service.host_id, name, run
),
-- 4697 names its client by pid: the last start of that pid before the installation is meant. 7045 names
-- nobody; then sc.exe with the service's name is the client.
clients AS (
    SELECT
        made.site AS site,
        made.host_id AS host_id,
        made.name AS name,
        made.run AS run,
        arg_max(
            start,
            {'is_client': made.client_id IS NOT NULL, 'time': start.time, 'has_guid': start.process_guid IS NOT NULL}
        ) AS start
    FROM created AS made
    INNER JOIN process_activity AS start
        ON made.site = start.site
        AND made.host_id = start.host_id
        AND start.activity = 'start'
        AND start.time BETWEEN
        made.first_seen - to_minutes(getvariable('creator_minutes'))
        AND made.last_seen
        AND (
            made.client_id = start.process_id
            OR (
                made.client_id IS NULL
                AND file_name(start.image) = 'sc.exe'
                AND contains(lower(start.command_line), 'create')
                AND contains(lower(start.command_line), made.name)
            )
        )
    GROUP BY made.site, made.host_id, made.name, made.run
),
sessions AS (
    SELECT
        made.site AS site,
        made.host_id AS host_id,
        made.name AS name,
        made.run AS run,
        arg_max(logon.client_ip, logon.time) AS caller_ip
    FROM created AS made
    INNER JOIN authentication AS logon
        ON made.site = logon.site
        AND made.host_id = logon.host_id
        AND lower(made.logon_id) = lower(logon.logon_id)
    WHERE
        logon.activity = 'logon'
        AND logon.client_ip NOT IN ('127.0.0.1', '::1')
        AND logon.time <= made.last_seen
    GROUP BY made.site, made.host_id, made.name, made.run
)
SELECT
    made.site AS site,
    made.host_id AS host_id,
    made.first_seen AS first_seen,
    made.last_seen AS last_seen,
    made."user" AS "user",
    client.start.process_guid AS process_guid,
    coalesce(client.start.process_id, made.client_id) AS process_id,
    client.start.image AS image,
    client.start.command_line AS command_line,
    client.start.parent_guid AS parent_guid,
    client.start.parent_image AS parent_image,
    client.start.sha256 AS sha256,
    made.object AS object,
    made.object_image AS object_image,
    made.service_command AS service_command,
    made.account AS account,
    made.reason AS reason,
    made.hosts_with_service AS hosts_with_service,
    session.caller_ip AS caller_ip,
    made.confidence AS confidence,
    made.evidence AS evidence
FROM created AS made
LEFT JOIN clients AS client
    ON made.site = client.site
    AND made.host_id = client.host_id
    AND made.name = client.name
    AND made.run = client.run
LEFT JOIN sessions AS session
    ON made.site = session.site
    AND made.host_id = session.host_id
    AND made.name = session.name
    AND made.run = session.run
ORDER BY first_seen, host_id, object
