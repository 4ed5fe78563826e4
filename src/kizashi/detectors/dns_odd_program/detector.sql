-- Names under cheap suffixes or dynamic-DNS parents that were answered for a program of a user's folder, or
-- for one of Windows' own that runs what others wrote.
WITH cheap AS (
    SELECT query
    FROM name
    WHERE
        hosts <= getvariable('few_hosts')
        AND (
            is_dynamic_dns
            OR list_contains(getvariable('suffixes'), string_split(query, '.')[-1])
        )
),
asked AS (
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        process_guid,
        process_id,
        image,
        "user",
        query,
        answers,
        CASE
            WHEN list_contains(getvariable('hosts_of_others'), file_name(image)) THEN 'runs others'' code'
            ELSE 'in a place that users can write to'
        END AS kind
    FROM dns_activity
    SEMI JOIN cheap USING (query)
    WHERE
        image IS NOT NULL
        AND rcode = 'NOERROR'
        AND len(answers) > 0
        AND (
            list_contains(getvariable('hosts_of_others'), file_name(image))
            OR (
                is_user_writable(image)
                AND NOT regexp_matches(image, getvariable('known_apps'))
            )
        )
)
SELECT
    site,
    host_id,
    min(time) AS first_seen,
    max(time) AS last_seen,
    arg_min("user", time) AS "user",
    CASE WHEN count(DISTINCT process_guid) = 1 THEN max(process_guid) END AS process_guid,
    CASE WHEN count(DISTINCT process_id) = 1 THEN max(process_id) END AS process_id,
    image,
    arg_min(query, time) AS destination,
    arg_min(answers[1], time) AS server_ip,
    kind,
    count(DISTINCT query) AS names,
    count(*) AS lookups,
    (list_sort(list(DISTINCT query)))[:getvariable('sample_names')] AS sample,
    CASE kind
        WHEN 'runs others'' code' THEN getvariable('other_confidence')
        ELSE getvariable('writable_confidence')
    END AS confidence,
    list({'file_id': file_id, 'record_no': record_no} ORDER BY time, file_id, record_no)
        [:getvariable('max_evidence')] AS evidence
FROM asked
GROUP BY site, host_id, image, kind
ORDER BY first_seen, host_id, image
