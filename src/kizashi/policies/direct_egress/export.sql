-- A firewall list, top down: who may, then nobody else.
WITH allowed AS (
    SELECT
        1 AS place,
        'allow' AS action,
        role.address AS source,
        'any' AS destination,
        CASE role.role WHEN 'resolver' THEN 'udp/53 tcp/53 tcp/853' ELSE 'tcp/80 tcp/443' END AS ports,
        role.role AS why,
        CAST(NULL AS BIGINT) AS times
    FROM role
    WHERE role.role IN ('resolver', 'proxy')
),
excepted AS (
    SELECT
        2 AS place,
        'allow' AS action,
        'any' AS source,
        partner AS destination,
        'tcp/' || split_part(entry, ' ', 2) AS ports,
        string_agg(DISTINCT reason, ', ' ORDER BY reason) AS why,
        CAST(sum(times) AS BIGINT) AS times
    FROM stopped
    WHERE reason IN ('shared', 'meeting')
    GROUP BY partner, entry
),
denied AS (
    SELECT
        3 AS place,
        CASE
            WHEN getvariable('mode') = 'block' THEN 'deny'
            WHEN getvariable('mode') = 'audit' THEN 'log'
            -- Without a resolver to ask, nobody would find a name.
            WHEN
                service.name = 'dns'
                AND NOT EXISTS (SELECT 1 FROM role WHERE role.role = 'resolver')
                THEN 'log'
            WHEN
                EXISTS (
                    SELECT 1
                    FROM stopped
                    WHERE stopped.reason = 'unclear' AND split_part(stopped.entry, ' ', 1) = service.name
                )
                THEN 'log'
            ELSE 'deny'
        END AS action,
        'any' AS source,
        'any' AS destination,
        service.ports,
        'policy' AS why,
        CAST((
            SELECT sum(stopped.times)
            FROM stopped
            WHERE
                stopped.reason IN ('unclear', 'hostile')
                AND split_part(stopped.entry, ' ', 1) = service.name
        ) AS BIGINT) AS times
    FROM (
        VALUES
            ('dns', 'udp/53 tcp/53 tcp/853 udp/853'),
            ('web', 'tcp/80 tcp/443 udp/443 tcp/8080 tcp/8443')
    ) AS service (name, ports)
    -- Where no proxy is known, the web has no other way.
    WHERE service.name = 'dns' OR EXISTS (SELECT 1 FROM role WHERE role.role = 'proxy')
)
SELECT
    'firewall' AS kind,
    action,
    source,
    destination,
    ports,
    why,
    times
FROM (
    SELECT place, action, source, destination, ports, why, times FROM allowed
    UNION ALL
    SELECT place, action, source, destination, ports, why, times FROM excepted
    UNION ALL
    SELECT place, action, source, destination, ports, why, times FROM denied
)
ORDER BY place, ports, source, destination
