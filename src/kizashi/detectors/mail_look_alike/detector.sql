-- Mails of a newly seen domain or address that looks like a correspondent who has written for a while, or like the own
-- organisation: by letters that the eye takes for others, one letter more or less, a word added, another suffix, the
-- same display name, or answers that go elsewhere.
WITH received AS (
    SELECT
        site,
        time,
        file_id,
        record_no,
        coalesce(message_id, concat_ws('/', file_id, record_no)) AS mail,
        message_id,
        from_address,
        from_name,
        reply_to,
        to_addresses,
        list_filter(list_transform(attachments, lambda a: a.name), lambda n: n IS NOT NULL) AS file_names,
        len(links) AS links,
        lower(coalesce(dmarc, '')) IN ('pass', 'bestguesspass') AS is_proven,
        lower(coalesce(dmarc, spf, dkim, '')) <> '' AS is_checked,
        CASE WHEN json_valid(unmapped) THEN json_extract_string(unmapped, '$.list_id') END IS NOT NULL AS from_list,
        CASE WHEN json_valid(unmapped) THEN json_extract_string(unmapped, '$.from_unicode') END AS shown_domain,
        regexp_extract(split_part(from_address, '@', -1), getvariable('organisation_pattern')) AS organisation,
        regexp_extract(split_part(reply_to, '@', -1), getvariable('organisation_pattern')) AS reply_organisation
    FROM message
    WHERE contains(from_address, '@') AND len(to_addresses) > 0
),
written AS (
    SELECT
        organisation,
        chosen_label(organisation) AS label,
        skeleton(chosen_label(coalesce(any_value(shown_domain), organisation))) AS look,
        min(time) AS first_seen,
        count(DISTINCT mail) FILTER (is_proven OR NOT is_checked) AS mails,
        date_diff('hour', min(time), max(time)) AS hours
    FROM received
    WHERE organisation <> ''
    GROUP BY organisation
),
addressed AS (
    SELECT
        regexp_extract(split_part(unnest(to_addresses), '@', -1), getvariable('organisation_pattern')) AS organisation,
        mail
    FROM received
),
own AS (
    SELECT organisation
    FROM addressed
    WHERE organisation <> ''
    GROUP BY organisation
    HAVING count(DISTINCT mail) >= own_share() * (SELECT count(*) FROM received)
),
known AS (
    SELECT
        organisation,
        label,
        look,
        first_seen
    FROM written
    WHERE mails >= getvariable('known_mails') AND hours >= getvariable('known_hours')
    UNION
    SELECT
        organisation,
        chosen_label(organisation),
        skeleton(chosen_label(organisation)),
        TIMESTAMP '-infinity'
    FROM own
),
-- A domain with the look of a known one that was there before it.
domain_like AS (
    SELECT
        fresh.organisation,
        arg_max(known.organisation, kind.weight) AS model,
        arg_max(kind.reason, kind.weight) AS reason,
        max(kind.weight) AS weight
    FROM written AS fresh
    JOIN known
        ON known.organisation <> fresh.organisation
        AND known.first_seen < fresh.first_seen
        AND length(known.label) >= getvariable('min_label')
        -- Cheap tests first: most pairs have nothing in common.
        AND (
            known.look = fresh.look
            OR contains(fresh.label, known.label)
            OR (
                abs(length(known.look) - length(fresh.look)) <= 1
                AND (left(known.look, 1) = left(fresh.look, 1) OR right(known.look, 1) = right(fresh.look, 1))
            )
        )
    CROSS JOIN LATERAL (
        SELECT
            CASE
                WHEN known.look = fresh.look AND known.label <> fresh.label THEN 'looks the same as'
                WHEN known.label = fresh.label THEN 'under another suffix than'
                WHEN
                    length(known.label) >= getvariable('distance_label')
                    AND levenshtein(known.look, fresh.look) = 1
                    THEN 'one letter off'
                WHEN
                    regexp_matches(replace(fresh.label, known.label || '-', ''), getvariable('added_words'))
                    AND starts_with(fresh.label, known.label || '-')
                    THEN 'a word added to'
                WHEN
                    ends_with(fresh.label, '-' || known.label)
                    AND regexp_matches(
                        replace(fresh.label, '-' || known.label, ''), getvariable('added_words')
                    )
                    THEN 'a word added to'
            END AS reason,
            CASE reason
                WHEN 'looks the same as' THEN getvariable('same_look_weight')
                WHEN 'one letter off' THEN getvariable('near_weight')
                WHEN 'a word added to' THEN getvariable('added_weight')
                WHEN 'under another suffix than' THEN getvariable('suffix_weight')
            END AS weight
    ) AS kind
    WHERE kind.reason IS NOT NULL AND fresh.organisation NOT IN (SELECT organisation FROM own)
    GROUP BY fresh.organisation
),
-- Who has written under a display name for a while, from where.
signed AS (
    SELECT
        regexp_replace(skeleton(from_name), '[\s"''.,　・]', '', 'g') AS look,
        regexp_replace(lower(from_name), '[\s"''.,　・]', '', 'g') AS name,
        organisation,
        min(time) AS first_seen
    FROM received
    WHERE from_name IS NOT NULL AND NOT from_list AND NOT contains(from_name, '@')
    GROUP BY ALL
    HAVING
        count(DISTINCT mail) >= getvariable('known_mails')
        AND date_diff('hour', min(time), max(time)) >= getvariable('known_hours')
        AND length(name) >= getvariable('min_name')
),
judged AS (
    SELECT
        received AS message,
        written.first_seen AS domain_first,
        min(received.time) OVER (PARTITION BY received.from_address) AS address_first,
        domain_like.model,
        domain_like.reason AS domain_reason,
        domain_like.weight AS domain_weight,
        reply_like.model AS reply_model,
        reply_like.weight AS reply_weight,
        regexp_replace(skeleton(received.from_name), '[\s"''.,　・]', '', 'g') AS name_look,
        regexp_replace(lower(received.from_name), '[\s"''.,　・]', '', 'g') AS name
    FROM received
    JOIN written ON written.organisation = received.organisation
    LEFT JOIN domain_like ON domain_like.organisation = received.organisation
    LEFT JOIN domain_like AS reply_like ON reply_like.organisation = received.reply_organisation
    WHERE NOT received.from_list
),
borrowed AS (
    SELECT
        judged.message.mail AS mail,
        bool_or(signed.name <> judged.name) AS only_looks,
        any_value(signed.organisation ORDER BY signed.organisation) AS model
    FROM judged
    JOIN signed
        ON signed.look = judged.name_look
        AND signed.organisation <> judged.message.organisation
        AND signed.first_seen < judged.address_first
    WHERE judged.message.organisation NOT IN (SELECT organisation FROM own)
    GROUP BY judged.message.mail
),
weighed AS (
    SELECT
        judged.message AS message,
        domain_reason,
        judged.model AS model,
        reply_model,
        borrowed.model AS name_model,
        borrowed.only_looks AS only_looks,
        judged.message.time - address_first < to_hours(getvariable('new_hours')) AS is_new,
        judged.message.reply_organisation <> ''
        AND judged.message.reply_organisation <> judged.message.organisation AS answers_elsewhere,
        1
        - (1 - coalesce(domain_weight, 0))
        * CASE
            WHEN borrowed.only_looks THEN 1 - getvariable('name_look_weight')
            WHEN borrowed.mail IS NOT NULL THEN 1 - getvariable('name_weight')
            ELSE 1
        END
        * CASE
            WHEN reply_model IS NOT NULL THEN 1 - getvariable('reply_look_weight')
            WHEN answers_elsewhere THEN 1 - getvariable('reply_weight')
            ELSE 1
        END
        * CASE WHEN judged.message.time = address_first THEN 1 - getvariable('first_weight') ELSE 1 END
        * CASE
            WHEN judged.message.is_checked AND NOT judged.message.is_proven THEN 1 - getvariable('unproven_weight')
            ELSE 1
        END AS weight
    FROM judged
    LEFT JOIN borrowed ON borrowed.mail = judged.message.mail
    WHERE domain_weight IS NOT NULL OR borrowed.mail IS NOT NULL OR reply_model IS NOT NULL
),
own_list AS (
    SELECT coalesce(list(organisation), []) AS organisations
    FROM own
),
inside AS (
    SELECT
        weighed,
        list_filter(
            message.to_addresses,
            lambda t: list_contains(
                own_list.organisations,
                regexp_extract(split_part(t, '@', -1), getvariable('organisation_pattern'))
            )
        ) AS recipients
    FROM weighed
    CROSS JOIN own_list
    WHERE is_new AND weight >= getvariable('min_confidence')
),
delivered AS (
    SELECT
        weighed,
        {'weight': -weighed.weight, 'time': weighed.message.time, 'file_id': weighed.message.file_id,
        'record_no': weighed.message.record_no} AS place,
        unnest(
            CASE WHEN len(recipients) > 0 THEN recipients ELSE weighed.message.to_addresses END
            [:getvariable('max_recipients')]
        ) AS recipient
    FROM inside
),
collected AS (
    SELECT
        weighed.message.from_address AS sender,
        recipient,
        min(weighed.message.time) AS first_seen,
        max(weighed.message.time) AS last_seen,
        count(DISTINCT weighed.message.mail) AS mails,
        arg_min(weighed, place) AS worst,
        list(
            {'file_id': weighed.message.file_id, 'record_no': weighed.message.record_no}
            ORDER BY place
        )[:getvariable('max_evidence')] AS evidence
    FROM delivered
    GROUP BY
        weighed.message.from_address,
        recipient,
        weighed.message.time::DATE
)
SELECT
    coalesce(worst.message.site, '') AS site,
    'recipient:' || recipient AS host_id,
    first_seen,
    last_seen,
    worst.message.message_id AS message_id,
    sender,
    recipient,
    worst.message.file_names AS file_names,
    worst.message.from_name AS from_name,
    worst.message.reply_to AS reply_to,
    coalesce(worst.model, worst.reply_model, worst.name_model) AS model,
    mails,
    list_concat(
        CASE WHEN len(worst.message.file_names) > 0 THEN ['T1566.001'] END,
        CASE WHEN worst.message.links > 0 THEN ['T1566.002'] END,
        ['T1656']
    ) AS techniques,
    concat_ws(
        ', ',
        'domain ' || worst.domain_reason || ' ' || worst.model,
        CASE
            WHEN worst.only_looks THEN 'display name that only looks like one of ' || worst.name_model
            ELSE 'display name of ' || worst.name_model
        END,
        'answers go to a look-alike of ' || worst.reply_model,
        CASE
            WHEN worst.reply_model IS NULL AND worst.answers_elsewhere
                THEN 'answers go to ' || worst.message.reply_organisation
        END,
        CASE WHEN worst.message.is_checked AND NOT worst.message.is_proven THEN 'sender not proven' END
    ) AS reasons,
    concat_ws(
        '、',
        worst.model || CASE worst.domain_reason
            WHEN 'looks the same as' THEN ' と見分けがつかないドメイン'
            WHEN 'one letter off' THEN ' と 1 文字違いのドメイン'
            WHEN 'a word added to' THEN ' に語を足したドメイン'
            ELSE ' と別の TLD のドメイン'
        END,
        worst.name_model || CASE WHEN worst.only_looks THEN ' の人に似せた表示名' ELSE ' の人の表示名' END,
        '返信先が ' || worst.reply_model || ' の類似ドメイン',
        CASE
            WHEN worst.reply_model IS NULL AND worst.answers_elsewhere
                THEN '返信先が ' || worst.message.reply_organisation
        END,
        CASE WHEN worst.message.is_checked AND NOT worst.message.is_proven THEN '差出人未証明' END
    ) AS reasons_ja,
    round(worst.weight * getvariable('confidence_steps')) / getvariable('confidence_steps') AS confidence,
    evidence
FROM collected
ORDER BY
    first_seen,
    host_id,
    sender
