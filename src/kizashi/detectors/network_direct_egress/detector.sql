-- Connections to the web outside, of hosts and programs of an organisation whose hosts otherwise go
-- through a proxy. What an exception covers is a signal of its own, which the hunt hides and counts.
WITH ruled AS (
    SELECT
        site,
        hosts,
        proxied_hosts / hosts AS proxied
    FROM proxied_site
    WHERE
        hosts >= getvariable('least_hosts')
        AND proxied_hosts >= getvariable('least_proxied') * hosts
),
direct AS (
    SELECT
        outward.site,
        outward.host_id,
        outward.time,
        outward.server_ip,
        outward.destination,
        outward.process_guid,
        outward.image,
        outward."user",
        ruled.proxied,
        ruled.hosts,
        outward.evidence
    FROM outward
    JOIN ruled USING (site)
    WHERE
        list_contains(getvariable('web_ports'), outward.server_port)
        AND NOT regexp_matches(outward.server_ip, getvariable('inside'))
),
habit AS (
    SELECT
        site,
        server_ip
    FROM direct
    GROUP BY site, server_ip, hosts
    HAVING count(DISTINCT host_id) >= getvariable('habit_share') * hosts
        AND count(DISTINCT host_id) > 1
),
excepted AS (
    SELECT
        direct.evidence,
        min(exempted.exemption) AS exemption
    FROM direct
    JOIN exempted
        ON exempted.detector = 'network_direct_egress'
        AND is_covered(
            direct.host_id, direct.image, direct.destination,
            exempted.host_id, exempted.image, exempted.destination, exempted.parent_image)
        AND CAST(direct.time AS DATE) <= exempted.last_day
    GROUP BY direct.evidence
)
SELECT
    direct.site,
    direct.host_id,
    min(direct.time) AS first_seen,
    max(direct.time) AS last_seen,
    direct.image,
    CASE WHEN count(DISTINCT direct.process_guid) = 1 THEN max(direct.process_guid) END AS process_guid,
    any_value(direct."user" ORDER BY direct.time) AS "user",
    mode(direct.destination) AS destination,
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
LEFT JOIN excepted ON excepted.evidence = direct.evidence
GROUP BY direct.site, direct.host_id, direct.image, excepted.exemption
