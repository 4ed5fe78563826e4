-- Distinct discovery commands of one actor within a sliding window. The actor is the parent, or, where the
-- parent is a shell started for one command, what started that shell.
WITH questions AS (
    SELECT unnest([
        'whoami.exe', 'systeminfo.exe', 'tasklist.exe', 'ipconfig.exe', 'hostname.exe', 'quser.exe',
        'query.exe', 'qwinsta.exe', 'arp.exe', 'route.exe', 'netstat.exe', 'nltest.exe', 'dsquery.exe',
        'nbtstat.exe', 'gpresult.exe', 'klist.exe', 'cmdkey.exe', 'setspn.exe', 'nslookup.exe', 'getmac.exe',
        'driverquery.exe', 'net.exe', 'net1.exe', 'wmic.exe', 'netsh.exe', 'fsutil.exe', 'adfind.exe',
        'sharphound.exe', 'nbtscan.exe', 'qprocess.exe', 'csvde.exe', 'ldifde.exe', 'dsget.exe'
    ]) AS program
),
risky_hosts AS (
    SELECT unnest(
        document_programs()
        || script_programs()
        || code_hosts()
        || ['w3wp.exe', 'httpd.exe', 'nginx.exe', 'php-cgi.exe', 'tomcat9.exe', 'java.exe']
        || ['sqlservr.exe', 'dllhost.exe', 'wmiprvse.exe', 'spoolsv.exe']
    ) AS program
),
desktop AS (
    SELECT unnest(['explorer.exe', 'windowsterminal.exe', 'openconsole.exe']) AS program
),
asked AS (
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        "user",
        image,
        parent_guid,
        parent_id,
        parent_image,
        parent_command_line,
        file_name(image) AS program,
        file_name(parent_image) AS parent,
        -- net and wmic ask different things: the first word after the switches tells which.
        CASE
            WHEN file_name(image) IN ('net.exe', 'net1.exe')
                THEN 'net ' || lower(
                    regexp_extract(
                        command_line,
                        '(?i)\s(view|user|group|localgroup|accounts|share|session|sessions|config)\b',
                        1
                    )
                )
            WHEN file_name(image) = 'wmic.exe'
                THEN 'wmic ' || lower(
                    regexp_extract(
                        command_line,
                        '(?i)\s"?(os|computersystem|process|product|useraccount|nicconfig|qfe|service|share|startup|logicaldisk|ntdomain|netuse|volume)\b',
                        1
                    )
                )
            WHEN file_name(image) = 'netsh.exe'
                THEN 'netsh ' || lower(
                    regexp_extract(command_line, '(?i)\s(wlan|advfirewall|firewall|interface)\b.*\bshow\b', 1)
                )
            ELSE regexp_replace(file_name(image), '\.exe$', '')
        END AS question
    FROM process_activity
    WHERE
        activity = 'start'
        AND file_name(image) IN (SELECT questions.program FROM questions)
        -- net.exe hands its words to net1.exe.
        AND NOT (file_name(image) = 'net1.exe' AND file_name(parent_image) = 'net.exe')
),
-- net, wmic and netsh without a word that asks are no questions.
meant AS (
    SELECT ask
    FROM asked AS ask
    WHERE
        NOT ends_with(ask.question, ' ')
        AND ask.parent_image IS NOT NULL
),
shells AS (
    SELECT
        site,
        host_id,
        time,
        process_guid,
        process_id,
        image,
        command_line,
        parent_guid,
        parent_id,
        parent_image,
        parent_command_line,
        file_name(image) AS program
    FROM process_activity
    WHERE
        activity = 'start'
        AND host_id IN (SELECT ask.host_id FROM meant)
        AND file_name(image) IN (SELECT ask.parent FROM meant)
),
with_parent AS (
    SELECT
        ask,
        shell,
        coalesce(ask.parent_command_line, shell.command_line, '') AS parent_command,
        ask.parent = 'cmd.exe'
        AND regexp_matches(coalesce(ask.parent_command_line, shell.command_line, ''), '(?i)\s/[cr]\b')
        AND shell.parent_image IS NOT NULL AS is_one_command
    FROM meant
    ASOF LEFT JOIN shells AS shell
        ON ask.site = shell.site
        AND ask.host_id = shell.host_id
        AND ask.parent_id = shell.process_id
        AND ask.parent = shell.program
        AND ask.time >= shell.time
),
elders AS (
    SELECT
        site,
        host_id,
        time,
        process_id,
        command_line,
        parent_guid,
        parent_image,
        file_name(image) AS program
    FROM process_activity
    WHERE
        activity = 'start'
        AND host_id IN (SELECT ask.host_id FROM with_parent WHERE is_one_command)
        AND file_name(image) IN (SELECT file_name(shell.parent_image) FROM with_parent WHERE is_one_command)
),
with_elder AS (
    SELECT
        ask,
        shell,
        parent_command,
        is_one_command,
        elder
    FROM with_parent
    ASOF LEFT JOIN elders AS elder
        ON ask.site = elder.site
        AND ask.host_id = elder.host_id
        AND shell.parent_id = elder.process_id
        AND file_name(shell.parent_image) = elder.program
        AND ask.time >= elder.time
),
acted AS (
    SELECT
        ask,
        CASE WHEN is_one_command THEN shell.parent_id ELSE ask.parent_id END AS actor_id,
        CASE WHEN is_one_command THEN shell.parent_guid ELSE ask.parent_guid END AS actor_guid,
        CASE WHEN is_one_command THEN shell.parent_image ELSE ask.parent_image END AS actor_image,
        CASE
            WHEN is_one_command THEN coalesce(shell.parent_command_line, elder.command_line)
            ELSE parent_command
        END AS actor_command,
        parent_command AS shell_command,
        CASE WHEN is_one_command THEN elder.parent_guid ELSE shell.parent_guid END AS above_guid,
        CASE WHEN is_one_command THEN elder.parent_image ELSE shell.parent_image END AS above_image
    FROM with_elder
),
windowed AS (
    SELECT
        ask,
        actor_id,
        actor_guid,
        actor_image,
        actor_command,
        shell_command,
        above_guid,
        above_image,
        file_name(actor_image) AS actor,
        count(DISTINCT ask.question) OVER (
            PARTITION BY ask.site, ask.host_id, actor_id, file_name(actor_image)
            ORDER BY ask.time
            RANGE BETWEEN to_minutes(getvariable('window_minutes')) PRECEDING AND CURRENT ROW
        ) AS distinct_now,
        coalesce(
            ask.time - lag(ask.time) OVER by_actor > to_minutes(getvariable('window_minutes')),
            TRUE
        ) AS begins
    FROM acted
    WINDOW by_actor AS (
        PARTITION BY ask.site, ask.host_id, actor_id, file_name(actor_image)
        ORDER BY ask.time, ask.file_id, ask.record_no
    )
),
runs AS (
    SELECT
        ask,
        actor_id,
        actor_guid,
        actor_image,
        actor_command,
        shell_command,
        above_guid,
        above_image,
        actor,
        distinct_now,
        {'time': ask.time, 'file_id': ask.file_id, 'record_no': ask.record_no} AS place,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY ask.site, ask.host_id, actor_id, actor
            ORDER BY ask.time, ask.file_id, ask.record_no
            ROWS UNBOUNDED PRECEDING
        ) AS run
    FROM windowed
),
surveys AS (
    SELECT
        ask.site AS site,
        ask.host_id AS host_id,
        min(ask.time) AS first_seen,
        max(ask.time) AS last_seen,
        arg_min(ask."user", place) AS "user",
        arg_min(actor_guid, place) AS process_guid,
        actor_id AS process_id,
        arg_min(actor_image, place) AS image,
        arg_min(actor_command, place) AS command_line,
        arg_min(shell_command, place) AS shell_command,
        arg_min(above_guid, place) AS parent_guid,
        arg_min(above_image, place) AS parent_image,
        actor,
        max(distinct_now) AS distinct_commands,
        list_sort(list(DISTINCT ask.question)) AS commands,
        list(
            {'file_id': ask.file_id, 'record_no': ask.record_no}
            ORDER BY ask.time, ask.file_id, ask.record_no
        )[:getvariable('max_evidence')] AS evidence
    FROM runs
    GROUP BY ask.site, ask.host_id, actor_id, actor, run
    HAVING max(distinct_now) >= getvariable('min_commands')
),
judged AS (
    SELECT
        survey,
        count(DISTINCT survey.site || survey.host_id) OVER (
            PARTITION BY survey.actor, survey.commands
        ) AS hosts_with_survey,
        CASE
            WHEN
                regexp_matches(
                    concat_ws(' ', survey.command_line, survey.shell_command), getvariable('trusted_scripts')
                )
                OR regexp_matches(survey.image, getvariable('agents'))
                OR regexp_matches(coalesce(survey.parent_image, ''), getvariable('agents'))
                THEN 'agent or logon script'
            WHEN
                survey.actor IN (SELECT risky_hosts.program FROM risky_hosts)
                OR file_name(survey.parent_image) IN (SELECT risky_hosts.program FROM risky_hosts)
                OR (is_user_writable(survey.image) AND NOT regexp_matches(survey.image, getvariable('known_apps')))
                OR (
                    is_user_writable(coalesce(survey.parent_image, ''))
                    AND NOT regexp_matches(survey.parent_image, getvariable('known_apps'))
                )
                THEN 'risky parent'
            WHEN
                survey.actor IN (SELECT desktop.program FROM desktop)
                OR file_name(survey.parent_image) IN (SELECT desktop.program FROM desktop)
                THEN 'shell on the desktop'
            WHEN
                regexp_matches(survey.image, '(?i)^[a-z]:\\program files')
                OR regexp_matches(coalesce(survey.parent_image, ''), '(?i)^[a-z]:\\program files')
                THEN 'installed software'
            ELSE 'shell or other program'
        END AS actor_kind
    FROM surveys AS survey
)
SELECT
    survey.site AS site,
    survey.host_id AS host_id,
    survey.first_seen AS first_seen,
    survey.last_seen AS last_seen,
    survey."user" AS "user",
    survey.process_guid AS process_guid,
    survey.process_id AS process_id,
    survey.image AS image,
    survey.command_line AS command_line,
    survey.parent_guid AS parent_guid,
    survey.parent_image AS parent_image,
    survey.distinct_commands AS distinct_commands,
    survey.commands AS commands,
    list_transform(
        survey.commands,
        lambda command: CASE
            WHEN regexp_matches(command, '^(whoami|quser|qwinsta|query|wmic useraccount|wmic netuse)$') THEN 'T1033'
            WHEN regexp_matches(command, '^(tasklist|qprocess|wmic process)$') THEN 'T1057'
            WHEN regexp_matches(command, '^(ipconfig|arp|route|getmac|nbtstat|nslookup|wmic nicconfig|netsh \w+)$') THEN 'T1016'
            WHEN regexp_matches(command, '^(net view|nbtscan|dsget|dsquery|adfind|sharphound)$') THEN 'T1018'
            WHEN regexp_matches(command, '^(net (user|group|localgroup|accounts)|cmdkey|setspn|csvde|ldifde)$') THEN 'T1087'
            WHEN regexp_matches(command, '^(netstat|net (session|sessions|share))$') THEN 'T1049'
            WHEN command = 'nltest' THEN 'T1482'
            ELSE 'T1082'
        END
    ) AS techniques,
    CAST(epoch(survey.last_seen - survey.first_seen) AS INTEGER) AS seconds,
    actor_kind,
    hosts_with_survey,
    CASE
        WHEN actor_kind = 'risky parent' THEN getvariable('risky_confidence')
        WHEN survey.distinct_commands >= getvariable('many_commands') THEN getvariable('many_confidence')
        ELSE getvariable('few_confidence')
    END
    * CASE actor_kind
        WHEN 'agent or logon script' THEN getvariable('agent_factor')
        WHEN 'shell on the desktop' THEN getvariable('interactive_factor')
        WHEN 'installed software' THEN getvariable('installed_factor')
        ELSE 1
    END
    * CASE
        WHEN hosts_with_survey >= getvariable('common_hosts') THEN getvariable('common_factor')
        ELSE 1
    END AS confidence,
    survey.evidence AS evidence
FROM judged
WHERE confidence >= getvariable('min_confidence')
ORDER BY first_seen, host_id, process_id
