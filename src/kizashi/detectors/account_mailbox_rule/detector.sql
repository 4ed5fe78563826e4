-- Inbox rules, mailbox forwards and transport rules that send mail outside, or put it where its owner will not look.
WITH changed AS (
    SELECT
        made.site,
        made.time,
        made.file_id,
        made.record_no,
        made.activity,
        made.operation,
        coalesce(person.person, lower(made."user"), lower(made.actor), 'unknown') AS person,
        coalesce(lower(made.actor), lower(made."user")) AS actor,
        -- Values that are JSON themselves arrive with their quotes escaped.
        replace(made.parameters, '\"', '"') AS parameters
    FROM account_change AS made
    LEFT JOIN person ON person.name = lower(trim(made."user"))
    WHERE
        made.activity IN ('mailbox_rule', 'mailbox_forward')
        AND made.parameters IS NOT NULL
        AND coalesce(made.success, true)
),
-- Whose people sign in here, beside the mailbox's own organisation.
signing AS (
    SELECT
        chosen_label(split_part(person, '@', -1)) AS label,
        count(DISTINCT person) AS persons
    FROM sign_in
    WHERE contains(person, '@')
    GROUP BY label
),
own AS (
    SELECT list(label) AS labels
    FROM signing
    WHERE persons >= getvariable('own_share') * (SELECT sum(signing.persons) FROM signing)
),
read_out AS (
    SELECT
        changed,
        list_concat(
            regexp_extract_all(
                changed.parameters,
                '"Name"\s*:\s*"' || getvariable('forward_names') || '"\s*,\s*"Value"\s*:\s*"([^"]*)"', 1
            ),
            regexp_extract_all(changed.parameters, '(?i)"ActionType"\s*:\s*"(Forward|Redirect)[^}\]]*', 0)
        ) AS forwards,
        regexp_extract(changed.parameters, '"Name"\s*:\s*"Name"\s*,\s*"Value"\s*:\s*"([^"]*)"', 1) AS rule_name,
        contains(changed.parameters, '"Name"') AND regexp_matches(changed.parameters, '"Name"\s*:\s*"Name"')
            AS has_name,
        regexp_extract(
            changed.parameters,
            '"Name"\s*:\s*"(?:MoveToFolder|CopyToFolder)"\s*,\s*"Value"\s*:\s*"([^"]*)"', 1
        ) AS folder,
        regexp_matches(
            changed.parameters,
            '(?i)"Name"\s*:\s*"(DeleteMessage|SoftDeleteMessage)"\s*,\s*"Value"\s*:\s*"True"|"ActionType"\s*:\s*"(Delete|PermanentDelete)"'
        ) AS deletes,
        regexp_matches(
            changed.parameters,
            '(?i)"Name"\s*:\s*"MarkAsRead"\s*,\s*"Value"\s*:\s*"True"|"ActionType"\s*:\s*"MarkAsRead"'
        ) AS marks_read,
        array_to_string(
            regexp_extract_all(
                changed.parameters,
                '"Name"\s*:\s*"[A-Za-z]*ContainsWords"\s*,\s*"Value"\s*:\s*"([^"]*)"', 1
            ),
            ' '
        ) AS condition_words,
        regexp_matches(
            changed.parameters,
            '"Name"\s*:\s*"(From|SentTo|HasAttachment|Subject|Body|Header|RecipientAddress|WithImportance|MyName|ApplyCategory|Received|HeaderMatches|FromMemberOf)[A-Za-z]*"|"ConditionType"'
        ) AS has_condition,
        regexp_extract(
            changed.parameters, '"Name"\s*:\s*"(?:Identity|Mailbox)"\s*,\s*"Value"\s*:\s*"[^"]*@([^"]+)"', 1
        ) AS mailbox_domain
    FROM changed
),
judged AS (
    SELECT
        changed,
        rule_name,
        folder,
        deletes,
        marks_read,
        condition_words,
        has_name AND regexp_matches(rule_name, getvariable('odd_name')) AS is_oddly_named,
        changed.operation ILIKE '%transport%' AS is_for_all,
        NOT has_condition AND changed.activity = 'mailbox_rule' AS takes_all,
        list_distinct(
            list_filter(
                flatten(
                    list_transform(
                        forwards,
                        lambda text: regexp_extract_all(
                            text, '(?i)[a-z0-9._%+&''=-]+@([a-z0-9-]+\.)+[a-z0-9-]+'
                        )
                    )
                ),
                lambda address: NOT list_contains(
                    list_concat(
                        coalesce(own.labels, []),
                        [
                            chosen_label(split_part(changed.person, '@', -1)),
                            chosen_label(split_part(changed.actor, '@', -1)),
                            chosen_label(mailbox_domain)
                        ]
                    ),
                    chosen_label(split_part(address, '@', -1))
                )
            )
        ) AS outside
    FROM read_out
    LEFT JOIN own ON true
),
weighed AS (
    SELECT
        changed,
        rule_name,
        folder,
        outside,
        deletes,
        marks_read,
        is_oddly_named,
        regexp_matches(folder, getvariable('folder')) AS hides,
        regexp_matches(condition_words, getvariable('words')) AS on_words,
        1
        - CASE WHEN len(outside) > 0 THEN 1 - getvariable('forward_weight') ELSE 1 END
        * CASE WHEN len(outside) > 0 AND is_for_all THEN 1 - getvariable('organisation_weight') ELSE 1 END
        * CASE WHEN deletes THEN 1 - getvariable('delete_weight') ELSE 1 END
        * CASE WHEN regexp_matches(folder, getvariable('folder')) THEN 1 - getvariable('folder_weight') ELSE 1 END
        * CASE
            WHEN marks_read AND (deletes OR folder <> '') THEN 1 - getvariable('read_weight')
            ELSE 1
        END
        * CASE
            WHEN
                regexp_matches(condition_words, getvariable('words'))
                AND (deletes OR folder <> '' OR len(outside) > 0)
                THEN 1 - getvariable('word_weight')
            ELSE 1
        END
        * CASE WHEN is_oddly_named THEN 1 - getvariable('name_weight') ELSE 1 END
        * CASE
            WHEN takes_all AND (deletes OR regexp_matches(folder, getvariable('folder')))
                THEN 1 - getvariable('all_weight')
            ELSE 1
        END AS weight
    FROM judged
)
SELECT
    coalesce(changed.site, '') AS site,
    'person:' || changed.person AS host_id,
    min(changed.time) AS first_seen,
    max(changed.time) AS last_seen,
    changed.person AS "user",
    arg_max(changed.actor, weight) AS actor,
    arg_max(changed.operation, weight) AS operation,
    arg_max(rule_name, weight) AS rule,
    arg_max(outside, weight) AS outside,
    list_concat(
        CASE WHEN bool_or(len(outside) > 0) THEN ['T1114.003'] END,
        CASE WHEN bool_or(deletes OR hides) THEN ['T1564.008'] END
    ) AS techniques,
    arg_max(
        concat_ws(
            ', ',
            CASE WHEN len(outside) > 0 THEN 'forwards to ' || array_to_string(outside, ', ') END,
            CASE WHEN deletes THEN 'deletes' END,
            CASE WHEN hides THEN 'moves to ' || folder END,
            CASE WHEN marks_read THEN 'marks as read' END,
            CASE WHEN on_words THEN 'on money or warnings' END,
            CASE WHEN is_oddly_named THEN 'named "' || rule_name || '"' END
        ),
        weight
    ) AS reasons,
    arg_max(
        concat_ws(
            '、',
            CASE WHEN len(outside) > 0 THEN array_to_string(outside, ', ') || ' へ転送' END,
            CASE WHEN deletes THEN '削除' END,
            CASE WHEN hides THEN folder || ' へ移動' END,
            CASE WHEN marks_read THEN '既読化' END,
            CASE WHEN on_words THEN '金銭や警告の語が条件' END,
            CASE WHEN is_oddly_named THEN '名前「' || rule_name || '」' END
        ),
        weight
    ) AS reasons_ja,
    count(*) AS changes,
    round(max(weight) * getvariable('confidence_steps')) / getvariable('confidence_steps') AS confidence,
    list(
        {'file_id': changed.file_id, 'record_no': changed.record_no}
        ORDER BY
            -weight,
            changed.time,
            changed.file_id,
            changed.record_no
    )[:getvariable('max_evidence')] AS evidence
FROM weighed
WHERE weight >= getvariable('min_confidence')
GROUP BY
    coalesce(changed.site, ''),
    changed.person,
    changed.time::DATE
ORDER BY
    first_seen,
    host_id
