-- Starts by Office programs and document readers under the rule of attack surface reduction that would stop
-- them, and what Defender itself audited or blocked by those rules.
WITH rule AS (
    SELECT
        unnest(programs) AS parent,
        entry
    FROM (
        VALUES
            (
                'd4f940ab-401b-4efc-aadc-ad5f3c50688a',
                ['winword.exe', 'excel.exe', 'powerpnt.exe', 'onenote.exe', 'msaccess.exe']
            ),
            ('26190899-1602-49e8-8b27-eb1d0a1ce869', ['outlook.exe']),
            ('7674ba52-37eb-4a4f-a9a1-f0f9a1619a2c', ['acrord32.exe', 'acrobat.exe'])
    ) AS rules (entry, programs)
),
judged_by_defender AS (
    SELECT
        unnest(['d4f940ab-401b-4efc-aadc-ad5f3c50688a', '26190899-1602-49e8-8b27-eb1d0a1ce869',
            '7674ba52-37eb-4a4f-a9a1-f0f9a1619a2c']) AS entry,
        unnest(['officechildprocess', 'officecommappchildprocess', 'adobereaderchildprocess']) AS word
),
started AS (
    SELECT
        start.time,
        start.host_id,
        start."user",
        start.image,
        coalesce(start.command_line, '') AS command,
        file_name(start.image) AS program,
        file_name(start.parent_image) AS partner,
        rule.entry,
        'process starts' AS told_by
    FROM process_activity AS start
    INNER JOIN rule ON file_name(start.parent_image) = rule.parent
    WHERE
        start.activity = 'start'
        AND start.time > getvariable('since')
    UNION ALL
    SELECT
        alert.time,
        alert.host_id,
        alert."user",
        alert.file_name,
        '',
        file_name(alert.file_name),
        file_name(alert.image),
        judged_by_defender.entry,
        CASE
            WHEN alert.disposition = 'blocked' THEN 'Defender, blocked'
            ELSE 'Defender, audited'
        END
    FROM alert
    INNER JOIN judged_by_defender
        ON
            lower(alert.rule) = judged_by_defender.entry
            OR contains(lower(alert.category), judged_by_defender.word)
    WHERE alert.time > getvariable('since')
),
habit AS (
    SELECT
        partner,
        program
    FROM started
    GROUP BY partner, program
    HAVING count(DISTINCT host_id || CAST(time AS DATE)) >= getvariable('habit_host_days')
)
SELECT
    started.time,
    started.host_id,
    started."user",
    started.program,
    started.partner,
    started.entry,
    CASE
        WHEN
            started.program IN ('splwow64.exe', 'printisolationhost.exe')
            OR regexp_matches(started.command, '(?i)\\spool\\drivers\\|printui\.dll')
            THEN 'printing'
        WHEN
            started.program IN (
                'msedge.exe', 'chrome.exe', 'firefox.exe', 'iexplore.exe', 'brave.exe', 'msedgewebview2.exe'
            )
            THEN 'link'
        WHEN
            started.program IN (
                'werfault.exe', 'dwwin.exe', 'msoia.exe', 'msohtmed.exe', 'msosync.exe', 'msoev.exe', 'ai.exe',
                'officeclicktorun.exe', 'onenotem.exe', 'selfcert.exe', 'sdxhelper.exe', 'csc.exe', 'hh.exe'
            )
            THEN 'help'
        WHEN
            regexp_matches(started.command, getvariable('marks'))
            OR is_user_writable(started.image)
            OR (
                regexp_matches(started.program, '^(wscript|cscript|mshta|rundll32|regsvr32)\.exe$')
                AND is_user_writable(started.command)
            )
            THEN 'hostile'
        WHEN
            list_contains(document_programs(), started.program)
            AND regexp_matches(started.image, '(?i)^[a-z]:\\program files')
            THEN 'document'
        WHEN regexp_matches(started.image, '(?i)^[a-z]:\\program files') THEN 'installed'
        WHEN (started.partner, started.program) IN (SELECT (habit.partner, habit.program) FROM habit)
            THEN 'habit'
        ELSE 'unclear'
    END AS reason,
    started.told_by
FROM started
