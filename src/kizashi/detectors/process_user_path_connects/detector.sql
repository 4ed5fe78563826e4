-- Programs in user-writable places that begin connections, as the endpoint logs them; one signal for a program
-- and host while it goes on.
WITH connections AS (
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
        server_ip,
        server_port,
        server_name,
        bytes_out,
        -- Security 5156 writes the device path, Sysmon the drive letter.
        regexp_replace(lower(image), '^(\\device\\harddiskvolume\d+|[a-z]:)', '') AS path
    FROM network_activity
    WHERE
        vantage = 'endpoint'
        AND is_user_writable(image)
        AND coalesce(initiated, TRUE)
        AND NOT regexp_matches(server_ip, getvariable('local_addresses'))
),
begun AS (
    SELECT
        flow,
        coalesce(
            flow.time - lag(flow.time) OVER same_program
            > to_minutes(getvariable('collapse_minutes')),
            TRUE
        ) AS begins
    FROM connections AS flow
    WINDOW same_program AS (
        PARTITION BY flow.site, flow.host_id, flow.path
        ORDER BY flow.time, flow.file_id, flow.record_no
    )
),
runs AS (
    SELECT
        flow,
        {'time': flow.time, 'file_id': flow.file_id, 'record_no': flow.record_no} AS place,
        -- The row with a guid ties to the process; the other provider's row may come first.
        {
            'unknown': flow.process_guid IS NULL,
            'time': flow.time,
            'file_id': flow.file_id,
            'record_no': flow.record_no
        } AS named_first,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY flow.site, flow.host_id, flow.path
            ORDER BY flow.time, flow.file_id, flow.record_no
            ROWS UNBOUNDED PRECEDING
        ) AS run
    FROM begun
),
talkers AS (
    SELECT
        flow.site AS site,
        flow.host_id AS host_id,
        flow.path AS path,
        min(flow.time) AS first_seen,
        max(flow.time) AS last_seen,
        arg_min(flow."user", named_first) AS "user",
        arg_min(flow.process_guid, named_first) AS process_guid,
        arg_min(flow.process_id, named_first) AS process_id,
        arg_min(flow.image, named_first) AS image,
        arg_min(flow.server_ip, place) AS server_ip,
        arg_min(flow.server_port, place) AS server_port,
        arg_min(flow.server_name, place) AS destination,
        count(DISTINCT flow.server_ip) AS servers,
        count(DISTINCT flow.process_id) AS processes,
        -- Two providers may tell of one connection: the fuller one counts.
        greatest(count(flow.process_guid), count(flow.time) - count(flow.process_guid)) AS connections,
        sum(flow.bytes_out) AS bytes_out,
        list(
            {'file_id': flow.file_id, 'record_no': flow.record_no}
            ORDER BY flow.time, flow.file_id, flow.record_no
        )[:getvariable('max_evidence')] AS evidence
    FROM runs
    GROUP BY flow.site, flow.host_id, flow.path, run
),
placed AS (
    SELECT
        talker,
        CASE
            WHEN regexp_matches(talker.image, getvariable('known_apps')) THEN 'known application'
            WHEN
                regexp_matches(
                    talker.path,
                    '\\(downloads|desktop|documents|public|te?mp|inetcache|temporary internet files|perflogs|startup|\$recycle\.bin|tasks|tracing)\\'
                )
                THEN 'where things are dropped'
            WHEN regexp_matches(talker.path, '^\\programdata\\') THEN 'ProgramData'
            ELSE 'profile'
        END AS place,
        count(DISTINCT talker.site || talker.host_id) OVER (
            PARTITION BY regexp_replace(talker.path, '^\\users\\[^\\]+', '')
        ) AS hosts_with_program
    FROM talkers AS talker
),
-- Security 5156 knows the pid only: the last start of that pid and program before the end is meant.
own_start AS (
    SELECT
        talker.site AS site,
        talker.host_id AS host_id,
        talker.path AS path,
        talker.first_seen AS first_seen,
        arg_max(
            start, {'time': start.time, 'known': start.process_guid IS NOT NULL, 'record_no': start.record_no}
        ) AS start
    FROM talkers AS talker
    INNER JOIN process_activity AS start
        ON talker.site = start.site
        AND talker.host_id = start.host_id
        AND start.activity = 'start'
        AND (
            talker.process_guid = start.process_guid
            OR (
                talker.process_guid IS NULL
                AND talker.process_id = start.process_id
                AND file_name(talker.image) = file_name(start.image)
                AND start.time <= talker.last_seen
            )
        )
    GROUP BY talker.site, talker.host_id, talker.path, talker.first_seen
),
own_file AS (
    SELECT
        talker.site AS site,
        talker.process_guid AS process_guid,
        bool_or(module.signed) AS signed,
        max(module.signature) AS signature
    FROM talkers AS talker
    INNER JOIN module_activity AS module
        ON talker.site = module.site
        AND talker.process_guid = module.process_guid
        AND lower(talker.image) = lower(module.module_path)
    GROUP BY talker.site, talker.process_guid
)
SELECT
    talker.site AS site,
    talker.host_id AS host_id,
    talker.first_seen AS first_seen,
    talker.last_seen AS last_seen,
    coalesce(talker."user", own_start.start."user") AS "user",
    coalesce(talker.process_guid, own_start.start.process_guid) AS process_guid,
    talker.process_id AS process_id,
    coalesce(own_start.start.image, talker.image) AS image,
    own_start.start.command_line AS command_line,
    own_start.start.parent_guid AS parent_guid,
    own_start.start.parent_image AS parent_image,
    own_start.start.sha256 AS sha256,
    [file_name(talker.image)] AS file_names,
    talker.destination AS destination,
    talker.server_ip AS server_ip,
    talker.server_port AS server_port,
    talker.servers AS servers,
    talker.connections AS connections,
    talker.processes AS processes,
    talker.bytes_out AS bytes_out,
    place,
    hosts_with_program,
    own_file.signature AS signature,
    CASE place
        WHEN 'known application' THEN getvariable('known_confidence')
        WHEN 'where things are dropped' THEN getvariable('drop_confidence')
        WHEN 'ProgramData' THEN getvariable('shared_confidence')
        ELSE getvariable('profile_confidence')
    END
    * CASE WHEN coalesce(own_file.signed, FALSE) THEN getvariable('signed_factor') ELSE 1 END
    * CASE
        WHEN
            regexp_matches(talker.image, getvariable('setup_names'))
            AND talker.last_seen - talker.first_seen < to_minutes(getvariable('setup_minutes'))
            THEN getvariable('setup_factor')
        ELSE 1
    END
    * CASE
        WHEN hosts_with_program >= getvariable('common_hosts') THEN getvariable('common_factor')
        ELSE 1
    END AS confidence,
    talker.evidence AS evidence
FROM placed
LEFT JOIN own_start
    ON talker.site = own_start.site
    AND talker.host_id = own_start.host_id
    AND talker.path = own_start.path
    AND talker.first_seen = own_start.first_seen
LEFT JOIN own_file
    ON talker.site = own_file.site
    AND talker.process_guid = own_file.process_guid
WHERE confidence >= getvariable('min_confidence')
ORDER BY first_seen, host_id, image
