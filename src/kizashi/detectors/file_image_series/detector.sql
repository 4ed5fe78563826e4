-- Programs in user-writable places, and script hosts, that write pictures to such places minute after minute.
WITH script_hosts AS (
    SELECT unnest(
        script_programs()
        || ['powershell.exe', 'pwsh.exe', 'rundll32.exe', 'regsvr32.exe']
    ) AS program
),
pictures AS (
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
        lower(image) AS program,
        path
    FROM file_activity
    WHERE
        activity = 'create'
        AND regexp_matches(path, getvariable('pictures'))
        AND NOT regexp_matches(path, getvariable('caches'))
        AND is_user_writable(path)
        AND (is_user_writable(image) OR file_name(image) IN (SELECT program FROM script_hosts))
        AND NOT regexp_matches(image, getvariable('known_apps'))
),
begun AS (
    SELECT
        picture,
        count(DISTINCT picture.site || picture.host_id) OVER (
            PARTITION BY file_name(picture.image)
        ) AS hosts_with_program,
        coalesce(
            picture.time - lag(picture.time) OVER same > to_minutes(getvariable('pause_minutes')), TRUE
        ) AS begins
    FROM pictures AS picture
    WINDOW same AS (
        PARTITION BY picture.site, picture.host_id, picture.program
        ORDER BY picture.time, picture.file_id, picture.record_no
    )
),
series AS (
    SELECT
        picture,
        hosts_with_program,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY picture.site, picture.host_id, picture.program
            ORDER BY picture.time, picture.file_id, picture.record_no
            ROWS UNBOUNDED PRECEDING
        ) AS run
    FROM begun
)
SELECT
    picture.site AS site,
    picture.host_id AS host_id,
    min(picture.time) AS first_seen,
    max(picture.time) AS last_seen,
    arg_min(picture."user", picture.time) AS "user",
    arg_min(picture.process_guid, picture.time) AS process_guid,
    arg_min(picture.process_id, picture.time) AS process_id,
    arg_min(picture.image, picture.time) AS image,
    arg_min(picture.path, picture.time) AS object,
    count(*) AS pictures,
    count(DISTINCT date_trunc('minute', picture.time)) AS minutes,
    max(hosts_with_program) AS hosts_with_program,
    getvariable('confidence')
    * CASE
        WHEN max(hosts_with_program) >= getvariable('common_hosts')
            THEN getvariable('common_factor')
        ELSE 1
    END AS confidence,
    list(
        {'file_id': picture.file_id, 'record_no': picture.record_no}
        ORDER BY picture.time, picture.file_id, picture.record_no
    )[:getvariable('max_evidence')] AS evidence
FROM series
GROUP BY picture.site, picture.host_id, picture.program, run
HAVING count(DISTINCT date_trunc('minute', picture.time)) >= getvariable('min_minutes')
ORDER BY first_seen, host_id, image
