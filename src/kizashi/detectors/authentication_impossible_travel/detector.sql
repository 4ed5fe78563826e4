-- Neighbouring sign-ins of a person whose places lie farther apart than an airliner flies meanwhile. Networks that
-- several persons use are gateways and no places.
WITH placed AS (
    SELECT
        site,
        time,
        file_id,
        record_no,
        person,
        client_ip,
        country,
        network,
        device_id,
        latitude,
        longitude
    FROM sign_in
    WHERE
        activity = 'logon'
        AND success
        AND latitude IS NOT NULL
        AND longitude IS NOT NULL
),
shared AS (
    SELECT network
    FROM placed
    GROUP BY network
    HAVING count(DISTINCT person) >= getvariable('common_persons')
),
paired AS (
    SELECT
        placed AS later,
        lag(placed) OVER (
            PARTITION BY placed.person
            ORDER BY
                placed.time,
                placed.file_id,
                placed.record_no
        ) AS earlier
    FROM placed
    ANTI JOIN shared ON shared.network = placed.network
),
measured AS (
    SELECT
        earlier,
        later,
        distance_km(earlier.latitude, earlier.longitude, later.latitude, later.longitude) AS km,
        epoch(later.time - earlier.time) / 3600 AS hours
    FROM paired
    WHERE earlier.client_ip <> later.client_ip
),
impossible AS (
    SELECT
        earlier,
        later,
        round(km)::BIGINT AS km,
        round(hours * 60)::BIGINT AS minutes,
        CASE
            WHEN earlier.device_id = later.device_id THEN getvariable('confidence_same_client')
            WHEN earlier.country IS DISTINCT FROM later.country THEN getvariable('confidence_far')
            ELSE getvariable('confidence_near')
        END AS confidence
    FROM measured
    WHERE
        km >= getvariable('min_km')
        AND km > hours * getvariable('max_km_per_hour')
)
SELECT
    coalesce(any_value(later.site), '') AS site,
    'person:' || later.person AS host_id,
    min(earlier.time) AS first_seen,
    max(later.time) AS last_seen,
    later.person AS "user",
    arg_max(concat_ws(' ', earlier.country, earlier.client_ip), km) AS from_place,
    arg_max(concat_ws(' ', later.country, later.client_ip), km) AS to_place,
    max(km) AS km,
    arg_max(minutes, km) AS minutes,
    count(*) AS pairs,
    max(confidence) AS confidence,
    list_slice(
        flatten(
            list(
                [
                    {'file_id': later.file_id, 'record_no': later.record_no},
                    {'file_id': earlier.file_id, 'record_no': earlier.record_no}
                ]
                ORDER BY
                    later.time,
                    later.file_id,
                    later.record_no
            )
        ),
        1,
        getvariable('max_evidence')
    ) AS evidence
FROM impossible
GROUP BY
    later.person,
    later.time::DATE
ORDER BY
    first_seen,
    host_id
