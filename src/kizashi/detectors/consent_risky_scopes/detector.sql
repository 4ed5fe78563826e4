-- Consents and grants whose rights reach mail, files or accounts, and secrets added to applications; weighed by how
-- far they reach and by whether anybody here used the application before.
WITH granted AS (
    SELECT
        given.site,
        given.time,
        given.file_id,
        given.record_no,
        coalesce(person.person, lower(given."user"), 'unknown') AS person,
        given.activity,
        coalesce(given.application, given.application_id, '?') AS application,
        coalesce(given.application_id, given.application, '?') AS application_id,
        coalesce(given.for_everyone, false) AS for_everyone,
        coalesce(given.scopes, []) AS scopes,
        list_filter(
            coalesce(given.scopes, []), lambda s: regexp_matches(s, getvariable('risky_scope'))
        ) AS risky
    FROM consent_activity AS given
    LEFT JOIN person ON person.name = lower(trim(given."user"))
    WHERE coalesce(given.success, true)
),
known AS (
    SELECT
        application_id,
        min(time) AS first_seen,
        count(DISTINCT person) AS persons
    FROM granted
    GROUP BY application_id
),
weighed AS (
    SELECT
        granted,
        known.first_seen >= granted.time AS is_new,
        CASE
            WHEN granted.activity = 'credential_add' THEN getvariable('credential_weight')
            ELSE
                1
                - (1 - getvariable('scope_weight'))
                * CASE
                    WHEN len(
                            list_filter(
                                granted.risky, lambda s: regexp_matches(s, getvariable('sweeping_scope'))
                            )
                        ) > 0
                        THEN 1 - getvariable('sweeping_weight')
                    ELSE 1
                END
                * CASE
                    WHEN len(
                            list_filter(
                                granted.scopes, lambda s: regexp_matches(s, getvariable('lasting_scope'))
                            )
                        ) > 0
                        THEN 1 - getvariable('lasting_weight')
                    ELSE 1
                END
                * CASE WHEN known.first_seen >= granted.time THEN 1 - getvariable('new_weight') ELSE 1 END
                * CASE WHEN granted.for_everyone THEN 1 - getvariable('everyone_weight') ELSE 1 END
        END
        * CASE WHEN known.persons >= getvariable('common_persons') THEN getvariable('common_factor') ELSE 1 END
            AS weight
    FROM granted
    JOIN known ON known.application_id = granted.application_id
    WHERE len(granted.risky) > 0 OR granted.activity = 'credential_add'
),
-- One consent is several records: the consent, a grant a resource, an assignment a right.
collected AS (
    SELECT
        granted.person AS person,
        granted.application AS application,
        any_value(granted.site) AS site,
        min(granted.time) AS first_seen,
        max(granted.time) AS last_seen,
        max(weight) AS weight,
        bool_or(is_new) AS is_new,
        bool_or(granted.for_everyone) AS for_everyone,
        bool_or(granted.activity = 'credential_add') AS adds_secret,
        list_sort(list_distinct(flatten(list(granted.risky)))) AS rights,
        list(
            {'file_id': granted.file_id, 'record_no': granted.record_no}
            ORDER BY
                -weight,
                granted.time,
                granted.file_id,
                granted.record_no
        )[:getvariable('max_evidence')] AS evidence
    FROM weighed
    GROUP BY
        granted.person,
        granted.application,
        granted.time::DATE
)
SELECT
    coalesce(site, '') AS site,
    'person:' || person AS host_id,
    first_seen,
    last_seen,
    person AS "user",
    application,
    application AS object,
    CASE
        WHEN len(rights) > 0 THEN array_to_string(rights, ', ')
        ELSE 'a secret'
    END AS rights,
    list_concat(
        CASE WHEN len(rights) > 0 THEN ['T1528'] END,
        CASE WHEN adds_secret THEN ['T1098.001'] END,
        CASE WHEN for_everyone THEN ['T1098.003'] END
    ) AS techniques,
    concat_ws(
        ', ',
        CASE WHEN adds_secret THEN 'secret added' END,
        CASE WHEN for_everyone THEN 'for all accounts' END,
        CASE WHEN is_new THEN 'application not seen before' ELSE 'application seen before' END
    ) AS reasons,
    concat_ws(
        '、',
        CASE WHEN adds_secret THEN '秘密情報を追加' END,
        CASE WHEN for_everyone THEN '全アカウント対象' END,
        CASE WHEN is_new THEN '初めて見るアプリ' ELSE '既知のアプリ' END
    ) AS reasons_ja,
    round(weight * getvariable('confidence_steps')) / getvariable('confidence_steps') AS confidence,
    evidence
FROM collected
WHERE weight >= getvariable('min_confidence')
ORDER BY
    first_seen,
    host_id,
    application
