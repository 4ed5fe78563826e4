-- Values that start a program at logon, where the program is an interpreter with something to run or lies in a
-- user-writable place; weighed by who set them.
WITH risky_hosts AS (
    SELECT unnest(
        document_programs()
        || archive_programs()
        || script_programs()
        || code_hosts()
        || ['wmiprvse.exe']
    ) AS program
),
shells AS (
    SELECT unnest(command_shells() || ['reg.exe', 'powershell_ise.exe']) AS program
),
interpreters AS (
    SELECT unnest(
        command_shells()
        || script_programs()
        || ['rundll32.exe', 'regsvr32.exe', 'installutil.exe', 'msbuild.exe', 'certutil.exe', 'forfiles.exe']
        || ['cmd', 'powershell', 'wscript', 'cscript', 'mshta', 'rundll32', 'regsvr32']
    ) AS program
),
set_values AS (
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
        key_path,
        value_data,
        trim(
            coalesce(
                nullif(regexp_extract(value_data, '^\s*"([^"]+)"', 1), ''),
                nullif(
                    regexp_extract(
                        value_data, '(?i)^\s*([^"]+?\.(?:exe|com|scr|pif|bat|cmd|vbs|js|hta|ps1|dll|lnk))(?:[\s",]|$)', 1
                    ),
                    ''
                ),
                regexp_extract(value_data, '^\s*(\S+)', 1)
            )
        ) AS program,
        nullif(
            regexp_extract(
                regexp_replace(value_data, '^\s*("[^"]*"|\S+)', ''),
                '(?i)[\s",=(:''](([a-z]:|%\w+%|\\)\\[^"''*?<>|,]+?\.(dll|exe|vbs|vbe|js|jse|wsf|hta|ps1|bat|cmd|sct|inf|cpl|dat|tmp|temp|ico|txt))\b',
                1
            ),
            ''
        ) AS payload
    FROM registry_activity
    WHERE
        activity = 'set'
        AND regexp_matches(key_path, getvariable('keys'))
        AND value_data != ''
        AND NOT regexp_matches(value_data, getvariable('harmless'))
),
graded AS (
    SELECT
        entry,
        CASE
            WHEN file_name(entry.program) IN (SELECT interpreters.program FROM interpreters)
                THEN coalesce(entry.payload, entry.program)
            ELSE entry.program
        END AS target,
        CASE
            WHEN
                regexp_matches(entry.value_data, getvariable('marks'))
                AND file_name(entry.program) IN (SELECT interpreters.program FROM interpreters)
                THEN 'hidden or foreign code'
            WHEN
                regexp_matches(entry.value_data, getvariable('known_apps'))
                THEN 'known application'
            WHEN
                is_user_writable(coalesce(entry.payload, ''))
                AND file_name(entry.program) IN (SELECT interpreters.program FROM interpreters)
                THEN 'interpreter with a file in a user-writable place'
            WHEN
                entry.payload IS NULL
                AND file_name(entry.program) IN (SELECT interpreters.program FROM interpreters)
                THEN 'interpreter'
            WHEN is_user_writable(entry.program) THEN 'program in a user-writable place'
        END AS runs
    FROM set_values AS entry
),
odd AS (
    SELECT
        entry,
        target,
        runs,
        count(DISTINCT entry.site || entry.host_id) OVER (
            PARTITION BY regexp_replace(lower(entry.value_data), '\\users\\[^\\]+', '')
        ) AS hosts_with_value
    FROM graded
    WHERE runs IS NOT NULL
),
begun AS (
    SELECT
        entry,
        target,
        runs,
        hosts_with_value,
        coalesce(
            entry.time - lag(entry.time) OVER same_value > to_minutes(getvariable('collapse_minutes')),
            TRUE
        ) AS begins
    FROM odd
    WINDOW same_value AS (
        PARTITION BY entry.site, entry.host_id, lower(entry.key_path)
        ORDER BY entry.time, entry.file_id, entry.record_no
    )
),
numbered AS (
    SELECT
        entry,
        target,
        runs,
        hosts_with_value,
        {'time': entry.time, 'file_id': entry.file_id, 'record_no': entry.record_no} AS place,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY entry.site, entry.host_id, lower(entry.key_path)
            ORDER BY entry.time, entry.file_id, entry.record_no
            ROWS UNBOUNDED PRECEDING
        ) AS run
    FROM begun
),
kept AS (
    SELECT
        entry.site AS site,
        entry.host_id AS host_id,
        min(entry.time) AS first_seen,
        max(entry.time) AS last_seen,
        arg_min(entry."user", place) AS "user",
        arg_min(entry.process_guid, place) AS process_guid,
        arg_min(entry.process_id, place) AS process_id,
        arg_min(entry.image, place) AS image,
        arg_min(entry.key_path, place) AS object,
        arg_min(target, place) AS object_image,
        arg_min(entry.program, place) AS program,
        arg_min(entry.value_data, place) AS value_data,
        arg_min(runs, place) AS runs,
        max(hosts_with_value) AS hosts_with_value,
        list(
            {'file_id': entry.file_id, 'record_no': entry.record_no}
            ORDER BY entry.time, entry.file_id, entry.record_no
        )[:getvariable('max_evidence')] AS evidence
    FROM numbered
    GROUP BY entry.site, entry.host_id, lower(entry.key_path), run
),
setters AS (
    SELECT
        start.site AS site,
        start.process_guid AS process_guid,
        arg_min(start, start.time) AS start
    FROM process_activity AS start
    WHERE
        start.activity = 'start'
        AND start.process_guid IN (SELECT kept.process_guid FROM kept)
    GROUP BY start.site, start.process_guid
),
judged AS (
    SELECT
        kept,
        setter.start AS start,
        CASE
            WHEN
                file_name(kept.image) IN (SELECT risky_hosts.program FROM risky_hosts)
                OR file_name(setter.start.parent_image) IN (SELECT risky_hosts.program FROM risky_hosts)
                OR regexp_matches(
                    coalesce(setter.start.command_line, ''),
                    '(?i)[-/]w(i[a-z]*)?\s+(hid|1\b)|[-/]e(n|nc|nco[a-z]*)\s+[a-z0-9+/=]{24,}'
                )
                OR (
                    is_user_writable(coalesce(setter.start.parent_image, ''))
                    AND NOT regexp_matches(setter.start.parent_image, getvariable('known_apps'))
                    AND NOT regexp_matches(setter.start.parent_image, getvariable('installers'))
                )
                THEN 'risky program'
            WHEN file_name(kept.image) IN (SELECT shells.program FROM shells) THEN 'shell'
            WHEN regexp_matches(kept.image, getvariable('installers')) THEN 'installer'
            WHEN regexp_matches(kept.image, getvariable('known_apps')) THEN 'known application'
            WHEN
                regexp_matches(kept.image, getvariable('setup_names'))
                AND kept.runs = 'program in a user-writable place'
                THEN 'setup program'
            WHEN is_user_writable(kept.image) OR lower(kept.image) = lower(kept.object_image)
                THEN 'program in a user-writable place'
            ELSE 'other program'
        END AS setter
    FROM kept
    LEFT JOIN setters AS setter
        ON kept.site = setter.site
        AND kept.process_guid = setter.process_guid
)
SELECT
    kept.site AS site,
    kept.host_id AS host_id,
    kept.first_seen AS first_seen,
    kept.last_seen AS last_seen,
    coalesce(kept."user", start."user") AS "user",
    kept.process_guid AS process_guid,
    kept.process_id AS process_id,
    kept.image AS image,
    start.command_line AS command_line,
    start.parent_guid AS parent_guid,
    start.parent_image AS parent_image,
    start.sha256 AS sha256,
    kept.object AS object,
    kept.object_image AS object_image,
    kept.value_data AS value_data,
    kept.runs AS runs,
    setter,
    kept.hosts_with_value AS hosts_with_value,
    CASE
        WHEN kept.runs = 'known application' THEN getvariable('known_confidence')
        WHEN setter = 'risky program' THEN getvariable('risky_confidence')
        WHEN setter = 'shell' THEN getvariable('shell_confidence')
        WHEN setter = 'installer' THEN getvariable('installer_confidence')
        WHEN setter = 'setup program' THEN getvariable('setup_confidence')
        WHEN setter = 'program in a user-writable place' THEN getvariable('self_confidence')
        ELSE getvariable('other_confidence')
    END
    * CASE
        WHEN kept.hosts_with_value >= getvariable('common_hosts') THEN getvariable('common_factor')
        ELSE 1
    END AS confidence,
    kept.evidence AS evidence
FROM judged
WHERE confidence >= getvariable('min_confidence')
ORDER BY first_seen, host_id, object
