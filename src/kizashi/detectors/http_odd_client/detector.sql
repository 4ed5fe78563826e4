-- User agents of few hosts that go to few places, against what else the host calls itself and runs; and
-- browsers' names on requests that lack the headers of that browser, or carry them in another order.
-- Behind an intercepting proxy the agent is still the client's; a proxy's own requests judge nobody.
WITH proxy AS (
    SELECT DISTINCT address
    FROM role
    WHERE role = 'proxy'
),
asked AS (
    SELECT
        site,
        host_id,
        time,
        host,
        coalesce(host, server_ip) AS destination,
        server_ip,
        coalesce(user_agent, '') AS user_agent,
        client_of(user_agent) AS client,
        list_transform(header_names, lambda name: lower(name)) AS header_names,
        image,
        process_guid,
        "user",
        {'file_id': file_id, 'record_no': record_no} AS evidence
    FROM http_activity
    WHERE
        coalesce(method, '') <> 'CONNECT'
        AND NOT coalesce(regexp_matches(host, getvariable('system_hosts')), FALSE)
        AND coalesce(client_ip, '') NOT IN (SELECT address FROM proxy)
),
-- Headers that every request of a browser carries, as several hosts send them.
worn AS (
    SELECT
        client,
        count(time) AS requests
    FROM asked
    WHERE header_names IS NOT NULL AND regexp_matches(user_agent, getvariable('browser'))
    GROUP BY client
    HAVING count(DISTINCT host_id) >= getvariable('min_fleet')
),
steady AS (
    SELECT
        header.client,
        header.name
    FROM (
        SELECT
            client,
            unnest(header_names) AS name
        FROM asked
        SEMI JOIN worn USING (client)
    ) AS header
    JOIN worn USING (client)
    GROUP BY header.client, header.name, worn.requests
    HAVING count(header.name) >= getvariable('steady_share') * worn.requests
),
steady_names AS (
    SELECT
        client,
        list(name ORDER BY name) AS names
    FROM steady
    GROUP BY client
),
-- The steady headers of each request in the order sent: a browser has hardly more than one.
dressed AS (
    SELECT
        asked.host_id,
        asked.user_agent,
        asked.destination,
        asked.client,
        array_to_string(
            list_filter(asked.header_names, lambda name: list_contains(steady_names.names, name)), ','
        ) AS headers
    FROM asked
    JOIN steady_names USING (client)
    WHERE asked.header_names IS NOT NULL
),
forged AS (
    SELECT
        client,
        headers
    FROM dressed
    GROUP BY client, headers
    HAVING
        count(DISTINCT host_id) <= getvariable('few_hosts')
        AND count(DISTINCT destination) <= getvariable('few_destinations')
),
disguise AS (
    SELECT DISTINCT
        dressed.host_id,
        dressed.user_agent,
        dressed.destination
    FROM dressed
    JOIN forged USING (client, headers)
),
-- Which browsers run on a host, where its processes are logged.
inventory AS (
    SELECT
        host_id,
        list(DISTINCT regexp_extract(lower(file_name(image)), '^[a-z]+')) AS browsers
    FROM process_activity
    WHERE regexp_matches(file_name(image), getvariable('browser_files'))
    GROUP BY host_id
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
        coalesce(agent.agent_hosts, 1) AS agent_hosts,
        fleet.hosts,
        CASE
            WHEN disguise.host_id IS NOT NULL THEN 'forged'
            WHEN agent.user_agent IS NULL THEN NULL
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
            WHEN
                regexp_matches(asked.user_agent, getvariable('browser'))
                AND regexp_matches(file_name(asked.image), getvariable('script_hosts'))
                THEN 'borrowed'
            WHEN
                NOT list_contains(
                    inventory.browsers,
                    CASE regexp_extract(asked.client, '[A-Za-z]+$')
                        WHEN 'Chrome' THEN 'chrome'
                        WHEN 'Firefox' THEN 'firefox'
                        WHEN 'Edg' THEN 'msedge'
                        WHEN 'OPR' THEN 'opera'
                    END
                )
                THEN 'absent'
            WHEN regexp_matches(asked.user_agent, getvariable('scripted')) THEN 'scripted'
        END AS kind
    FROM asked
    LEFT JOIN agent USING (user_agent)
    LEFT JOIN disguise
        ON disguise.host_id = asked.host_id
        AND disguise.user_agent = asked.user_agent
        AND disguise.destination = asked.destination
    LEFT JOIN inventory ON inventory.host_id = asked.host_id
    LEFT JOIN system ON system.host_id = asked.host_id
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
        WHEN 'forged' THEN 'a browser''s name on requests without its headers or their order'
        WHEN 'alien' THEN 'a browser or system that this host is not'
        WHEN 'borrowed' THEN 'a browser''s name used by ' || file_name(max(image))
        WHEN 'absent' THEN 'a browser that never ran on this host, while another did'
        WHEN 'scripted' THEN 'a library, not a browser'
        ELSE 'it names no client at all'
    END AS oddity,
    CASE kind
        WHEN 'forged' THEN 'ブラウザーを名乗るがヘッダーの組か順序が異なる'
        WHEN 'borrowed' THEN 'ブラウザーの名を使う ' || file_name(max(image))
        WHEN 'absent' THEN 'このホストで実行されたことのないブラウザー'
        WHEN 'alien' THEN 'このホストと合わないブラウザーや OS を名乗る'
        WHEN 'scripted' THEN 'ブラウザーでなくライブラリ'
        ELSE 'クライアント名が無い'
    END AS oddity_ja,
    CASE kind
        WHEN 'forged' THEN getvariable('alien_confidence')
        WHEN 'alien' THEN getvariable('alien_confidence')
        WHEN 'borrowed' THEN getvariable('alien_confidence')
        WHEN 'absent' THEN getvariable('scripted_confidence')
        WHEN 'scripted' THEN getvariable('scripted_confidence')
        ELSE getvariable('nameless_confidence')
    END AS confidence,
    (list(evidence ORDER BY time, evidence.file_id, evidence.record_no))[:getvariable('max_evidence')]
        AS evidence
FROM judged
WHERE kind IS NOT NULL
GROUP BY site, host_id, user_agent, kind
HAVING count(time) >= getvariable('min_requests')
