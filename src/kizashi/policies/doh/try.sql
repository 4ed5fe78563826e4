-- Exchanges with public resolvers on ports where DNS hides, and requests in the form of DNS over HTTPS.
WITH resolver AS (
    SELECT unnest(getvariable('names')) AS name
),
asked AS (
    SELECT
        time,
        host_id,
        "user",
        image,
        host AS name,
        server_ip,
        server_port,
        user_agent,
        regexp_matches(coalesce(uri, ''), '/dns-query(\?|$)')
        OR coalesce(contains(request_mime, 'dns-message'), FALSE)
        OR coalesce(contains(response_mime, 'dns-message'), FALSE) AS has_form
    FROM http_activity
    WHERE time > getvariable('since') AND coalesce(disposition, '') != 'blocked'
    UNION ALL
    SELECT
        time,
        host_id,
        NULL,
        NULL,
        sni,
        server_ip,
        server_port,
        NULL,
        FALSE
    FROM tls_activity
    WHERE time > getvariable('since')
    UNION ALL
    SELECT
        time,
        host_id,
        "user",
        image,
        server_name,
        server_ip,
        server_port,
        NULL,
        FALSE
    FROM network_activity
    WHERE
        time > getvariable('since')
        AND list_contains(getvariable('ports'), server_port)
        AND coalesce(disposition, '') != 'blocked'
        -- The same connection is told by its handshake already.
        AND NOT coalesce(uid IN (SELECT tls_activity.uid FROM tls_activity), FALSE)
),
met AS (
    SELECT
        asked.*,
        coalesce(
            (
                SELECT min(resolver.name)
                FROM resolver
                WHERE asked.name = resolver.name OR ends_with(asked.name, '.' || resolver.name)
            ),
            CASE WHEN list_contains(getvariable('addresses'), asked.server_ip) THEN asked.server_ip END,
            CASE WHEN asked.has_form THEN coalesce(asked.name, asked.server_ip) END
        ) AS entry
    FROM asked
)
SELECT
    time,
    host_id,
    "user",
    file_name(image) AS program,
    coalesce(name, server_ip) AS partner,
    entry,
    CASE
        WHEN regexp_matches(image, getvariable('browsers')) THEN 'browser'
        WHEN regexp_matches(user_agent, getvariable('phones')) THEN 'phone'
        WHEN image IS NOT NULL THEN 'hostile'
        ELSE 'unclear'
    END AS reason,
    'connections' AS told_by
FROM met
WHERE entry IS NOT NULL
