-- Mails that fail the checks on their sender, or borrow the look of an own sender, one row per recipient.
-- What they carry raises the confidence but never makes a signal: authenticated mail is judged elsewhere.
WITH received AS (
    SELECT
        site,
        time,
        file_id,
        record_no,
        coalesce(message_id, concat_ws('/', file_id, record_no)) AS mail,
        message_id,
        subject,
        from_address,
        from_name,
        to_addresses,
        lower(spf) AS spf,
        spf_domain,
        lower(dkim) AS dkim,
        dkim_domain,
        lower(dmarc) AS dmarc,
        lower(compauth) AS compauth,
        lower(arc) AS arc,
        sender_ip,
        coalesce(links, []) AS links,
        coalesce(attachments, []) AS attachments,
        CASE WHEN json_valid(unmapped) THEN json_extract_string(unmapped, '$.list_id') END AS list_id,
        regexp_extract(split_part(from_address, '@', -1), getvariable('organisation_pattern'))
            AS from_organisation,
        regexp_extract(spf_domain, getvariable('organisation_pattern')) AS spf_organisation,
        regexp_extract(dkim_domain, getvariable('organisation_pattern')) AS dkim_organisation
    FROM message
    WHERE from_address IS NOT NULL AND len(to_addresses) > 0
),
addressed AS (
    SELECT DISTINCT
        mail,
        regexp_extract(split_part(address, '@', -1), getvariable('organisation_pattern'))
            AS organisation
    FROM (
        SELECT
            mail,
            unnest(to_addresses) AS address
        FROM received
    )
),
own AS (
    SELECT
        organisation,
        -- What the eye takes for the same: 0 and o, 1 and l, rn and m.
        strip_accents(
            replace(replace(translate(split_part(organisation, '.', 1), '0135', 'oles'), 'rn', 'm'), 'vv', 'w')
        ) AS look
    FROM addressed
    WHERE organisation <> ''
    GROUP BY organisation
    HAVING count(*) >= getvariable('own_share') * (SELECT count(DISTINCT mail) FROM received)
),
own_list AS (
    SELECT list(organisation ORDER BY organisation) AS organisations
    FROM own
),
checked AS (
    SELECT
        message,
        message.from_organisation IN (SELECT organisation FROM own) AS from_own_domain,
        coalesce(regexp_matches(message.sender_ip, getvariable('internal_address')), FALSE) AS from_inside,
        coalesce(message.dmarc IN ('pass', 'bestguesspass'), FALSE)
        OR coalesce(message.dkim = 'pass' AND message.dkim_organisation = message.from_organisation, FALSE)
        OR coalesce(message.spf = 'pass' AND message.spf_organisation = message.from_organisation, FALSE)
            AS authenticated,
        coalesce(message.arc = 'pass', FALSE) OR coalesce(message.compauth = 'pass', FALSE) AS vouched_for,
        message.list_id IS NOT NULL AND coalesce(message.spf = 'pass', FALSE) AS from_list,
        coalesce(message.dmarc = 'fail', FALSE) OR coalesce(message.compauth = 'fail', FALSE) AS dmarc_failed,
        coalesce(message.spf IN ('fail', 'hardfail', 'softfail', 'permerror'), FALSE) AS spf_failed,
        count(*) OVER same_failure AS earlier_mails,
        list_transform(
            message.attachments,
            lambda a: lower(regexp_extract(a.name, '\.([A-Za-z0-9-]+)[\s.]*$', 1))
        ) AS endings,
        strip_accents(
            replace(
                replace(translate(split_part(message.from_organisation, '.', 1), '0135', 'oles'), 'rn', 'm'),
                'vv',
                'w'
            )
        ) AS from_look,
        regexp_replace(lower(message.from_name), '[\s"''.,　・-]', '', 'g') AS plain_name
    FROM received AS message
    WINDOW same_failure AS (
        PARTITION BY message.from_address, message.spf, message.spf_domain, message.dmarc
        ORDER BY message.time
        RANGE BETWEEN UNBOUNDED PRECEDING
        AND to_hours(getvariable('familiar_hours')) PRECEDING
    )
),
own_names AS (
    SELECT DISTINCT plain_name
    FROM checked
    WHERE
        from_own_domain
        AND (authenticated OR from_inside)
        AND length(plain_name) >= getvariable('min_name_characters')
),
judged AS (
    SELECT
        verdict,
        CASE
            WHEN verdict.authenticated OR verdict.vouched_for OR verdict.from_list OR verdict.from_inside THEN 0
            WHEN verdict.dmarc_failed THEN getvariable('dmarc_weight')
            WHEN verdict.message.spf IN ('softfail', 'permerror') THEN getvariable('softfail_weight')
            WHEN verdict.spf_failed THEN getvariable('spf_weight')
            WHEN verdict.message.dkim = 'fail' THEN getvariable('dkim_weight')
            WHEN verdict.message.spf = 'pass' THEN getvariable('misaligned_weight')
            ELSE 0
        END
        * CASE
            WHEN verdict.earlier_mails >= getvariable('familiar_mails') THEN getvariable('familiar_factor')
            ELSE 1
        END AS unproven,
        CASE
            WHEN verdict.from_inside OR verdict.from_list THEN NULL
            WHEN verdict.from_own_domain
                THEN
                    CASE
                        WHEN
                            NOT (verdict.authenticated OR verdict.vouched_for)
                            AND (verdict.dmarc_failed OR verdict.spf_failed)
                            THEN 'own domain from outside'
                    END
            WHEN
                regexp_extract(
                    regexp_extract(lower(verdict.message.from_name), '[^\s<>"''(]+@([^\s<>"'')]+)', 1),
                    getvariable('organisation_pattern')
                ) IN (SELECT organisation FROM own)
                THEN 'own address as display name'
            WHEN
                verdict.earlier_mails < getvariable('familiar_mails')
                AND EXISTS (
                    SELECT 1
                    FROM own
                    WHERE
                        length(own.look) >= getvariable('min_label_characters')
                        AND levenshtein(own.look, verdict.from_look) <= getvariable('domain_distance')
                        -- The same label under another suffix may be a sister; then it authenticates.
                        AND (
                            split_part(own.organisation, '.', 1)
                            <> split_part(verdict.message.from_organisation, '.', 1)
                            OR NOT verdict.authenticated
                        )
                )
                THEN 'domain like the own'
            WHEN verdict.plain_name IN (SELECT own_names.plain_name FROM own_names)
                THEN 'name of an own sender'
        END AS look_alike,
        CASE
            WHEN list_has_any(verdict.endings, getvariable('program_files')) THEN getvariable('program_weight')
            WHEN list_has_any(verdict.endings, getvariable('macro_files')) THEN getvariable('macro_weight')
            WHEN list_has_any(verdict.endings, getvariable('html_files')) THEN getvariable('html_weight')
            WHEN list_has_any(verdict.endings, getvariable('archive_files')) THEN getvariable('archive_weight')
            ELSE 0
        END AS file_risk,
        len(list_filter(verdict.message.links, lambda l: regexp_matches(l, getvariable('risky_link'))))
            AS risky_links
    FROM checked AS verdict
),
suspect AS (
    SELECT
        verdict,
        verdict.message AS message,
        unproven,
        look_alike,
        file_risk,
        risky_links,
        CASE look_alike
            WHEN 'own domain from outside' THEN getvariable('own_domain_weight')
            WHEN 'own address as display name' THEN getvariable('address_name_weight')
            WHEN 'domain like the own' THEN getvariable('domain_weight')
            WHEN 'name of an own sender' THEN getvariable('name_weight')
            ELSE 0
        END AS likeness,
        1
        - (1 - unproven)
        * (1 - likeness)
        * (1 - file_risk)
        * CASE WHEN risky_links > 0 THEN 1 - getvariable('link_weight') ELSE 1 END AS weight
    FROM judged
    WHERE
        unproven + likeness > 0
        AND weight >= getvariable('min_confidence')
),
inside AS (
    SELECT
        suspect,
        list_filter(
            suspect.message.to_addresses,
            lambda t: list_contains(
                own_list.organisations,
                regexp_extract(split_part(t, '@', -1), getvariable('organisation_pattern'))
            )
        ) AS recipients
    FROM suspect
    CROSS JOIN own_list
),
delivered AS (
    SELECT
        suspect,
        {'weight': -suspect.weight, 'time': suspect.message.time, 'file_id': suspect.message.file_id,
        'record_no': suspect.message.record_no} AS place,
        unnest(
            CASE WHEN len(recipients) > 0 THEN recipients ELSE suspect.message.to_addresses END
            [:getvariable('max_recipients')]
        ) AS recipient
    FROM inside
),
-- A mail with risky content stands alone; the plain ones of one sender and day are one statement.
collected AS (
    SELECT
        suspect.message.site AS site,
        recipient,
        suspect.message.from_address AS sender,
        min(suspect.message.time) AS first_seen,
        max(suspect.message.time) AS last_seen,
        count(DISTINCT suspect.message.mail) AS mails,
        arg_min(suspect, place) AS worst,
        list(
            {'file_id': suspect.message.file_id, 'record_no': suspect.message.record_no}
            ORDER BY place
        )[:getvariable('max_evidence')] AS evidence
    FROM delivered
    GROUP BY
        suspect.message.site,
        recipient,
        suspect.message.from_address,
        CASE
            WHEN suspect.file_risk > 0 OR suspect.risky_links > 0 OR suspect.look_alike IS NOT NULL
                THEN suspect.message.mail
            ELSE CAST(date_trunc('day', suspect.message.time) AS VARCHAR)
        END
)
SELECT
    site,
    'recipient:' || recipient AS host_id,
    first_seen,
    last_seen,
    CAST(NULL AS VARCHAR) AS object,
    worst.message.message_id AS message_id,
    sender,
    recipient,
    list_filter(list_transform(worst.message.attachments, lambda a: a.name), lambda n: n IS NOT NULL) AS file_names,
    worst.message.attachments[1].sha256 AS sha256,
    worst.message.subject AS subject,
    worst.message.from_name AS from_name,
    worst.message.sender_ip AS sender_ip,
    worst.message.spf AS spf,
    worst.message.dkim AS dkim,
    worst.message.dmarc AS dmarc,
    worst.verdict.earlier_mails AS earlier_mails,
    worst.look_alike AS look_alike,
    worst.risky_links AS risky_links,
    list_concat(
        CASE WHEN worst.file_risk > 0 THEN ['T1566.001'] END,
        CASE WHEN worst.risky_links > 0 THEN ['T1566.002'] END
    ) AS techniques,
    CASE
        WHEN worst.file_risk > 0
            THEN 'attached ' || array_to_string(list_transform(worst.message.attachments, lambda a: a.name), ', ')
        WHEN worst.risky_links > 0 THEN 'risky link'
        ELSE 'nothing risky in it'
    END AS risky_files,
    CASE
        WHEN worst.file_risk > 0
            THEN '添付 ' || array_to_string(list_transform(worst.message.attachments, lambda a: a.name), ', ')
        WHEN worst.risky_links > 0 THEN '危険なリンク'
        ELSE '危険なものなし'
    END AS risky_files_ja,
    concat_ws(
        ', ',
        worst.look_alike,
        CASE
            WHEN worst.unproven = 0 THEN NULL
            WHEN worst.verdict.dmarc_failed THEN 'DMARC failed'
            WHEN worst.verdict.spf_failed THEN 'SPF ' || worst.message.spf
            WHEN worst.message.dkim = 'fail' THEN 'DKIM failed'
            ELSE 'From not aligned'
        END
    ) AS reasons,
    concat_ws(
        '、',
        CASE worst.look_alike
            WHEN 'own domain from outside' THEN '外部から自組織ドメインを詐称'
            WHEN 'own address as display name' THEN '表示名が自組織のアドレス'
            WHEN 'domain like the own' THEN '自組織に似たドメイン'
            WHEN 'name of an own sender' THEN '表示名が自組織の送信者と同じ'
        END,
        CASE
            WHEN worst.unproven = 0 THEN NULL
            WHEN worst.verdict.dmarc_failed THEN 'DMARC 失敗'
            WHEN worst.verdict.spf_failed THEN 'SPF ' || worst.message.spf
            WHEN worst.message.dkim = 'fail' THEN 'DKIM 失敗'
            ELSE 'From の不一致'
        END
    ) AS reasons_ja,
    mails,
    -- Rounded: ranking must not hang on the last bit of a product.
    round(worst.weight * getvariable('confidence_steps')) / getvariable('confidence_steps') AS confidence,
    evidence
FROM collected
ORDER BY first_seen, host_id, message_id
