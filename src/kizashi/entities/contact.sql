-- contact(site, host_id, destination, server_ip, image, day, protocol, first_seen, last_seen, hits,
--         times, bytes_out, bytes_in)
-- Whom a host spoke to on a day, and when: `times` are the distinct seconds since midnight (UTC) in
-- order. destination: HTTP host, else SNI, else the name that this host last resolved to the address,
-- else address and port. A connection that http or tls tells of is not told again as network; DNS
-- has its own table. Reads http_activity, tls_activity, network_activity, dns_activity.
WITH connection AS (
    SELECT
        site,
        uid,
        max(bytes_out) AS bytes_out,
        max(bytes_in) AS bytes_in
    FROM network_activity
    SEMI JOIN tls_activity USING (uid)
    WHERE uid IS NOT NULL
    GROUP BY
        site,
        uid
),
told AS (
    SELECT uid
    FROM http_activity
    WHERE uid IS NOT NULL
    UNION
    SELECT uid
    FROM tls_activity
    WHERE uid IS NOT NULL
),
exchange AS (
    SELECT
        site,
        host_id,
        time,
        nullif(host, '') AS stated,
        server_ip,
        server_port,
        image,
        'http' AS protocol,
        request_body_bytes AS bytes_out,
        response_body_bytes AS bytes_in
    FROM http_activity
    UNION ALL
    SELECT
        tls_activity.site,
        tls_activity.host_id,
        tls_activity.time,
        nullif(tls_activity.sni, '') AS stated,
        tls_activity.server_ip,
        tls_activity.server_port,
        NULL AS image,
        'tls' AS protocol,
        connection.bytes_out,
        connection.bytes_in
    FROM tls_activity
    LEFT JOIN connection
        ON connection.site IS NOT DISTINCT FROM tls_activity.site
        AND connection.uid = tls_activity.uid
    UNION ALL
    SELECT
        network_activity.site,
        network_activity.host_id,
        network_activity.time,
        nullif(network_activity.server_name, '') AS stated,
        network_activity.server_ip,
        network_activity.server_port,
        network_activity.image,
        'network' AS protocol,
        network_activity.bytes_out,
        network_activity.bytes_in
    FROM network_activity
    ANTI JOIN told USING (uid)
    WHERE network_activity.service IS DISTINCT FROM 'dns'
        AND coalesce(network_activity.initiated, true)
        AND is_own_address(network_activity.server_ip)
),
nameless AS (
    SELECT *
    FROM exchange
    WHERE stated IS NULL
),
wanted AS (
    SELECT DISTINCT
        host_id,
        server_ip
    FROM nameless
),
answer AS (
    SELECT
        host_id,
        unnest(answers) AS server_ip,
        query,
        time
    FROM dns_activity
    SEMI JOIN wanted USING (host_id)
    WHERE query <> ''
),
resolved AS (
    SELECT
        host_id,
        server_ip,
        query,
        time
    FROM answer
    SEMI JOIN wanted USING (host_id, server_ip)
),
-- One name for the address, ever: it holds at any time, also where the look-up's clock is off.
sole_name AS (
    SELECT
        host_id,
        server_ip,
        min(query) AS query
    FROM resolved
    GROUP BY
        host_id,
        server_ip
    HAVING min(query) = max(query)
),
several_names AS (
    SELECT
        host_id,
        server_ip,
        time,
        max(query) AS query
    FROM resolved
    ANTI JOIN sole_name USING (host_id, server_ip)
    GROUP BY
        host_id,
        server_ip,
        time
),
named AS (
    SELECT
        nameless.* REPLACE (coalesce(sole_name.query, several_names.query) AS stated)
    FROM nameless
    LEFT JOIN sole_name
        ON sole_name.host_id = nameless.host_id
        AND sole_name.server_ip = nameless.server_ip
    ASOF LEFT JOIN several_names
        ON several_names.host_id = nameless.host_id
        AND several_names.server_ip = nameless.server_ip
        AND several_names.time <= nameless.time
),
directed AS (
    SELECT
        *,
        coalesce(stated, address_and_port(server_ip, server_port)) AS destination
    FROM (
        SELECT *
        FROM exchange
        WHERE stated IS NOT NULL
        UNION ALL
        SELECT *
        FROM named
    )
)
SELECT
    site,
    host_id,
    destination,
    server_ip,
    image,
    time::DATE AS day,
    protocol,
    min(time) AS first_seen,
    max(time) AS last_seen,
    count(*)::UINTEGER AS hits,
    list_sort(list_distinct(list(second_of_day(time)))) AS times,
    sum(coalesce(bytes_out, 0))::UBIGINT AS bytes_out,
    sum(coalesce(bytes_in, 0))::UBIGINT AS bytes_in
FROM directed
WHERE destination IS NOT NULL
    AND time IS NOT NULL
GROUP BY
    site,
    host_id,
    destination,
    server_ip,
    image,
    time::DATE,
    protocol
