-- Scheduled tasks as the task log, the security log, schtasks.exe and the task folder tell of them, and who
-- made them. The scheduler service writes them all, so svchost is never the creator.
WITH RECURSIVE risky_hosts AS (
    SELECT unnest(document_programs() || archive_programs() || script_programs() || code_hosts()) AS program
),
interpreters AS (
    SELECT unnest(
        command_shells()
        || script_programs()
        || ['rundll32.exe', 'regsvr32.exe', 'installutil.exe', 'msbuild.exe', 'cmstp.exe', 'certutil.exe', 'bitsadmin.exe']
        || ['wmic.exe', 'cmd', 'powershell', 'wscript', 'cscript', 'mshta', 'rundll32']
    ) AS program
),
schtasks AS (
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        "user",
        process_guid,
        process_id,
        regexp_extract(command_line, '(?i)[/-]tn\s+("[^"]+"|\S+)', 1) AS task_name,
        regexp_extract(command_line, '(?i)[/-]tr\s+("(?:[^"\\]|\\.)*"|''[^'']*''|\S+)', 1) AS action
    FROM process_activity
    WHERE
        activity = 'start'
        AND file_name(image) = 'schtasks.exe'
        AND regexp_matches(command_line, '(?i)\s[/-]create\b')
),
witnessed AS (
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        "user",
        trim(task_name, '"') AS task_name,
        nullif(trim(replace(trim(action, '"'''), '\"', '"')), '') AS action,
        NULL AS client_id,
        process_guid AS asked_guid,
        process_id AS asked_id
    FROM schtasks
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        "user",
        task_name,
        nullif(concat_ws(' ', command, arguments), ''),
        process_id,
        NULL,
        NULL
    FROM scheduled_job_activity
    WHERE activity = 'create'
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        NULL,
        regexp_extract(path, '(?i)^[a-z]:\\windows\\system32\\tasks\\(.+)$', 1),
        NULL,
        NULL,
        NULL,
        NULL
    FROM file_activity
    WHERE
        activity = 'create'
        AND regexp_matches(path, '(?i)^[a-z]:\\windows\\system32\\tasks\\.')
),
begun AS (
    SELECT
        seen,
        lower(ltrim(seen.task_name, '\')) AS task,
        coalesce(
            seen.time - lag(seen.time) OVER same_task > to_minutes(getvariable('collapse_minutes')),
            TRUE
        ) AS begins
    FROM witnessed AS seen
    WHERE seen.task_name != ''
    WINDOW same_task AS (
        PARTITION BY seen.site, seen.host_id, lower(ltrim(seen.task_name, '\'))
        ORDER BY seen.time, seen.file_id, seen.record_no
    )
),
runs AS (
    SELECT
        seen,
        task,
        {'time': seen.time, 'file_id': seen.file_id, 'record_no': seen.record_no} AS place,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY seen.site, seen.host_id, task
            ORDER BY seen.time, seen.file_id, seen.record_no
            ROWS UNBOUNDED PRECEDING
        ) AS run
    FROM begun
),
created AS (
    SELECT
        seen.site AS site,
        seen.host_id AS host_id,
        task,
        row_number() OVER (ORDER BY seen.site, seen.host_id, min(place), task) AS id,
        min(seen.time) AS first_seen,
        max(seen.time) AS last_seen,
        -- The log's own spelling is longer than what was typed: it carries the folder.
        max('\' || ltrim(seen.task_name, '\')) AS task_name,
        arg_min(seen."user", place) AS "user",
        arg_min(seen.action, place) AS action,
        arg_min(seen.client_id, place) AS client_id,
        arg_min(seen.asked_guid, place) AS asked_guid,
        arg_min(seen.asked_id, place) AS asked_id,
        list(
            {'file_id': seen.file_id, 'record_no': seen.record_no}
            ORDER BY seen.time, seen.file_id, seen.record_no
        )[:getvariable('max_evidence')] AS evidence
    FROM runs
    GROUP BY seen.site, seen.host_id, task, run
),
-- Every process of the hosts in question, narrow: texts are fetched for the ancestors only.
all_births AS MATERIALIZED (
    SELECT
        site,
        host_id,
        time,
        process_guid,
        process_id,
        parent_guid,
        parent_id,
        file_name(image) AS program,
        coalesce(process_guid, concat_ws('/', process_id, time)) AS key
    FROM process_activity
    WHERE
        activity = 'start'
        AND host_id IN (SELECT host_id FROM created)
),
-- Sysmon 1 and Security 4688 tell of one start twice; the row with a guid says more.
births AS MATERIALIZED (
    SELECT
        born.site AS site,
        born.host_id AS host_id,
        born.time AS time,
        born.process_guid AS process_guid,
        born.process_id AS process_id,
        born.parent_guid AS parent_guid,
        born.parent_id AS parent_id,
        born.program AS program,
        born.key AS key
    FROM all_births AS born
    WHERE
        born.process_guid IS NOT NULL
        OR NOT EXISTS (
            SELECT 1
            FROM all_births AS twin
            WHERE
                twin.process_guid IS NOT NULL
                AND twin.site = born.site
                AND twin.host_id = born.host_id
                AND twin.process_id = born.process_id
                AND twin.time BETWEEN
                born.time - to_seconds(getvariable('witness_s'))
                AND born.time + to_seconds(getvariable('witness_s'))
        )
),
lineage_of AS MATERIALIZED (
    SELECT
        site,
        host_id,
        key,
        parent_guid AS parent_key
    FROM births
    WHERE parent_guid IS NOT NULL
    UNION ALL
    SELECT
        child.site,
        child.host_id,
        child.key,
        parent.key
    FROM (
        SELECT
            site,
            host_id,
            time,
            key,
            parent_id
        FROM births
        WHERE parent_guid IS NULL
    ) AS child
    ASOF INNER JOIN births AS parent
        ON child.site = parent.site
        AND child.host_id = parent.host_id
        AND child.parent_id = parent.process_id
        AND child.time >= parent.time
),
loaders AS (
    SELECT
        site,
        host_id,
        time,
        process_guid,
        image
    FROM module_activity
    WHERE
        file_name(module_path) = 'taskschd.dll'
        AND file_name(image) NOT IN ('svchost.exe', 'taskhostw.exe')
        AND host_id IN (SELECT host_id FROM created)
),
candidates AS (
    SELECT
        made.id AS id,
        'client of the scheduler' AS told_by,
        start.key AS key,
        CAST(NULL AS VARCHAR) AS image,
        start.program AS program,
        {'preference': 0, 'distance': abs(epoch(made.first_seen - start.time))} AS nearness
    FROM created AS made
    INNER JOIN births AS start
        ON made.site = start.site
        AND made.host_id = start.host_id
        AND made.client_id = start.process_id
        AND start.time <= made.last_seen + to_seconds(getvariable('witness_s'))
    UNION ALL
    SELECT
        made.id,
        'schtasks command line',
        start.key,
        NULL,
        start.program,
        {'preference': 1, 'distance': abs(epoch(made.first_seen - start.time))}
    FROM created AS made
    INNER JOIN births AS start
        ON made.site = start.site
        AND made.host_id = start.host_id
        AND made.asked_id = start.process_id
        AND (made.asked_guid IS NULL OR made.asked_guid = start.process_guid)
        AND start.program = 'schtasks.exe'
        AND start.time BETWEEN
        made.first_seen - to_seconds(getvariable('witness_s'))
        AND made.last_seen + to_seconds(getvariable('witness_s'))
    UNION ALL
    SELECT
        made.id,
        'loaded taskschd.dll',
        loader.process_guid,
        loader.image,
        file_name(loader.image),
        {'preference': 1 + 1, 'distance': abs(epoch(made.first_seen - loader.time))}
    FROM created AS made
    INNER JOIN loaders AS loader
        ON made.site = loader.site
        AND made.host_id = loader.host_id
        AND loader.time BETWEEN
        made.first_seen - to_seconds(getvariable('witness_s'))
        AND made.last_seen
),
creators AS (
    SELECT
        id,
        arg_min(told_by, nearness) AS told_by,
        arg_min(key, nearness) AS key,
        -- A loader's image is in the module record; a start's is fetched below.
        arg_min_null(image, nearness) AS image
    FROM candidates
    WHERE program != 'svchost.exe'
    GROUP BY id
),
ancestry AS (
    SELECT
        creators.id AS id,
        created.site AS site,
        created.host_id AS host_id,
        creators.key AS key,
        0 AS generation
    FROM creators
    INNER JOIN created ON creators.id = created.id
    UNION ALL
    SELECT
        younger.id,
        younger.site,
        younger.host_id,
        lineage_of.parent_key,
        younger.generation + 1
    FROM ancestry AS younger
    INNER JOIN lineage_of
        ON younger.site = lineage_of.site
        AND younger.host_id = lineage_of.host_id
        AND younger.key = lineage_of.key
    WHERE younger.generation < getvariable('ancestors')
),
starts AS (
    SELECT
        birth.site AS site,
        birth.host_id AS host_id,
        coalesce(birth.process_guid, concat_ws('/', birth.process_id, birth.time)) AS key,
        birth.process_guid AS process_guid,
        birth.process_id AS process_id,
        birth."user" AS "user",
        birth.image AS image,
        birth.command_line AS command_line,
        birth.parent_guid AS parent_guid,
        birth.parent_image AS parent_image,
        birth.parent_command_line AS parent_command_line,
        birth.sha256 AS sha256
    FROM process_activity AS birth
    WHERE
        birth.activity = 'start'
        AND (
            birth.site,
            birth.host_id,
            coalesce(birth.process_guid, concat_ws('/', birth.process_id, birth.time))
        ) IN (SELECT (ancestry.site, ancestry.host_id, ancestry.key) FROM ancestry)
),
-- Each generation names its own image and its parent's, so a parent whose start was not logged still counts.
people AS (
    SELECT
        ancestry.id AS id,
        ancestry.generation AS generation,
        start.image AS image,
        start.command_line AS command
    FROM ancestry
    INNER JOIN starts AS start
        ON ancestry.site = start.site
        AND ancestry.host_id = start.host_id
        AND ancestry.key = start.key
    UNION ALL
    SELECT
        ancestry.id,
        ancestry.generation + 1,
        start.parent_image,
        start.parent_command_line
    FROM ancestry
    INNER JOIN starts AS start
        ON ancestry.site = start.site
        AND ancestry.host_id = start.host_id
        AND ancestry.key = start.key
    WHERE start.parent_image IS NOT NULL
    UNION ALL
    SELECT
        id,
        0,
        image,
        NULL
    FROM creators
    WHERE image IS NOT NULL
),
named AS (
    SELECT
        id,
        generation,
        file_name(image) AS program,
        max(image) AS image,
        max(command) AS command
    FROM people
    GROUP BY id, generation, file_name(image)
),
judged AS (
    SELECT
        id,
        bool_or(
            program IN (SELECT risky_hosts.program FROM risky_hosts)
            -- What schtasks was told to run is the action, not the creator's doing.
            OR (
                program != 'schtasks.exe'
                AND regexp_matches(coalesce(command, ''), getvariable('marks'))
            )
            OR (
                is_user_writable(image)
                AND NOT regexp_matches(image, getvariable('known_apps'))
            )
        ) AS is_risky,
        bool_or(regexp_matches(image, getvariable('known_apps'))) AS is_known_app,
        bool_or(regexp_matches(image, getvariable('agents'))) AS is_agent,
        -- The creator, or what started its shell; a document's program is installed software too.
        bool_or(
            generation <= 1 + 1
            AND regexp_matches(image, getvariable('installed'))
            AND program NOT IN (SELECT risky_hosts.program FROM risky_hosts)
        ) AS is_installed,
        string_agg(program, ' > ' ORDER BY generation DESC, program) AS line
    FROM named
    GROUP BY id
),
actions AS (
    SELECT
        id,
        action,
        trim(
            coalesce(
                nullif(regexp_extract(action, '(?i)^\s*"([^"]+)"', 1), ''),
                nullif(
                    regexp_extract(
                        action, '(?i)^\s*([^"]+?\.(?:exe|com|scr|pif|bat|cmd|vbs|js|hta|ps1|dll))(?:[\s",]|$)', 1
                    ),
                    ''
                ),
                regexp_extract(action, '^\s*(\S+)', 1)
            )
        ) AS program,
        regexp_extract(
            action,
            '(?i)[\s",=](([a-z]:|%\w+%|\\)\\[^"*?<>|,]+?\.(dll|exe|vbs|vbe|js|jse|wsf|hta|ps1|bat|cmd|sct|inf|cpl|xsl|dat|tmp|temp))\b',
            1
        ) AS payload
    FROM created
),
targets AS (
    SELECT
        id,
        program,
        coalesce(
            CASE
                WHEN file_name(program) IN (SELECT interpreters.program FROM interpreters)
                    THEN nullif(payload, '')
            END,
            program
        ) AS target,
        file_name(program) IN (SELECT interpreters.program FROM interpreters)
        OR (
            (is_user_writable(program) OR is_user_writable(payload))
            AND NOT regexp_matches(action, getvariable('known_apps'))
        ) AS is_odd
    FROM actions
),
placed AS (
    SELECT
        made,
        creators.told_by,
        coalesce(start.image, creators.image) AS creator_image,
        start,
        target.target,
        coalesce(judged.line, 'unknown') AS line,
        coalesce(target.is_odd, FALSE) AS is_odd,
        coalesce(regexp_matches(target.program, getvariable('known_apps')), FALSE) AS runs_known_app,
        CASE
            WHEN judged.is_agent THEN 'deployment agent'
            WHEN judged.is_risky THEN 'risky ancestry'
            WHEN judged.is_installed THEN 'installed software'
            WHEN judged.is_known_app THEN 'known application'
            WHEN judged.id IS NOT NULL THEN 'shell or other program'
            ELSE 'creator unknown'
        END AS origin,
        count(DISTINCT made.site || made.host_id) OVER (
            -- Per-user tasks end in the account's SID, updater tasks in a GUID.
            PARTITION BY regexp_replace(made.task, 's-1-5-[0-9-]+|\{?[0-9a-f]{8}-[0-9a-f-]{27,}\}?', '')
        ) AS hosts_with_task
    FROM created AS made
    LEFT JOIN creators ON made.id = creators.id
    LEFT JOIN starts AS start
        ON made.site = start.site
        AND made.host_id = start.host_id
        AND creators.key = start.key
    LEFT JOIN judged ON made.id = judged.id
    LEFT JOIN targets AS target ON made.id = target.id
)
SELECT
    made.site AS site,
    made.host_id AS host_id,
    made.first_seen AS first_seen,
    made.last_seen AS last_seen,
    made."user" AS "user",
    start.process_guid AS process_guid,
    start.process_id AS process_id,
    creator_image AS image,
    start.command_line AS command_line,
    start.parent_guid AS parent_guid,
    start.parent_image AS parent_image,
    start.sha256 AS sha256,
    made.task_name AS object,
    target AS object_image,
    made.action AS action,
    origin,
    coalesce(told_by, 'nobody') AS told_by,
    line AS ancestry,
    hosts_with_task,
    CASE
        WHEN
            origin != 'risky ancestry'
            AND (runs_known_app OR origin = 'known application') AND NOT is_odd
            THEN getvariable('known_app_confidence')
        WHEN origin = 'risky ancestry' THEN getvariable('risky_confidence')
        WHEN
            origin IN ('installed software', 'deployment agent') AND is_odd
            THEN getvariable('installer_odd_confidence')
        WHEN
            origin IN ('installed software', 'deployment agent')
            THEN getvariable('installer_confidence')
        WHEN origin = 'creator unknown' AND is_odd THEN getvariable('unknown_odd_confidence')
        WHEN origin = 'creator unknown' THEN getvariable('unknown_confidence')
        WHEN is_odd THEN getvariable('shell_odd_confidence')
        ELSE getvariable('shell_confidence')
    END
    * CASE
        WHEN hosts_with_task >= getvariable('common_hosts') THEN getvariable('common_factor')
        ELSE 1
    END AS confidence,
    made.evidence AS evidence
FROM placed
WHERE confidence >= getvariable('min_confidence')
ORDER BY first_seen, host_id, object
