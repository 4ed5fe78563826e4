-- Sign-ins by device code, by clients whose tokens open other services, by password from a program, by a script's
-- library; tokens used twice; and sessions that live on two networks at once. A way that the person has used on
-- several days is theirs and weighs less.
WITH entered AS (
    SELECT
        site,
        time,
        file_id,
        record_no,
        person,
        client_ip,
        network,
        client,
        session_id,
        success,
        coalesce(lower(protocol) IN ('devicecode', 'device_code', 'urn:ietf:params:oauth:grant-type:device_code'), false)
            AS by_code,
        coalesce(list_contains(getvariable('broker_clients'), application_id), false) AS by_broker,
        coalesce(regexp_matches(target_server, getvariable('powerful_services')), false) AS for_all,
        coalesce(lower(protocol) = 'ropc' OR lower(client) = 'bav2ropc', false) AS by_password,
        coalesce(contains(person, '@') AND regexp_matches(client, getvariable('script_clients')), false) AS by_script,
        coalesce(lower(protocol) = 'token reuse', false) AS is_reused,
        coalesce(mfa = 'phishing', false) AS was_phished
    FROM sign_in
    WHERE activity IN ('logon', 'ticket', 'prompt')
),
gateway AS (
    SELECT network
    FROM entered
    GROUP BY network
    HAVING count(DISTINCT person) >= getvariable('common_persons')
),
session AS (
    SELECT
        person,
        session_id,
        count(DISTINCT client) > 1 AS by_two_clients
    FROM entered
    ANTI JOIN gateway ON gateway.network = entered.network
    WHERE success AND session_id IS NOT NULL AND network IS NOT NULL
    GROUP BY
        person,
        session_id
    HAVING
        count(DISTINCT network) > 1
        AND max(time) - min(time) <= to_hours(getvariable('session_hours'))
),
marked AS (
    SELECT
        entered,
        session.session_id IS NOT NULL AS on_two_networks,
        coalesce(session.by_two_clients, false) AS by_two_clients,
        concat_ws(
            ' ',
            CASE WHEN entered.by_code THEN 'code' END,
            CASE WHEN entered.by_broker THEN 'broker' END,
            CASE WHEN entered.by_password THEN 'password' END,
            CASE WHEN entered.by_script THEN 'script' END
        ) AS way
    FROM entered
    LEFT JOIN session
        ON session.person = entered.person
        AND session.session_id = entered.session_id
        AND entered.success
    WHERE
        entered.is_reused
        OR entered.was_phished
        OR session.session_id IS NOT NULL
        OR (
            entered.success
            AND (entered.by_code OR entered.by_broker OR entered.by_password OR entered.by_script)
        )
),
habitual AS (
    SELECT
        entered,
        on_two_networks,
        by_two_clients,
        way,
        dense_rank() OVER (
            PARTITION BY
                entered.person,
                way
            ORDER BY entered.time::DATE
        ) > getvariable('habit_days')
        AND way <> '' AS is_habit
    FROM marked
),
weighed AS (
    SELECT
        entered,
        on_two_networks,
        is_habit,
        1
        - (
            1
            - (
                1
                - CASE WHEN entered.by_code THEN 1 - getvariable('device_code_weight') ELSE 1 END
                * CASE WHEN entered.by_broker THEN 1 - getvariable('broker_weight') ELSE 1 END
                * CASE
                    WHEN (entered.by_code OR entered.by_broker) AND entered.for_all
                        THEN 1 - getvariable('powerful_weight')
                    ELSE 1
                END
                * CASE WHEN entered.by_password THEN 1 - getvariable('password_weight') ELSE 1 END
                * CASE WHEN entered.by_script THEN 1 - getvariable('script_weight') ELSE 1 END
            )
            * CASE WHEN is_habit THEN getvariable('habit_factor') ELSE 1 END
        )
        * CASE WHEN entered.is_reused THEN 1 - getvariable('reuse_weight') ELSE 1 END
        * CASE WHEN entered.was_phished THEN 1 - getvariable('phishing_weight') ELSE 1 END
        * CASE WHEN on_two_networks THEN 1 - getvariable('session_weight') ELSE 1 END
        * CASE WHEN by_two_clients THEN 1 - getvariable('session_client_weight') ELSE 1 END AS weight
    FROM habitual
),
collected AS (
    SELECT
        entered.person AS person,
        any_value(entered.site) AS site,
        min(entered.time) AS first_seen,
        max(entered.time) AS last_seen,
        count(*) AS records,
        max(weight) AS weight,
        bool_or(entered.by_code) AS by_code,
        bool_or(entered.by_broker) AS by_broker,
        bool_or(entered.by_password) AS by_password,
        max(entered.client) FILTER (entered.by_script) AS script,
        bool_or(entered.is_reused) AS is_reused,
        bool_or(entered.was_phished) AS was_phished,
        bool_or(on_two_networks) AS on_two_networks,
        arg_max(entered.client_ip, weight) AS client_ip,
        list(
            {'file_id': entered.file_id, 'record_no': entered.record_no}
            ORDER BY
                -weight,
                entered.time,
                entered.file_id,
                entered.record_no
        )[:getvariable('max_evidence')] AS evidence
    FROM weighed
    GROUP BY
        entered.person,
        entered.time::DATE
)
SELECT
    coalesce(site, '') AS site,
    'person:' || person AS host_id,
    first_seen,
    last_seen,
    person AS "user",
    client_ip,
    list_concat(
        CASE WHEN by_code OR by_broker OR was_phished THEN ['T1528'] END,
        CASE WHEN is_reused OR on_two_networks THEN ['T1550.001'] END,
        CASE WHEN by_password OR script IS NOT NULL THEN ['T1078.004'] END
    ) AS techniques,
    concat_ws(
        ', ',
        CASE WHEN was_phished THEN 'the authenticator refused a phishing page' END,
        CASE WHEN is_reused THEN 'a token was used twice' END,
        CASE WHEN by_code THEN 'by device code' END,
        CASE WHEN by_broker THEN 'client whose tokens open other services' END,
        CASE WHEN by_password THEN 'password sent by a program' END,
        'by the library ' || script,
        CASE WHEN on_two_networks THEN 'one session on two networks' END
    ) AS reasons,
    concat_ws(
        '、',
        CASE WHEN was_phished THEN '認証アプリがフィッシングを拒否' END,
        CASE WHEN is_reused THEN 'トークンの再使用' END,
        CASE WHEN by_code THEN 'デバイスコード' END,
        CASE WHEN by_broker THEN '他サービスへも通じるクライアント' END,
        CASE WHEN by_password THEN 'プログラムがパスワードを送信' END,
        'ライブラリ ' || script,
        CASE WHEN on_two_networks THEN '1つのセッションが2つのネットワークに存在' END
    ) AS reasons_ja,
    records,
    round(weight * getvariable('confidence_steps')) / getvariable('confidence_steps') AS confidence,
    evidence
FROM collected
WHERE weight >= getvariable('min_confidence')
ORDER BY
    first_seen,
    host_id
