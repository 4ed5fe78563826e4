-- What the identity service calls risky: its level at the sign-in unless settled since, and its own findings. One row
-- a person and day; findings without a person are told by their address.
WITH said AS (
    SELECT
        site,
        time,
        file_id,
        record_no,
        person,
        client_ip,
        risk AS level,
        NULL AS finding,
        CASE
            WHEN risk = 'high' THEN getvariable('high_confidence')
            ELSE getvariable('medium_confidence')
        END AS confidence
    FROM sign_in
    WHERE
        list_contains(getvariable('risk_levels'), risk)
        AND NOT list_contains(getvariable('settled_states'), coalesce(risk_state, ''))
    UNION ALL
    SELECT
        alert.site,
        alert.time,
        alert.file_id,
        alert.record_no,
        CASE
            WHEN NOT list_contains(getvariable('unknown_users'), lower(coalesce(alert."user", '')))
                THEN coalesce(person.person, lower(alert."user"))
        END AS person,
        alert.client_ip,
        NULL AS level,
        coalesce(alert.title, alert.rule) AS finding,
        getvariable('threat_confidence') AS confidence
    FROM alert
    LEFT JOIN person ON person.name = lower(trim(alert."user"))
    WHERE
        regexp_matches(alert.product, getvariable('identity_products'))
        AND regexp_matches(concat_ws(' ', alert.rule, alert.title), getvariable('threat_rules'))
),
named AS (
    SELECT
        said,
        CASE WHEN said.person IS NULL THEN coalesce(said.client_ip, 'unknown') END AS address,
        {'confidence': -said.confidence, 'time': said.time, 'file_id': said.file_id, 'record_no': said.record_no}
            AS place
    FROM said
)
SELECT
    coalesce(any_value(said.site), '') AS site,
    coalesce('person:' || said.person, any_value(said.site) || '/' || address, '/' || address) AS host_id,
    min(said.time) AS first_seen,
    max(said.time) AS last_seen,
    said.person AS "user",
    arg_min(said.client_ip, place) AS client_ip,
    concat_ws(
        ', ',
        'risk ' || arg_min(said.level, place) FILTER (said.level IS NOT NULL),
        min(said.finding)
    ) AS verdict,
    concat_ws(
        '、',
        'リスク ' || arg_min(said.level, place) FILTER (said.level IS NOT NULL),
        min(said.finding)
    ) AS verdict_ja,
    count(*) AS records,
    max(said.confidence) AS confidence,
    list({'file_id': said.file_id, 'record_no': said.record_no} ORDER BY place)[:getvariable('max_evidence')]
        AS evidence
FROM named
GROUP BY
    said.person,
    address,
    said.time::DATE
ORDER BY
    first_seen,
    host_id
