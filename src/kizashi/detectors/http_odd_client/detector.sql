-- User agents of few hosts that go to few places, against what else the host calls itself. Behind an
-- intercepting proxy the agent is still the client's; a proxy's own requests carry its own host.
WITH asked AS (
    SELECT
        site,
        host_id,
        time,
        host,
        coalesce(host, server_ip) AS destination,
        server_ip,
        coalesce(user_agent, '') AS user_agent,
        image,
        process_guid,
        "user",
        {'file_id': file_id, 'record_no': record_no} AS evidence
    FROM http_activity
    WHERE
        coalesce(method, '') <> 'CONNECT'
        AND NOT coalesce(regexp_matches(host, getvariable('system_hosts')), FALSE)
),
agent AS (
    SELECT
        user_agent,
        count(DISTINCT host_id) AS agent_hosts,
        count(DISTINCT destination) AS destinations
    FROM asked
    GROUP BY user_agent
    HAVING
        count(DISTINCT host_id) <= getvariable('few_hosts')
        AND count(DISTINCT destination) <= getvariable('few_destinations')
),
fleet AS (
    SELECT count(DISTINCT host_id) AS hosts
    FROM asked
),
-- The operating system that the host's browsers name most often.
system AS (
    SELECT
        host_id,
        mode(regexp_extract(user_agent, 'Windows NT [0-9.]+|Mac OS X|Linux|Android|iPhone')) AS named
    FROM asked
    WHERE regexp_matches(user_agent, getvariable('browser'))
    GROUP BY host_id
),
judged AS (
    SELECT
        asked.site,
        asked.host_id,
        asked.time,
        asked.destination,
        asked.server_ip,
        asked.user_agent,
        asked.image,
        asked.process_guid,
        asked."user",
        asked.evidence,
        agent.agent_hosts,
        fleet.hosts,
        CASE
            WHEN asked.user_agent = '' THEN 'none'
            WHEN
                regexp_matches(asked.user_agent, getvariable('browser'))
                AND (
                    (
                        regexp_matches(asked.user_agent, getvariable('impossible'))
                        AND NOT contains(asked.user_agent, getvariable('in_disguise'))
                    )
                    OR (
                        coalesce(system.named, '') <> ''
                        AND regexp_matches(asked.user_agent, 'Windows NT|Mac OS X|Linux|Android|iPhone')
                        AND NOT contains(asked.user_agent, system.named)
                    )
                )
                THEN 'alien'
            WHEN regexp_matches(asked.user_agent, getvariable('scripted')) THEN 'scripted'
        END AS kind
    FROM asked
    JOIN agent USING (user_agent)
    LEFT JOIN system USING (host_id)
    CROSS JOIN fleet
    WHERE fleet.hosts >= getvariable('min_fleet')
)
SELECT
    site,
    host_id,
    min(time) AS first_seen,
    max(time) AS last_seen,
    mode(destination) AS destination,
    mode(server_ip) AS server_ip,
    any_value(image) AS image,
    CASE WHEN count(DISTINCT process_guid) = 1 THEN max(process_guid) END AS process_guid,
    any_value("user" ORDER BY time) AS "user",
    coalesce(nullif(user_agent, ''), 'nobody') AS user_agent,
    count(time) AS requests,
    any_value(agent_hosts) AS agent_hosts,
    any_value(hosts) AS hosts,
    kind,
    CASE kind
        WHEN 'alien' THEN 'a browser or system that this host is not'
        WHEN 'scripted' THEN 'a library, not a browser'
        ELSE 'it names no client at all'
    END AS oddity,
    CASE kind
        WHEN 'alien' THEN 'このホストと合わないブラウザーや OS を名乗る'
        WHEN 'scripted' THEN 'ブラウザーでなくライブラリ'
        ELSE 'クライアント名が無い'
    END AS oddity_ja,
    CASE kind
        WHEN 'alien' THEN getvariable('alien_confidence')
        WHEN 'scripted' THEN getvariable('scripted_confidence')
        ELSE getvariable('nameless_confidence')
    END AS confidence,
    (list(evidence ORDER BY time, evidence.file_id, evidence.record_no))[:getvariable('max_evidence')]
        AS evidence
FROM judged
WHERE kind IS NOT NULL
GROUP BY site, host_id, user_agent, kind
HAVING count(time) >= getvariable('min_requests')
