-- Established connections to the web outside, of hosts and programs of an organisation whose hosts
-- otherwise go through a proxy.
WITH proxy_user AS (
    SELECT
        site,
        count(DISTINCT host_id) AS hosts
    FROM http_activity
    WHERE proxied
    GROUP BY site
),
web_user AS (
    SELECT
        site,
        count(DISTINCT host_id) AS hosts
    FROM (
        SELECT site, host_id FROM http_activity
        UNION
        SELECT site, host_id FROM tls_activity
    )
    GROUP BY site
),
ruled AS (
    SELECT
        proxy_user.site,
        proxy_user.hosts / greatest(web_user.hosts, 1) AS proxied
    FROM proxy_user
    JOIN web_user USING (site)
    WHERE
        web_user.hosts >= getvariable('least_hosts')
        AND proxy_user.hosts >= getvariable('least_proxied') * web_user.hosts
),
proxy AS (
    SELECT DISTINCT address
    FROM role
    WHERE role = 'proxy'
),
direct AS (
    SELECT
        event.site,
        event.host_id,
        event.time,
        event.server_ip,
        event.server_port,
        event.server_name,
        event.process_guid,
        event.image,
        event."user",
        ruled.proxied,
        {'file_id': event.file_id, 'record_no': event.record_no} AS evidence
    FROM network_activity AS event
    JOIN ruled USING (site)
    WHERE
        list_contains(getvariable('web_ports'), event.server_port)
        AND NOT regexp_matches(event.server_ip, getvariable('inside'))
        AND coalesce(event.initiated, TRUE)
        AND NOT coalesce(regexp_matches(event.state, getvariable('refused')), FALSE)
        AND coalesce(event.disposition, '') <> 'blocked'
        -- Neither on the way to a proxy nor from one.
        AND event.server_ip NOT IN (SELECT address FROM proxy)
        AND coalesce(event.client_ip, '') NOT IN (SELECT address FROM proxy)
),
habit AS (
    SELECT
        direct.site,
        direct.server_ip
    FROM direct
    JOIN web_user USING (site)
    GROUP BY direct.site, direct.server_ip, web_user.hosts
    HAVING count(DISTINCT direct.host_id) >= getvariable('habit_share') * web_user.hosts
        AND count(DISTINCT direct.host_id) > 1
)
SELECT
    direct.site,
    direct.host_id,
    min(direct.time) AS first_seen,
    max(direct.time) AS last_seen,
    direct.image,
    CASE WHEN count(DISTINCT direct.process_guid) = 1 THEN max(direct.process_guid) END AS process_guid,
    any_value(direct."user" ORDER BY direct.time) AS "user",
    mode(coalesce(direct.server_name, direct.server_ip)) AS destination,
    mode(direct.server_ip) AS server_ip,
    count(direct.time) AS connections,
    count(DISTINCT direct.server_ip) AS servers,
    percent(any_value(direct.proxied)) AS proxied_percent,
    CASE
        WHEN count(direct.time) >= getvariable('many') THEN getvariable('loud_confidence')
        ELSE getvariable('quiet_confidence')
    END
    + CASE WHEN is_user_writable(direct.image) THEN getvariable('odd_bonus') ELSE 0 END AS confidence,
    (list(direct.evidence ORDER BY direct.time, direct.evidence.file_id, direct.evidence.record_no))
        [:getvariable('max_evidence')] AS evidence
FROM direct
ANTI JOIN habit USING (site, server_ip)
GROUP BY direct.site, direct.host_id, direct.image
