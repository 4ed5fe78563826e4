-- Connections outside that neither a resolver nor a proxy carried.
WITH proxied_site AS (
    SELECT DISTINCT site
    FROM role
    WHERE role = 'proxy'
),
outward AS (
    SELECT
        flow.time,
        flow.host_id,
        coalesce(flow.site, '') AS site,
        flow."user",
        flow.image,
        coalesce(flow.client_ip, '') AS client_ip,
        flow.server_ip,
        flow.server_port,
        coalesce(flow.server_name, flow.server_ip) AS server
    FROM network_activity AS flow
    WHERE
        flow.time > getvariable('since')
        AND flow.server_ip IS NOT NULL
        AND NOT regexp_matches(flow.server_ip, getvariable('inside'))
        AND coalesce(flow.initiated, TRUE)
        AND coalesce(flow.disposition, '') != 'blocked'
        AND NOT coalesce(regexp_matches(flow.state, getvariable('refused')), FALSE)
        -- What comes from outside is no egress.
        AND NOT coalesce(
            NOT regexp_matches(flow.client_ip, getvariable('inside')) AND flow.vantage != 'endpoint', FALSE
        )
),
direct AS (
    SELECT
        outward.*,
        CASE WHEN list_contains(getvariable('dns_ports'), outward.server_port) THEN 'dns' ELSE 'web' END
            AS service
    FROM outward
    WHERE
        list_contains(getvariable('dns_ports'), outward.server_port)
        OR (
            list_contains(getvariable('web_ports'), outward.server_port)
            AND outward.site IN (SELECT proxied_site.site FROM proxied_site)
            AND outward.server_ip NOT IN (SELECT role.address FROM role WHERE role.role = 'proxy')
        )
),
shared AS (
    SELECT server_ip
    FROM direct
    GROUP BY server_ip
    HAVING count(DISTINCT host_id) >= getvariable('shared_hosts')
)
SELECT
    direct.time,
    direct.host_id,
    direct."user",
    file_name(direct.image) AS program,
    direct.server AS partner,
    direct.service || ' ' || direct.server_port AS entry,
    CASE
        WHEN
            direct.service = 'dns'
            AND direct.client_ip IN (SELECT role.address FROM role WHERE role.role = 'resolver')
            THEN 'resolver'
        WHEN direct.client_ip IN (SELECT role.address FROM role WHERE role.role = 'proxy') THEN 'proxy'
        WHEN coalesce(regexp_matches(direct.image, getvariable('meetings')), FALSE) THEN 'meeting'
        WHEN coalesce(is_user_writable(direct.image), FALSE) THEN 'hostile'
        WHEN direct.service = 'web' AND direct.server_ip IN (SELECT shared.server_ip FROM shared) THEN 'shared'
        ELSE 'unclear'
    END AS reason,
    'connections' AS told_by
FROM direct
