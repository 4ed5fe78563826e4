-- Sign-ins from a country, network, device or client that the person never used before, weighed by how many of
-- these are new at once and how strange they are here; what the service itself calls new counts alike. Failed
-- sign-ins make nothing familiar, and are told only where they come from an anonymiser.
WITH came AS (
    SELECT
        site,
        time,
        file_id,
        record_no,
        person,
        "user",
        client_ip,
        country,
        network,
        device_id,
        client,
        target_server,
        application,
        anonymous,
        activity = 'logon' AND success AS entered,
        CASE
            WHEN behaviours IS NOT NULL THEN regexp_extract_all(behaviours, getvariable('said_new'), 1)
            ELSE []
        END AS said_new
    FROM sign_in
    WHERE
        (activity = 'logon' AND success)
        OR (activity = 'policy' AND behaviours IS NOT NULL)
        OR (activity IN ('logon', 'prompt') AND anonymous)
),
place AS (
    SELECT
        'country' AS kind,
        country AS value,
        count(DISTINCT person) AS persons
    FROM came
    WHERE country IS NOT NULL AND entered
    GROUP BY country
    UNION ALL
    SELECT
        'network' AS kind,
        network AS value,
        count(DISTINCT person) AS persons
    FROM came
    WHERE network IS NOT NULL AND entered
    GROUP BY network
),
everybody AS (
    SELECT count(DISTINCT person) AS persons
    FROM came
),
traced AS (
    SELECT
        came,
        dense_rank() OVER (
            PARTITION BY came.person
            ORDER BY came.time::DATE
        ) AS day_no,
        dense_rank() OVER (
            PARTITION BY
                came.person,
                came.anonymous
            ORDER BY came.time::DATE
        ) AS veiled_day_no,
        min(came.time) FILTER (came.entered) OVER (
            PARTITION BY
                came.person,
                came.country
        ) AS country_first,
        min(came.time) FILTER (came.entered AND came.country IS NOT NULL) OVER (PARTITION BY came.person) AS any_country_first,
        min(came.time) FILTER (came.entered) OVER (
            PARTITION BY
                came.person,
                came.network
        ) AS network_first,
        min(came.time) FILTER (came.entered AND came.network IS NOT NULL) OVER (PARTITION BY came.person) AS any_network_first,
        min(came.time) FILTER (came.entered) OVER (
            PARTITION BY
                came.person,
                came.device_id
        ) AS device_first,
        min(came.time) FILTER (came.entered AND came.device_id IS NOT NULL) OVER (PARTITION BY came.person) AS any_device_first,
        min(came.time) FILTER (came.entered) OVER (
            PARTITION BY
                came.person,
                came.client
        ) AS client_first,
        min(came.time) FILTER (came.entered AND came.client IS NOT NULL) OVER (PARTITION BY came.person) AS any_client_first
    FROM came
),
compared AS (
    SELECT
        traced.came,
        day_no > getvariable('min_days') AND came.entered AS is_known,
        came.anonymous AND veiled_day_no <= getvariable('min_days') AS new_veil,
        came.country IS NOT NULL AND country_first = came.time AND any_country_first < came.time AS own_new_country,
        came.network IS NOT NULL AND network_first = came.time AND any_network_first < came.time AS own_new_network,
        came.device_id IS NOT NULL AND device_first = came.time AND any_device_first < came.time AS own_new_device,
        came.client IS NOT NULL AND client_first = came.time AND any_client_first < came.time AS own_new_client,
        coalesce(there.persons, 0) AS persons_there,
        coalesce(beside.persons, 0) AS persons_beside,
        everybody.persons AS persons
    FROM traced
    CROSS JOIN everybody
    LEFT JOIN place AS there ON there.kind = 'country' AND there.value = came.country
    LEFT JOIN place AS beside ON beside.kind = 'network' AND beside.value = came.network
),
judged AS (
    SELECT
        came,
        (is_known AND own_new_country) OR len(list_filter(came.said_new, lambda s: lower(s) = 'new country')) > 0
            AS new_country,
        (
            is_known AND own_new_network AND persons_beside < getvariable('common_persons')
        )
        OR len(list_filter(came.said_new, lambda s: lower(s) = 'new ip')) > 0 AS new_network,
        (is_known AND own_new_device) OR len(list_filter(came.said_new, lambda s: lower(s) = 'new device')) > 0
            AS new_device,
        is_known AND own_new_client AS new_client,
        len(list_filter(came.said_new, lambda s: lower(s) = 'velocity')) > 0 AS too_fast,
        new_veil,
        CASE
            WHEN persons_there <= 1 AND persons > 1 THEN getvariable('foreign_weight')
            WHEN persons_there > 1 AND persons_there >= getvariable('familiar_share') * persons
                THEN getvariable('familiar_weight')
            ELSE getvariable('country_weight')
        END AS country_weight
    FROM compared
),
weighed AS (
    SELECT
        came,
        new_country,
        new_network,
        new_device,
        new_client,
        too_fast,
        new_veil,
        1
        - greatest(
            1 - getvariable('most_of_a_trip'),
            CASE WHEN new_country THEN 1 - country_weight ELSE 1 END
            * CASE WHEN new_network THEN 1 - getvariable('network_weight') ELSE 1 END
            * CASE WHEN new_device THEN 1 - getvariable('device_weight') ELSE 1 END
            * CASE WHEN new_client THEN 1 - getvariable('client_weight') ELSE 1 END
        )
        * CASE WHEN too_fast THEN 1 - getvariable('country_weight') ELSE 1 END
        * CASE WHEN new_veil THEN 1 - getvariable('anonymous_weight') ELSE 1 END
        * CASE
            WHEN regexp_matches(coalesce(came.target_server, came.application, ''), getvariable('console'))
                THEN 1 - getvariable('console_weight')
            ELSE 1
        END AS weight
    FROM judged
    WHERE
        new_country
        OR new_network
        OR new_device
        OR new_client
        OR too_fast
        OR new_veil
),
-- A new place brings a burst of sign-ins: a person's day is one statement, told by its strangest.
collected AS (
    SELECT
        came.person AS person,
        min(came.time) AS first_seen,
        max(came.time) AS last_seen,
        count(*) AS sign_ins,
        max(weight) AS weight,
        arg_min(weighed, {'weight': -weight, 'time': came.time, 'file_id': came.file_id, 'record_no': came.record_no})
            AS worst,
        list(
            {'file_id': came.file_id, 'record_no': came.record_no}
            ORDER BY
                -weight,
                came.time,
                came.file_id,
                came.record_no
        )[:getvariable('max_evidence')] AS evidence
    FROM weighed
    GROUP BY
        came.person,
        came.time::DATE
)
SELECT
    coalesce(worst.came.site, '') AS site,
    'person:' || person AS host_id,
    first_seen,
    last_seen,
    person AS "user",
    worst.came.client_ip AS client_ip,
    worst.came.country AS country,
    worst.came.network AS network,
    concat_ws(', ', worst.came.country, worst.came.network) AS place,
    concat_ws(
        ', ',
        CASE WHEN worst.new_country THEN 'country' END,
        CASE WHEN worst.new_network THEN 'network' END,
        CASE WHEN worst.new_device THEN 'device' END,
        CASE WHEN worst.new_client THEN 'client ' || worst.came.client END,
        CASE WHEN worst.too_fast THEN 'faster than travel' END,
        CASE WHEN worst.new_veil THEN 'address of an anonymiser' END
    ) AS reasons,
    concat_ws(
        '、',
        CASE WHEN worst.new_country THEN '国' END,
        CASE WHEN worst.new_network THEN 'ネットワーク' END,
        CASE WHEN worst.new_device THEN '端末' END,
        CASE WHEN worst.new_client THEN 'クライアント ' || worst.came.client END,
        CASE WHEN worst.too_fast THEN '移動より速い' END,
        CASE WHEN worst.new_veil THEN '匿名化サービスのアドレス' END
    ) AS reasons_ja,
    coalesce(worst.came.target_server, worst.came.application) AS service,
    sign_ins,
    round(weight * getvariable('confidence_steps')) / getvariable('confidence_steps') AS confidence,
    evidence
FROM collected
WHERE weight >= getvariable('min_confidence')
ORDER BY
    first_seen,
    host_id
