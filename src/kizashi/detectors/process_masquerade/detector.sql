-- Programs that go by the name of a part of Windows, of a document, or of nearly one.
WITH system_programs AS (
    SELECT unnest([
        'svchost.exe', 'lsass.exe', 'csrss.exe', 'services.exe', 'smss.exe', 'wininit.exe', 'winlogon.exe',
        'explorer.exe', 'taskhostw.exe', 'taskhost.exe', 'dwm.exe', 'spoolsv.exe', 'conhost.exe', 'sihost.exe',
        'runtimebroker.exe', 'dllhost.exe', 'userinit.exe', 'wmiprvse.exe', 'rundll32.exe', 'regsvr32.exe',
        'ctfmon.exe', 'audiodg.exe', 'fontdrvhost.exe', 'lsaiso.exe', 'logonui.exe', 'searchindexer.exe',
        'securityhealthservice.exe', 'msiexec.exe', 'taskmgr.exe', 'mmc.exe', 'consent.exe'
    ]) AS program
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
        file_name(image) AS program,
        regexp_replace(lower(image), '\\users\\[^\\]+\\', '\\users\\*\\') AS place
    FROM process_activity
    WHERE
        activity = 'start'
        AND contains(image, '\')
),
programs AS (
    SELECT DISTINCT program
    FROM starts
),
-- Each name once: the nearest name of a system program, where it is none itself.
alike AS (
    SELECT
        programs.program,
        min(system_programs.program) AS original
    FROM programs
    INNER JOIN system_programs
        ON
            abs(length(programs.program) - length(system_programs.program)) <= 1
            AND length(programs.program) - length('.exe') >= getvariable('fewest_letters')
            AND damerau_levenshtein(programs.program, system_programs.program) = 1
    WHERE programs.program NOT IN (SELECT known.program FROM system_programs AS known)
    GROUP BY programs.program
),
judged AS (
    SELECT
        start,
        CASE
            WHEN regexp_matches(start.image, getvariable('turned'))
                THEN 'its name turns the reading direction'
            WHEN regexp_matches(start.image, getvariable('double_ending'))
                THEN 'a document''s ending before the one that runs'
            WHEN
                start.program IN (SELECT known.program FROM system_programs AS known)
                AND NOT regexp_matches(start.image, getvariable('system_places'))
                AND is_user_writable(start.image)
                THEN 'name of a system program in a user-writable place'
            WHEN
                start.program IN (SELECT known.program FROM system_programs AS known)
                AND NOT regexp_matches(start.image, getvariable('system_places'))
                THEN 'name of a system program in another place'
            WHEN
                regexp_matches(start.image, getvariable('document_ending'))
                AND is_user_writable(start.image)
                THEN 'it ends like a document'
            WHEN alike.original IS NOT NULL AND is_user_writable(start.image)
                THEN 'one letter from ' || alike.original
        END AS reason
    FROM starts AS start
    LEFT JOIN alike ON start.program = alike.program
),
weighed AS (
    SELECT
        start,
        reason,
        count(DISTINCT start.site || start.host_id) OVER (PARTITION BY start.place) AS hosts_with_program,
        CASE
            WHEN reason = 'its name turns the reading direction' THEN getvariable('hidden_confidence')
            WHEN reason = 'name of a system program in a user-writable place'
                THEN getvariable('writable_confidence')
            WHEN reason = 'name of a system program in another place'
                THEN getvariable('elsewhere_confidence')
            WHEN starts_with(reason, 'one letter') THEN getvariable('alike_confidence')
            ELSE getvariable('ending_confidence')
        END AS sure
    FROM judged
    WHERE reason IS NOT NULL
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
    arg_min(start.image, start.time) AS object,
    [start.program] AS file_names,
    any_value(reason) AS reason,
    [CASE any_value(reason)
        WHEN 'its name turns the reading direction' THEN 'T1036.002'
        WHEN 'a document''s ending before the one that runs' THEN 'T1036.007'
        WHEN 'it ends like a document' THEN 'T1036.008'
        ELSE 'T1036.005'
    END] AS techniques,
    max(hosts_with_program) AS hosts_with_program,
    count(*) AS starts,
    max(sure)
    * CASE
        WHEN max(hosts_with_program) >= getvariable('common_hosts')
            THEN getvariable('common_factor')
        ELSE 1
    END AS confidence,
    list(
        {'file_id': start.file_id, 'record_no': start.record_no}
        ORDER BY start.time, start.file_id, start.record_no
    )[:getvariable('max_evidence')] AS evidence
FROM weighed
GROUP BY start.site, start.host_id, start.place, start.program
HAVING confidence >= getvariable('min_confidence')
ORDER BY first_seen, host_id, image
