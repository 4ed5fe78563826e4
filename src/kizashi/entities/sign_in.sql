-- sign_in(site, time, file_id, record_no, person, user, activity, success, status, client_ip, network,
--         country, latitude, longitude, device_id, client, user_agent, session_id, application,
--         application_id, target_server, protocol, mfa, risk, risk_state, anonymous, behaviours)
-- What accounts did at a cloud service or a gateway to the inside: sign-ins, second factors, tokens.
-- `network` is the number of the client's network, else the first half of its address; `client` its
-- browser and system without versions. Windows logons inside are left out: they have no place.
-- Reads authentication and person.
SELECT
    signed.site,
    signed.time,
    signed.file_id,
    signed.record_no,
    coalesce(person.person, lower(signed."user")) AS person,
    signed."user",
    signed.activity,
    coalesce(signed.success, false) AS success,
    signed.status,
    signed.client_ip,
    coalesce(
        'AS' || signed.asn,
        CASE
            WHEN is_public_address(signed.client_ip)
                THEN regexp_extract(signed.client_ip, '^(\d+\.\d+|[0-9a-f]*:[0-9a-f]*)', 1)
        END
    ) AS network,
    upper(signed.country) AS country,
    signed.latitude,
    signed.longitude,
    signed.device_id,
    client_of(signed.user_agent) AS client,
    signed.user_agent,
    signed.session_id,
    signed.application,
    lower(signed.application_id) AS application_id,
    signed.target_server,
    signed.protocol,
    signed.mfa,
    lower(signed.risk) AS risk,
    lower(signed.risk_state) AS risk_state,
    coalesce(signed.anonymous, false) AS anonymous,
    signed.behaviours
FROM authentication AS signed
LEFT JOIN person ON person.name = lower(trim(signed."user"))
WHERE
    signed."user" IS NOT NULL
    AND signed.logon_type IS NULL
    AND (signed.vantage = 'cloud' OR signed.country IS NOT NULL OR is_public_address(signed.client_ip))
