-- A file that runs when opened came over HTTP, and a program of that hash or name, or a new one from
-- where downloads land, started on the same host. Sensor and host clocks may disagree by hours, so
-- hash and name go before time, and each clock that a record carries may prove the order.
WITH fetched AS (
    SELECT
        site,
        host_id,
        clock_id,
        time,
        uid,
        file_uid,
        server_ip,
        mime_type,
        file_name(file_name) AS stated_name,
        bytes,
        md5,
        sha256,
        {'file_id': file_id, 'record_no': record_no} AS evidence
    FROM network_file_activity
    WHERE
        protocol = 'http'
        AND NOT coalesce(is_upload, FALSE)
        AND coalesce(bytes >= getvariable('min_bytes'), TRUE)
        AND (
            regexp_matches(mime_type, getvariable('programs'))
            OR regexp_matches(mime_type, getvariable('archives'))
            OR regexp_matches(lower(file_name), getvariable('program_names'))
            OR regexp_matches(lower(file_name), getvariable('archive_names'))
        )
),
carried AS (
    SELECT
        uid,
        unnest(file_uids) AS file_uid,
        host,
        file_name(split_part(split_part(uri, '?', 1), '#', 1)) AS uri_name
    FROM http_activity
    WHERE uid IN (SELECT uid FROM fetched)
),
request AS (
    SELECT
        uid,
        file_uid,
        max(host) AS host,
        max(uri_name) FILTER (
            regexp_matches(uri_name, getvariable('program_names'))
            OR regexp_matches(uri_name, getvariable('archive_names'))
        ) AS uri_name
    FROM carried
    GROUP BY uid, file_uid
),
download AS (
    SELECT
        fetched.site,
        fetched.host_id,
        fetched.clock_id,
        fetched.time,
        fetched.server_ip,
        fetched.mime_type,
        fetched.bytes,
        fetched.md5,
        fetched.sha256,
        fetched.evidence,
        request.host,
        coalesce(nullif(fetched.stated_name, ''), request.uri_name) AS name
    FROM fetched
    LEFT JOIN request
        ON fetched.uid = request.uid AND fetched.file_uid = request.file_uid
),
graded AS (
    SELECT
        site,
        host_id,
        clock_id,
        time,
        server_ip,
        mime_type,
        bytes,
        md5,
        sha256,
        evidence,
        host,
        name,
        coalesce(
            regexp_matches(mime_type, getvariable('archives'))
            OR regexp_matches(name, getvariable('archive_names')),
            FALSE
        ) AS is_archive
    FROM download
),
-- What several hosts fetched by one name from one server is likelier a product.
common AS (
    SELECT
        host,
        name,
        count(DISTINCT site || '|' || host_id) AS fetching_hosts
    FROM graded
    WHERE name IS NOT NULL
    GROUP BY host, name
),
start AS (
    SELECT
        site,
        host_id,
        clock_id,
        time,
        time_alt,
        "user",
        process_guid,
        process_id,
        image,
        command_line,
        parent_guid,
        parent_image,
        md5,
        sha256,
        {'file_id': file_id, 'record_no': record_no} AS evidence
    FROM process_activity
    WHERE
        activity = 'start'
        AND host_id IN (SELECT host_id FROM graded)
        AND (
            regexp_matches(image, getvariable('landing_places'))
            OR sha256 IN (SELECT sha256 FROM graded)
            OR md5 IN (SELECT md5 FROM graded)
            OR EXISTS (
                SELECT 1
                FROM graded
                WHERE
                    graded.host_id = process_activity.host_id
                    AND length(graded.name) >= getvariable('min_name_length')
                    AND contains(
                        lower(coalesce(process_activity.command_line, process_activity.image)),
                        graded.name
                    )
            )
        )
),
-- Every reading of the start's time: its two clocks as logged, and both records on the reference clock.
reading AS (
    SELECT
        start.evidence,
        download.evidence AS download_evidence,
        unnest([
            epoch(start.time) - epoch(download.time),
            epoch(start.time_alt) - epoch(download.time),
            epoch(aligned_time(start.time, start_shift.shift_s))
            - epoch(aligned_time(download.time, download_shift.shift_s))
        ]) AS gap_s
    FROM start
    JOIN graded AS download
        ON start.site = download.site AND start.host_id = download.host_id
    LEFT JOIN clock_shift AS start_shift
        ON
            start_shift.clock_id = start.clock_id
            AND start.time >= start_shift.from_time
            AND start.time < start_shift.to_time
    LEFT JOIN clock_shift AS download_shift
        ON
            download_shift.clock_id = download.clock_id
            AND download.time >= download_shift.from_time
            AND download.time < download_shift.to_time
),
-- The reading that puts the start soonest after the download; else the one nearest to it.
gap AS (
    SELECT
        evidence,
        download_evidence,
        arg_min(gap_s, (gap_s < -getvariable('early_s'), abs(gap_s))) AS gap_s
    FROM reading
    WHERE gap_s IS NOT NULL
    GROUP BY evidence, download_evidence
),
matched AS (
    SELECT
        start,
        download,
        gap.gap_s,
        CASE
            WHEN start.sha256 = download.sha256 OR start.md5 = download.md5 THEN 'hash'
            WHEN
                length(download.name) >= getvariable('min_name_length')
                AND (
                    file_name(start.image) = download.name
                    OR contains(lower(start.command_line), download.name)
                )
                AND gap.gap_s >= -getvariable('named_hours') * 3600
                AND gap.gap_s <= getvariable('named_hours') * 3600
                THEN 'name'
            WHEN
                regexp_matches(start.image, getvariable('landing_places'))
                AND gap.gap_s >= -getvariable('early_s')
                AND gap.gap_s <= getvariable('window_minutes') * 60
                AND NOT EXISTS (
                    SELECT 1
                    FROM process_activity AS earlier
                    WHERE
                        earlier.activity = 'start'
                        AND earlier.host_id = start.host_id
                        AND earlier.image = start.image
                        AND earlier.time < start.time - to_seconds(gap.gap_s)
                        - to_seconds(getvariable('early_s'))
                )
                THEN 'place'
        END AS matched_by
    FROM start
    JOIN gap ON start.evidence = gap.evidence
    JOIN graded AS download ON download.evidence = gap.download_evidence
    WHERE abs(gap.gap_s) <= getvariable('hashed_hours') * 3600
),
weighed AS (
    SELECT
        start,
        download,
        gap_s,
        matched_by,
        CASE
            WHEN matched_by = 'hash' THEN getvariable('hash_confidence')
            WHEN matched_by = 'name' THEN getvariable('name_confidence')
            WHEN download.is_archive THEN getvariable('archive_confidence')
            ELSE getvariable('place_confidence')
        END
        * CASE
            WHEN fetching_hosts >= getvariable('common_hosts') THEN getvariable('common_factor')
            ELSE 1
        END AS confidence,
        coalesce(fetching_hosts, 1) AS fetching_hosts
    FROM matched
    LEFT JOIN common
        ON
            common.host IS NOT DISTINCT FROM matched.download.host
            AND common.name = matched.download.name
    WHERE matched_by IS NOT NULL
),
-- One signal a program: its first start, with the download that fits it best.
best AS (
    SELECT
        start,
        download,
        gap_s,
        matched_by,
        confidence,
        fetching_hosts
    FROM weighed
    QUALIFY
        row_number() OVER (
            PARTITION BY start.site, start.host_id, start.image
            ORDER BY
                confidence DESC,
                -- Sysmon and Security both log a start; the record with a process id of its own says more.
                start.process_guid IS NULL,
                start.time,
                abs(gap_s),
                start.evidence.file_id,
                start.evidence.record_no,
                download.evidence.file_id,
                download.evidence.record_no
        ) = 1
)
SELECT
    start.site AS site,
    start.host_id AS host_id,
    start.time AS first_seen,
    start.time AS last_seen,
    start."user" AS "user",
    start.process_guid AS process_guid,
    start.process_id AS process_id,
    start.image AS image,
    start.command_line AS command_line,
    start.parent_guid AS parent_guid,
    start.parent_image AS parent_image,
    start.image AS object,
    coalesce(download.host, download.server_ip) AS destination,
    download.server_ip AS server_ip,
    [coalesce(download.name, file_name(start.image))] AS file_names,
    coalesce(download.sha256, start.sha256) AS sha256,
    confidence,
    matched_by,
    fetching_hosts,
    CAST(round(gap_s) AS BIGINT) AS gap_s,
    download.mime_type AS mime_type,
    download.bytes AS bytes,
    download.time AS downloaded_at,
    [start.evidence, download.evidence] AS evidence
FROM best
ORDER BY first_seen, host_id
