-- Script hosts and system tools that run code from the network, from a user-writable place or hidden in the
-- command line; shells that such a host, an archiver or a program in a user-writable place starts.
WITH tools AS (
    SELECT unnest(
        command_shells()
        || script_programs()
        || code_hosts()
        || ['certutil.exe', 'bitsadmin.exe', 'msiexec.exe', 'forfiles.exe', 'pcalua.exe', 'control.exe']
        || ['ftp.exe', 'curl.exe', 'mavinject.exe', 'desktopimgdownldr.exe']
    ) AS program
),
shells AS (
    SELECT unnest(
        command_shells()
        || script_programs()
        || ['rundll32.exe', 'regsvr32.exe', 'certutil.exe', 'bitsadmin.exe', 'installutil.exe']
    ) AS program
),
script_hosts AS (
    SELECT unnest(script_programs() || code_hosts() || ['ftp.exe', 'wuauclt.exe']) AS program
),
archivers AS (
    SELECT unnest(archive_programs()) AS program
),
-- Their children are told by process_office_child.
document_programs AS (
    SELECT unnest(document_programs()) AS program
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
        parent_id,
        parent_image,
        parent_command_line,
        sha256,
        coalesce(command_line, '') AS command,
        coalesce(file_name(parent_image), '') AS parent,
        file_name(image) AS program,
        CASE
            WHEN lower(original_file_name) = 'pwsh.dll' THEN 'pwsh.exe'
            WHEN lower(original_file_name) IN (SELECT tools.program FROM tools)
                THEN lower(original_file_name)
            ELSE file_name(image)
        END AS tool,
        nullif(
            regexp_extract(
                -- What follows the program's own path.
                regexp_replace(command_line, '^\s*("[^"]*"|\S+)', ''),
                '(?i)[\s",=(:''](([a-z]:|%\w+%|\\)\\[^"''*?<>|,]+?\.(dll|exe|vbs|vbe|js|jse|wsf|hta|ps1|bat|cmd|sct|inf|cpl|xsl|xml|csproj|chm|msi|dat|tmp|temp|ico|txt))\b',
                1
            ),
            ''
        ) AS payload
    FROM process_activity
    WHERE
        activity = 'start'
        AND (
            file_name(image) IN (SELECT tools.program FROM tools)
            OR lower(original_file_name) IN (SELECT tools.program FROM tools)
            OR file_name(parent_image) IN (SELECT archivers.program FROM archivers)
        )
),
-- Security 4688 leaves the parent's command line out; its own start has it.
known_parent AS (
    SELECT
        start,
        coalesce(start.parent_command_line, parent.command_line, '') AS parent_command
    FROM starts AS start
    ASOF LEFT JOIN starts AS parent
        ON start.site = parent.site
        AND start.host_id = parent.host_id
        AND start.parent_id = parent.process_id
        AND start.parent = parent.program
        AND start.time >= parent.time
),
foreign_parent AS (
    SELECT
        start,
        parent_command
    FROM known_parent
    WHERE
        start.parent NOT IN (SELECT document_programs.program FROM document_programs)
        AND NOT regexp_matches(start.command, getvariable('harmless'))
),
judged AS (
    SELECT
        start,
        CASE
            WHEN
                start.tool = 'mshta.exe'
                AND regexp_matches(start.command, '(?i)https?:|javascript:|vbscript:|about:')
                THEN 'strong|script in the command line or from the network'
            WHEN
                start.tool IN ('wscript.exe', 'cscript.exe')
                AND regexp_matches(start.command, '(?i)[/-]e:\s*"?[{a-z]')
                AND NOT regexp_matches(start.command, '(?i)\.(vbs|vbe|js|jse|wsf)\b')
                THEN 'strong|script under another extension'
            WHEN
                start.tool IN ('powershell.exe', 'pwsh.exe')
                AND regexp_matches(
                    start.command,
                    '(?i)downloadstring|downloadfile|downloaddata|net\.webclient|invoke-webrequest|\biwr\b|invoke-restmethod|\birm\b|start-bitstransfer'
                )
                AND regexp_matches(
                    start.command, '(?i)\biex\b|invoke-expression|start-process|\bsaps\b|&\s*\(|invoke-item|rundll32|\.invoke\('
                )
                THEN 'strong|downloads and runs'
            WHEN
                start.tool IN ('powershell.exe', 'pwsh.exe')
                AND regexp_matches(start.command, '(?i)[-/]w(i[a-z]*)?\s+(h[a-z]*|1)\b')
                AND regexp_matches(
                    start.command, '(?i)[-/]e(c|n|nc|nco[a-z]*)?\s+[\x22\x27]?[a-z0-9+/=]{24,}|frombase64string'
                )
                THEN 'strong|hidden window and encoded command'
            WHEN
                start.tool = 'rundll32.exe'
                AND regexp_matches(
                    start.command, '(?i)javascript:|vbscript:|runhtmlapplication|comsvcs\.dll.*(minidump|#\+?24)'
                )
                THEN 'strong|script or memory dump through a library'
            WHEN
                start.tool = 'regsvr32.exe'
                AND regexp_matches(start.command, '(?i)/i:\s*"?(https?:|ftp:|\\\\)|scrobj\.dll|\.sct\b')
                THEN 'strong|scriptlet'
            WHEN
                start.tool IN ('installutil.exe', 'regasm.exe', 'regsvcs.exe')
                AND is_user_writable(start.command)
                THEN 'strong|assembly from a user-writable place'
            WHEN
                start.tool = 'cmstp.exe'
                AND regexp_matches(start.command, '(?i)\.inf\b')
                AND is_user_writable(start.command)
                THEN 'strong|profile from a user-writable place'
            WHEN
                start.tool = 'wmic.exe'
                AND regexp_matches(start.command, '(?i)/format:\s*"?(https?:|\\\\|[^"\s]*\.xsl)')
                THEN 'strong|foreign style sheet'
            WHEN start.tool = 'mavinject.exe' AND contains(lower(start.command), 'injectrunning')
                THEN 'strong|injects a library'
            WHEN
                start.tool = 'desktopimgdownldr.exe' AND regexp_matches(start.command, '(?i)https?:')
                THEN 'strong|download'
            WHEN
                start.tool IN ('mshta.exe', 'regsvr32.exe', 'rundll32.exe', 'control.exe')
                AND (
                    is_user_writable(coalesce(start.payload, start.command))
                    OR regexp_matches(start.command, '(?i)\s"?\\\\[a-z0-9]')
                )
                AND NOT regexp_matches(start.command, getvariable('known_apps'))
                THEN 'likely|file from a user-writable place or a share'
            WHEN
                start.tool = 'rundll32.exe'
                AND regexp_matches(
                    start.command,
                    '(?i)(url|ieframe|shdocvw|ieadvpack|advpack|zipfldr|pcwutl|dfshim|mshtml)(\.dll)?"?\s*,\s*#?(openurl|fileprotocolhandler|launchinfsection|routethecall|launchapplication|registerocx|printhtml)'
                )
                THEN 'likely|program started through a library'
            WHEN
                start.tool IN ('wscript.exe', 'cscript.exe')
                AND is_user_writable(coalesce(start.payload, start.command))
                AND NOT regexp_matches(start.command, getvariable('trusted_scripts'))
                THEN 'likely|script from a user-writable place'
            WHEN
                start.tool IN ('powershell.exe', 'pwsh.exe')
                AND regexp_matches(
                    start.command,
                    '(?i)downloadstring|downloadfile|downloaddata|net\.webclient|frombase64string|gzipstream|reflection\.assembly|virtualalloc'
                )
                THEN 'likely|downloads or decodes'
            WHEN
                start.tool = 'certutil.exe'
                AND regexp_matches(start.command, '(?i)[-/](urlcache|verifyctl)\b.*(https?|ftp):|[-/]decode(hex)?\b')
                THEN 'likely|downloads or decodes'
            WHEN
                start.tool = 'bitsadmin.exe'
                AND regexp_matches(start.command, '(?i)/(transfer|addfile)\b.*https?:|/setnotifycmdline\b')
                THEN 'likely|download'
            WHEN
                start.tool = 'msbuild.exe'
                AND regexp_matches(start.command, '(?i)\\(temp|tmp|downloads|public|programdata|perflogs)\\')
                THEN 'likely|project from a user-writable place'
            WHEN start.tool = 'cmstp.exe' AND regexp_matches(start.command, '(?i)/(s|ns|au|ni)\b')
                THEN 'likely|silent profile'
            WHEN
                start.tool = 'wmic.exe'
                AND regexp_matches(start.command, '(?i)process\s+(call|"call)\s+"?create')
                THEN 'likely|starts a process'
            WHEN
                start.tool = 'hh.exe'
                AND regexp_matches(start.command, '(?i)https?:|[-/]decompile\b')
                THEN 'likely|foreign or unpacked help file'
            WHEN start.tool = 'msxsl.exe' THEN 'likely|style sheet with script'
            WHEN
                start.tool = 'msiexec.exe'
                AND regexp_matches(start.command, '(?i)\s"?https?:|[-/][yz]\s*"?[^"]*\.(dll|dat|tmp)')
                THEN 'likely|package or library from the network'
            WHEN
                start.tool = 'odbcconf.exe' AND regexp_matches(start.command, '(?i)regsvr|\.rsp\b')
                THEN 'likely|registers a library'
            WHEN start.tool = 'pcalua.exe' AND regexp_matches(start.command, '(?i)\s-a\s')
                THEN 'likely|program started by proxy'
            WHEN start.tool = 'ftp.exe' AND regexp_matches(start.command, '(?i)\s-s:')
                THEN 'likely|runs a script of commands'
            WHEN
                start.tool != start.program
                AND start.tool IN (SELECT shells.program FROM shells)
                THEN 'likely|renamed system tool'
            WHEN
                start.parent IN (SELECT script_hosts.program FROM script_hosts)
                AND start.tool IN (SELECT shells.program FROM shells)
                AND NOT regexp_matches(parent_command, getvariable('trusted_scripts'))
                AND start.tool != start.parent
                THEN 'likely|started by a script host'
            WHEN
                start.tool IN ('powershell.exe', 'pwsh.exe')
                AND regexp_matches(start.command, '(?i)[-/]e(c|n|nc|nco[a-z]*)?\s+[\x22\x27]?[a-z0-9+/=]{24,}')
                THEN 'weak|encoded command'
            WHEN
                start.tool IN ('powershell.exe', 'pwsh.exe')
                AND regexp_matches(start.command, '(?i)[-/]w(i[a-z]*)?\s+(h[a-z]*|1)\b')
                AND regexp_matches(start.command, '(?i)[-/]e(p|x[a-z]*)\s+(bypass|unrestricted)')
                THEN 'weak|hidden window and policy bypass'
            WHEN
                start.tool = 'curl.exe'
                AND regexp_matches(
                    start.command, '(?i)https?:.*\.(exe|dll|ps1|vbs|js|hta|bat|scr)\b.*[-/]o|[-/]o\s*"?[^"\s]*\.(exe|dll|ps1|vbs|js|hta|bat|scr)\b'
                )
                THEN 'weak|downloads a program'
            WHEN start.tool = 'hh.exe' AND is_user_writable(coalesce(start.payload, ''))
                THEN 'weak|help file from a user-writable place'
            WHEN
                start.tool = 'forfiles.exe'
                AND regexp_matches(start.command, '(?i)/c\s+"?(cmd|powershell|mshta|rundll32)')
                THEN 'weak|starts a shell by proxy'
            WHEN
                start.parent IN (SELECT archivers.program FROM archivers)
                AND (
                    start.tool IN (SELECT shells.program FROM shells)
                    OR (is_user_writable(start.image) AND regexp_matches(start.image, '(?i)\.(exe|scr|com|pif)$'))
                )
                THEN 'weak|started out of an archive'
            WHEN
                is_user_writable(start.parent_image)
                AND NOT regexp_matches(start.parent_image, getvariable('known_apps'))
                AND start.tool IN (SELECT shells.program FROM shells)
                THEN 'weak|started by a program in a user-writable place'
        END AS verdict
    FROM foreign_parent
),
counted AS (
    SELECT
        start,
        split_part(verdict, '|', 1) AS strength,
        split_part(verdict, '|', -1) AS behaviour,
        count(DISTINCT start.site || start.host_id) OVER (
            PARTITION BY start.parent, start.tool, verdict
        ) AS hosts_with_pair
    FROM judged
    WHERE verdict IS NOT NULL
),
weighed AS (
    SELECT
        start,
        behaviour,
        hosts_with_pair,
        -- Automation starts the same weak form under a new parent each time: one behaviour.
        CASE WHEN strength != 'weak' THEN start.parent_id END AS parent_id,
        CASE strength
            WHEN 'strong' THEN getvariable('strong_confidence')
            WHEN 'likely' THEN getvariable('likely_confidence')
            ELSE getvariable('weak_confidence')
        END
        * CASE
            WHEN hosts_with_pair >= getvariable('common_hosts') THEN getvariable('common_factor')
            ELSE 1
        END
        * CASE
            WHEN regexp_matches(coalesce(start.parent_image, ''), getvariable('agents'))
                THEN getvariable('agent_factor')
            ELSE 1
        END AS weight
    FROM counted
),
-- Sysmon names the parent by guid, Security 4688 by pid only: the pid is in both.
begun AS (
    SELECT
        start,
        behaviour,
        hosts_with_pair,
        parent_id,
        weight,
        coalesce(
            start.time - lag(start.time) OVER same_start
            > to_minutes(getvariable('collapse_minutes')),
            TRUE
        ) AS begins
    FROM weighed
    WHERE weight >= getvariable('min_confidence')
    WINDOW same_start AS (
        PARTITION BY start.site, start.host_id, parent_id, start.parent, start.program
        ORDER BY start.time, start.file_id, start.record_no
    )
),
runs AS (
    SELECT
        start,
        behaviour,
        hosts_with_pair,
        parent_id,
        weight,
        {'time': start.time, 'file_id': start.file_id, 'record_no': start.record_no} AS place,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY start.site, start.host_id, parent_id, start.parent, start.program
            ORDER BY start.time, start.file_id, start.record_no
            ROWS UNBOUNDED PRECEDING
        ) AS run
    FROM begun
)
SELECT
    start.site AS site,
    start.host_id AS host_id,
    min(start.time) AS first_seen,
    max(start.time) AS last_seen,
    arg_min(start."user", place) AS "user",
    arg_min(start.process_guid, place) AS process_guid,
    arg_min(start.process_id, place) AS process_id,
    arg_min(start.image, place) AS image,
    arg_min(start.command_line, place) AS command_line,
    arg_min(start.parent_guid, place) AS parent_guid,
    arg_min(start.parent_image, place) AS parent_image,
    arg_min(start.sha256, place) AS sha256,
    arg_min(start.payload, place) AS object,
    list_distinct(list(file_name(start.payload) ORDER BY start.time)) AS file_names,
    arg_min(start.tool, place) AS tool,
    arg_max(behaviour, {'weight': weight, 'behaviour': behaviour}) AS behaviour,
    list_concat(
        CASE
            WHEN arg_min(start.tool IN (SELECT tools.program FROM tools), place)
                THEN [coalesce(arg_min(technique_of_tool(start.tool, start.command), place), 'T1218')]
        END,
        CASE
            WHEN bool_or(
                regexp_matches(runs.behaviour, 'download|from the network')
                AND regexp_matches(start.command, '(?i)(https?|ftp):|download|webclient')
            )
                THEN ['T1105']
        END,
        CASE WHEN bool_or(contains(runs.behaviour, 'encoded')) THEN ['T1027.010'] END,
        CASE
            WHEN bool_or(
                contains(runs.behaviour, 'decode')
                AND regexp_matches(start.command, '(?i)[-/]decode|frombase64|gzipstream')
            )
                THEN ['T1140']
        END,
        CASE WHEN bool_or(contains(runs.behaviour, 'style sheet')) THEN ['T1220'] END,
        CASE WHEN bool_or(contains(runs.behaviour, 'renamed')) THEN ['T1036.003'] END,
        CASE WHEN bool_or(contains(runs.behaviour, 'out of an archive')) THEN ['T1204.002'] END
    ) AS techniques,
    max(hosts_with_pair) AS hosts_with_pair,
    count(DISTINCT start.process_id) AS starts,
    max(weight) AS confidence,
    list(
        {'file_id': start.file_id, 'record_no': start.record_no}
        ORDER BY start.time, start.file_id, start.record_no
    )[:getvariable('max_evidence')] AS evidence
FROM runs
GROUP BY start.site, start.host_id, parent_id, start.parent, start.program, run
ORDER BY first_seen, host_id, tool
