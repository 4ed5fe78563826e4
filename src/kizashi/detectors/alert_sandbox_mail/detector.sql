-- Verdicts of sandboxes on files and links, joined with the mails that carried them: by hash, else by the address, else
-- by a name within days. One row a recipient and verdict.
WITH verdict AS (
    SELECT
        time,
        file_id,
        record_no,
        product,
        coalesce(title, rule) AS said,
        severity,
        file_name(plain_file_names(file_name)) AS name,
        lower(sha256) AS sha256,
        plain_url(url) AS url
    FROM alert
    WHERE
        regexp_matches(product, getvariable('sandboxes'))
        AND (
            TRY_CAST(severity AS DOUBLE) >= getvariable('min_score')
            OR regexp_matches(severity, getvariable('hostile_words'))
        )
),
mailed AS (
    SELECT
        site,
        time,
        file_id,
        record_no,
        coalesce(message_id, concat_ws('/', file_id, record_no)) AS mail,
        message_id,
        from_address,
        to_addresses,
        coalesce(attachments, []) AS attachments,
        coalesce(members, []) AS members,
        coalesce(links, []) AS links
    FROM message
    WHERE len(to_addresses) > 0
),
part AS (
    SELECT
        mailed,
        lower(file.sha256) AS sha256,
        NULL AS url,
        file_name(plain_file_names(file.name)) AS name
    FROM (
        SELECT
            mailed,
            unnest(mailed.attachments) AS file
        FROM mailed
    )
    UNION ALL
    SELECT
        mailed,
        NULL,
        NULL,
        file_name(plain_file_names(unnest(mailed.members)))
    FROM mailed
    UNION ALL
    SELECT
        mailed,
        NULL,
        plain_url(unnest(mailed.links)),
        NULL
    FROM mailed
),
joined AS (
    SELECT
        part.mailed AS mailed,
        verdict,
        CASE
            WHEN part.sha256 = verdict.sha256 THEN 'hash'
            WHEN part.url = verdict.url THEN 'address'
            ELSE 'name'
        END AS joined_by,
        CASE joined_by
            WHEN 'hash' THEN getvariable('hash_confidence')
            WHEN 'address' THEN getvariable('url_confidence')
            ELSE getvariable('name_confidence')
        END AS confidence
    FROM verdict
    JOIN part
        ON part.sha256 = verdict.sha256
        OR part.url = verdict.url
        OR (
            part.name = verdict.name
            AND length(part.name) >= getvariable('min_name')
            -- Two hashes that differ are two files, whatever their name.
            AND (part.sha256 IS NULL OR verdict.sha256 IS NULL)
            AND abs(date_diff('day', part.mailed.time, verdict.time)) <= getvariable('name_days')
        )
),
delivered AS (
    SELECT
        mailed,
        verdict,
        joined_by,
        confidence,
        unnest(mailed.to_addresses[:getvariable('max_recipients')]) AS recipient
    FROM joined
),
best AS (
    SELECT
        mailed.mail AS mail,
        recipient,
        arg_max(delivered, {'confidence': confidence, 'time': verdict.time, 'record_no': verdict.record_no}) AS told,
        list(
            DISTINCT {'file_id': verdict.file_id, 'record_no': verdict.record_no}
        ) AS verdicts
    FROM delivered
    GROUP BY
        mailed.mail,
        recipient
)
SELECT
    coalesce(told.mailed.site, '') AS site,
    'recipient:' || recipient AS host_id,
    least(told.mailed.time, told.verdict.time) AS first_seen,
    greatest(told.mailed.time, told.verdict.time) AS last_seen,
    told.mailed.message_id AS message_id,
    told.mailed.from_address AS sender,
    recipient,
    list_filter([told.verdict.name], lambda n: n IS NOT NULL) AS file_names,
    told.verdict.sha256 AS sha256,
    told.verdict.product AS product,
    coalesce(told.verdict.name, told.verdict.url, '-') AS what,
    coalesce(told.verdict.said, '-') AS verdict,
    told.verdict.severity AS severity,
    told.joined_by AS joined_by,
    [CASE told.joined_by WHEN 'address' THEN 'T1566.002' ELSE 'T1566.001' END] AS techniques,
    CASE told.joined_by WHEN 'hash' THEN 'ハッシュ' WHEN 'address' THEN 'アドレス' ELSE '名前' END AS joined_by_ja,
    told.confidence AS confidence,
    list_concat(
        [{'file_id': told.mailed.file_id, 'record_no': told.mailed.record_no}], list_sort(verdicts)
    )[:getvariable('max_evidence')] AS evidence
FROM best
ORDER BY
    first_seen,
    host_id,
    message_id
