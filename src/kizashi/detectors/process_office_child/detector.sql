-- Office programs and document readers that start an interpreter, a tool that runs foreign code, or a
-- program from a place where a document can write.
WITH document_programs AS (
    SELECT unnest(document_programs()) AS program
),
tools AS (
    SELECT unnest(
        command_shells()
        || script_programs()
        || code_hosts()
        || ['certutil.exe', 'bitsadmin.exe', 'schtasks.exe', 'forfiles.exe', 'pcalua.exe', 'msdt.exe', 'bash.exe']
        || ['wsl.exe', 'curl.exe', 'ftp.exe', 'sc.exe', 'reg.exe', 'at.exe', 'net.exe', 'net1.exe', 'nltest.exe']
        || ['whoami.exe', 'systeminfo.exe', 'tasklist.exe', 'msiexec.exe', 'control.exe']
    ) AS program
),
-- Office asks these for help pages, on-demand features and settings; only a mark makes them odd.
tools_when_marked AS (
    SELECT unnest(['hh.exe', 'msiexec.exe', 'control.exe']) AS program
),
children AS (
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
        file_name(parent_image) AS parent,
        file_name(image) AS program,
        coalesce(command_line, '') AS command,
        -- A renamed copy keeps the name in its version resource.
        CASE
            WHEN lower(original_file_name) IN (SELECT program FROM tools)
                THEN lower(original_file_name)
            ELSE file_name(image)
        END AS tool
    FROM process_activity
    WHERE
        activity = 'start'
        AND file_name(parent_image) IN (SELECT program FROM document_programs)
),
-- The end of the parent, by guid where both records have one.
closing AS (
    SELECT DISTINCT
        child.file_id AS file_id,
        child.record_no AS record_no
    FROM children AS child
    INNER JOIN process_activity AS ended
        ON
            child.site = ended.site
            AND child.host_id = ended.host_id
            AND ended.activity = 'stop'
            AND child.parent = file_name(ended.image)
            AND CASE
                WHEN child.parent_guid IS NOT NULL AND ended.process_guid IS NOT NULL
                    THEN child.parent_guid = ended.process_guid
                ELSE child.parent_id = ended.process_id
            END
            AND abs(epoch(ended.time) - epoch(child.time)) <= getvariable('close_s')
),
graded AS (
    SELECT
        child,
        (child.file_id, child.record_no) IN (SELECT (file_id, record_no) FROM closing) AS at_close,
        CASE
            WHEN regexp_matches(child.command, getvariable('harmless')) THEN NULL
            WHEN
                child.tool IN (SELECT program FROM tools)
                AND regexp_matches(child.command, getvariable('marks'))
                THEN 'downloads, decodes or hides'
            WHEN
                child.tool IN (SELECT program FROM tools)
                AND regexp_matches(child.command, getvariable('dropped'))
                THEN 'runs a file from a user-writable place'
            WHEN
                child.tool IN (SELECT program FROM tools)
                AND child.tool NOT IN (SELECT program FROM tools_when_marked)
                THEN 'interpreter or system tool'
            WHEN
                child.tool NOT IN (SELECT program FROM tools)
                AND is_user_writable(child.image)
                AND NOT regexp_matches(child.image, getvariable('known_apps'))
                AND child.program NOT IN (SELECT program FROM document_programs)
                THEN 'program in a user-writable place'
        END AS reason
    FROM children AS child
),
counted AS (
    SELECT
        child,
        reason,
        at_close,
        count(DISTINCT child.site || child.host_id) OVER pair AS hosts_with_pair,
        count(DISTINCT child.site || child.host_id || CAST(child.time AS DATE)) OVER pair
            AS host_days_with_pair
    FROM graded
    WHERE reason IS NOT NULL
    WINDOW pair AS (PARTITION BY child.parent, child.tool, reason)
),
weighed AS (
    SELECT
        child,
        reason,
        at_close,
        hosts_with_pair,
        CASE reason
            WHEN 'downloads, decodes or hides' THEN getvariable('marked_confidence')
            WHEN 'interpreter or system tool'
                THEN
                    CASE
                        WHEN at_close THEN getvariable('close_confidence')
                        ELSE getvariable('plain_confidence')
                    END
            ELSE getvariable('dropped_confidence')
        END
        * CASE
            WHEN
                hosts_with_pair >= getvariable('common_hosts')
                OR host_days_with_pair >= getvariable('common_host_days')
                THEN getvariable('common_factor')
            ELSE 1
        END AS weight
    FROM counted
),
-- Sysmon names the parent by guid, Security 4688 by pid only: the pid is in both.
begun AS (
    SELECT
        child,
        reason,
        at_close,
        hosts_with_pair,
        weight,
        coalesce(
            child.time - lag(child.time) OVER same_start
            > to_minutes(getvariable('collapse_minutes')),
            TRUE
        ) AS begins
    FROM weighed
    WHERE weight >= getvariable('min_confidence')
    WINDOW same_start AS (
        PARTITION BY child.site, child.host_id, child.parent_id, child.parent, child.program
        ORDER BY child.time, child.file_id, child.record_no
    )
),
behaviour AS (
    SELECT
        child,
        reason,
        at_close,
        hosts_with_pair,
        weight,
        {'time': child.time, 'file_id': child.file_id, 'record_no': child.record_no} AS place,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY child.site, child.host_id, child.parent_id, child.parent, child.program
            ORDER BY child.time, child.file_id, child.record_no
            ROWS UNBOUNDED PRECEDING
        ) AS run
    FROM begun
)
SELECT
    child.site AS site,
    child.host_id AS host_id,
    min(child.time) AS first_seen,
    max(child.time) AS last_seen,
    arg_min(child."user", place) AS "user",
    arg_min(child.process_guid, place) AS process_guid,
    arg_min(child.process_id, place) AS process_id,
    arg_min(child.image, place) AS image,
    arg_min(child.command_line, place) AS command_line,
    arg_min(child.parent_guid, place) AS parent_guid,
    arg_min(child.parent_image, place) AS parent_image,
    arg_min(child.sha256, place) AS sha256,
    list_distinct(
        regexp_extract_all(
            arg_min(child.parent_command_line, place), getvariable('documents'), 1
        )
    ) AS file_names,
    max(weight) AS confidence,
    arg_max(reason, weight) AS reason,
    ['T1204.002', arg_min(technique_of_tool(child.tool, child.command), place)] AS techniques,
    bool_or(at_close) AS at_close,
    max(hosts_with_pair) AS hosts_with_pair,
    count(DISTINCT child.process_id) AS starts,
    list(
        {'file_id': child.file_id, 'record_no': child.record_no}
        ORDER BY child.time, child.file_id, child.record_no
    )[:getvariable('max_evidence')] AS evidence
FROM behaviour
GROUP BY child.site, child.host_id, child.parent_id, child.parent, child.program, run
ORDER BY first_seen, host_id
