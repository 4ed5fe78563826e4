-- Each field that an indicator may stand in is one row of `seen`: its kind, its value, who and when.
WITH seen AS (
    SELECT site, host_id, time, 'name' AS kind, query AS value, 'dns' AS field, query AS destination,
        answers[1] AS server_ip, process_guid, image, NULL AS message_id, NULL AS recipient,
        file_id, record_no
    FROM dns_activity
    UNION ALL
    SELECT site, host_id, time, 'address', unnest(answers), 'dns', query, NULL, process_guid, image,
        NULL, NULL, file_id, record_no
    FROM dns_activity
    UNION ALL
    SELECT site, host_id, time, 'name', host, 'http', host, server_ip, process_guid, image, NULL, NULL,
        file_id, record_no
    FROM http_activity
    UNION ALL
    SELECT site, host_id, time, 'url', host || uri, 'http', host, server_ip, process_guid, image, NULL,
        NULL, file_id, record_no
    FROM http_activity
    UNION ALL
    SELECT site, host_id, time, 'address', server_ip, 'http', host, server_ip, process_guid, image,
        NULL, NULL, file_id, record_no
    FROM http_activity
    UNION ALL
    SELECT site, host_id, time, 'name', sni, 'tls', sni, server_ip, NULL, NULL, NULL, NULL, file_id,
        record_no
    FROM tls_activity
    UNION ALL
    SELECT site, host_id, time, 'address', server_ip, 'tls', sni, server_ip, NULL, NULL, NULL, NULL,
        file_id, record_no
    FROM tls_activity
    UNION ALL
    SELECT site, host_id, time, 'address', server_ip, 'connection', server_name, server_ip,
        process_guid, image, NULL, NULL, file_id, record_no
    FROM network_activity
    UNION ALL
    SELECT site, host_id, time, 'name', server_name, 'connection', server_name, server_ip,
        process_guid, image, NULL, NULL, file_id, record_no
    FROM network_activity
    UNION ALL
    SELECT site, host_id, time, 'hash', unnest([md5, sha256]), 'process', NULL, NULL, process_guid,
        image, NULL, NULL, file_id, record_no
    FROM process_activity
    UNION ALL
    SELECT site, host_id, time, 'file', file_name(image), 'process', NULL, NULL, process_guid, image,
        NULL, NULL, file_id, record_no
    FROM process_activity
    UNION ALL
    SELECT site, host_id, time, 'hash', unnest([md5, sha256]), 'file', NULL, NULL, process_guid, image,
        NULL, NULL, file_id, record_no
    FROM file_activity
    UNION ALL
    SELECT site, host_id, time, 'file', file_name(path), 'file', NULL, NULL, process_guid, image, NULL,
        NULL, file_id, record_no
    FROM file_activity
    UNION ALL
    SELECT site, host_id, time, 'hash', unnest([md5, sha1, sha256]), 'file on the wire', NULL,
        server_ip, NULL, NULL, NULL, NULL, file_id, record_no
    FROM network_file_activity
    UNION ALL
    SELECT site, coalesce(host_id, ''), time, 'mail', unnest([from_address, reply_to, return_path]),
        'mail', NULL, sender_ip, NULL, NULL, message_id, to_addresses[1], file_id, record_no
    FROM email_activity
    UNION ALL
    SELECT site, coalesce(host_id, ''), time, 'name', split_part(from_address, '@', -1), 'mail', NULL,
        sender_ip, NULL, NULL, message_id, to_addresses[1], file_id, record_no
    FROM email_activity
    UNION ALL
    SELECT site, coalesce(host_id, ''), time, 'link', unnest(links), 'mail', NULL, sender_ip, NULL, NULL,
        message_id, to_addresses[1], file_id, record_no
    FROM email_activity
    UNION ALL
    SELECT site, coalesce(host_id, ''), time, 'address', sender_ip, 'mail', NULL, sender_ip, NULL, NULL,
        message_id, to_addresses[1], file_id, record_no
    FROM email_activity
    UNION ALL
    SELECT site, host_id, time, 'address', client_ip, 'sign-in', NULL, client_ip, NULL, image, NULL, NULL,
        file_id, record_no
    FROM authentication
),
-- Only distinct values are compared.
distinct_value AS (
    SELECT DISTINCT
        kind,
        value
    FROM seen
    WHERE value IS NOT NULL
),
part AS (
    SELECT
        kind,
        value,
        'name' AS as_kind,
        unnest(name_and_parents(value)) AS looked_for
    FROM distinct_value
    WHERE kind = 'name'
    UNION ALL
    SELECT
        kind,
        value,
        'url',
        plain_url(value)
    FROM distinct_value
    WHERE kind IN ('url', 'link')
    UNION ALL
    SELECT
        kind,
        value,
        'name',
        unnest(name_and_parents(lower(split_part(plain_url(value), '/', 1))))
    FROM distinct_value
    WHERE kind = 'link'
    UNION ALL
    SELECT
        kind,
        value,
        kind,
        value
    FROM distinct_value
    WHERE kind IN ('address', 'hash', 'mail', 'file')
),
met AS (
    SELECT
        part.kind,
        part.value,
        indicator.kind AS indicator_kind,
        indicator.value AS indicator_value,
        indicator.said,
        indicator.title,
        indicator.known_from,
        indicator.known_until
    FROM part
    JOIN indicator ON indicator.kind = part.as_kind AND indicator.value = part.looked_for
    UNION ALL
    SELECT
        numbered.kind,
        numbered.value,
        indicator.kind,
        indicator.value,
        indicator.said,
        indicator.title,
        indicator.known_from,
        indicator.known_until
    FROM (
        SELECT
            kind,
            value,
            ip_number(value) AS number
        FROM distinct_value
        WHERE kind = 'address'
    ) AS numbered
    JOIN indicator
        ON
            indicator.kind = 'network'
            AND numbered.number BETWEEN indicator.low AND indicator.high
),
hit AS (
    SELECT
        seen.site,
        seen.host_id,
        met.indicator_kind,
        met.indicator_value,
        any_value(met.said) AS said,
        any_value(met.title) AS title,
        any_value(met.known_from) AS known_from,
        any_value(met.known_until) AS known_until,
        min(seen.time) AS first_seen,
        max(seen.time) AS last_seen,
        count(DISTINCT (seen.file_id, seen.record_no)) AS hits,
        list_sort(list(DISTINCT seen.field)) AS fields,
        any_value(seen.destination) AS destination,
        any_value(seen.server_ip) AS server_ip,
        any_value(seen.process_guid) AS process_guid,
        any_value(seen.image) AS image,
        any_value(seen.message_id) AS message_id,
        any_value(seen.recipient) AS recipient,
        (list({'file_id': seen.file_id, 'record_no': seen.record_no}
            ORDER BY seen.time, seen.file_id, seen.record_no))[:getvariable('sample')] AS evidence
    FROM seen
    JOIN met USING (kind, value)
    WHERE seen.time IS NOT NULL
    GROUP BY seen.site, seen.host_id, met.indicator_kind, met.indicator_value
)
SELECT
    site,
    host_id,
    first_seen,
    last_seen,
    process_guid,
    image,
    coalesce(
        destination, CASE WHEN indicator_kind = 'name' THEN indicator_value END
    ) AS destination,
    server_ip,
    message_id,
    recipient,
    said,
    coalesce(nullif(title, ''), indicator_kind) AS title,
    indicator_kind,
    hits,
    array_to_string(fields, ', ') AS fields,
    CASE
        WHEN known_until IS NOT NULL AND first_seen > known_until
            THEN 'expired ' || date_diff('day', known_until, first_seen) || ' days before'
        WHEN known_from IS NOT NULL AND first_seen >= known_from
            THEN 'published ' || date_diff('day', known_from, first_seen) || ' days before'
        WHEN known_from IS NOT NULL
            THEN 'seen ' || date_diff('day', first_seen, known_from) || ' days before it was published'
        ELSE 'its age is not known'
    END AS freshness,
    CASE
        WHEN known_until IS NOT NULL AND first_seen > known_until
            THEN date_diff('day', known_until, first_seen) || ' 日前に期限切れ'
        WHEN known_from IS NOT NULL AND first_seen >= known_from
            THEN date_diff('day', known_from, first_seen) || ' 日前に公開'
        WHEN known_from IS NOT NULL
            THEN '公開の ' || date_diff('day', first_seen, known_from) || ' 日前に観測'
        ELSE '公開時期は不明'
    END AS freshness_ja,
    CASE
        WHEN indicator_kind IN ('hash', 'url', 'mail') THEN getvariable('certain')
        WHEN indicator_kind = 'name' THEN getvariable('named')
        ELSE getvariable('addressed')
    END
    * CASE WHEN fields = ['dns'] THEN getvariable('asked_only') ELSE 1 END
    * CASE
        WHEN
            first_seen > coalesce(
                known_until,
                CASE
                    WHEN indicator_kind IN ('address', 'network')
                        THEN known_from + to_days(getvariable('address_life_days'))
                END
            )
            THEN getvariable('expired')
        ELSE 1
    END AS confidence,
    evidence
FROM hit
