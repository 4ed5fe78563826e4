-- Requests whose file is the requested host's own name, the year's two digits and the day of the year:
-- `/key/updates.example26061.sig` asked of updates.example on 2 March 2026. The day must be the request's.
WITH named AS (
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        process_guid,
        image,
        host,
        server_ip,
        regexp_extract(lower(uri), '([^/?#]+)([?#].*)?$', 1) AS file
    FROM http_activity
    WHERE contains(lower(split_part(uri, '?', 1)), '/' || host)
),
dated AS (
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        process_guid,
        image,
        host,
        server_ip,
        file,
        regexp_extract(
            substr(file, length(host) + 1), getvariable('dated'), ['year', 'day', 'ending']
        ) AS said
    FROM named
    WHERE
        starts_with(file, host)
        AND regexp_matches(substr(file, length(host) + 1), getvariable('dated'))
)
SELECT
    site,
    host_id,
    min(time) AS first_seen,
    max(time) AS last_seen,
    arg_min(process_guid, time) AS process_guid,
    arg_min(image, time) AS image,
    host AS destination,
    arg_min(server_ip, time) AS server_ip,
    arg_min(file, time) AS object,
    count(*) AS requests,
    count(DISTINCT file) AS files,
    count(DISTINCT time::DATE) AS days,
    CASE
        WHEN count(DISTINCT file) >= getvariable('two') AND count(DISTINCT time::DATE) >= getvariable('two')
            THEN getvariable('daily_confidence')
        ELSE getvariable('once_confidence')
    END AS confidence,
    list({'file_id': file_id, 'record_no': record_no} ORDER BY time, file_id, record_no)
        [:getvariable('max_evidence')] AS evidence
FROM dated
WHERE
    CAST(said.day AS INTEGER) > 0
    AND abs(
        date_diff(
            'day',
            make_date(getvariable('century') + CAST(said.year AS INTEGER), 1, 1)
            + to_days(CAST(said.day AS INTEGER) - 1),
            time::DATE
        )
    ) <= getvariable('slack_days')
GROUP BY site, host_id, host
ORDER BY first_seen, host_id, destination
