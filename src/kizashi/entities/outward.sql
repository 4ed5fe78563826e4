-- outward(site, host_id, day, time, client_ip, server_ip, server_port, transport, name, destination,
--         image, process_guid, user, is_dns, is_dns_form, evidence)
-- Connections of hosts of ours to addresses outside on the ports of web and DNS that came to be and that
-- no proxy carried, each once, whoever saw it: endpoint, sensor and firewall agree on its ports.
-- Inside is what is private, what asks for names or pages itself, its neighbours in the same /24, and
-- proxies. destination: the name in the
-- exchange, else, on ports of the web, the one that the host resolved to the address, else the address.
-- Reads network_activity, tls_activity, http_activity, dns_activity, insider, role and contact.
WITH inside AS (
    SELECT coalesce(site, '') AS site, client_ip AS address FROM dns_activity
    UNION
    SELECT coalesce(site, ''), client_ip FROM http_activity
    UNION
    SELECT coalesce(site, ''), client_ip FROM tls_activity
    UNION
    SELECT site, address FROM role WHERE role = 'proxy'
),
-- Where public addresses are used inside, a server that asks nothing stands among those who do.
inside_net AS (
    SELECT
        site,
        net_of(address) AS net
    FROM inside
    WHERE is_public_address(address)
    GROUP BY site, net_of(address)
    HAVING count(*) >= clients_of_a_resolver()
),
proxy AS (
    SELECT DISTINCT address
    FROM role
    WHERE role = 'proxy'
),
seen AS (
    SELECT
        site,
        host_id,
        time,
        client_ip,
        client_port,
        server_ip,
        server_port,
        lower(transport) AS transport,
        nullif(server_name, '') AS name,
        image,
        process_guid,
        "user",
        FALSE AS is_dns,
        FALSE AS is_dns_form,
        file_id,
        record_no
    FROM network_activity
    WHERE
        is_outward_port(server_port)
        AND is_public_address(server_ip)
        AND coalesce(initiated, TRUE)
        AND NOT is_refused(state)
        AND coalesce(disposition, '') <> 'blocked'
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        client_ip,
        client_port,
        server_ip,
        server_port,
        CASE WHEN alpn = 'h3' THEN 'udp' ELSE 'tcp' END,
        nullif(sni, ''),
        NULL,
        NULL,
        NULL,
        FALSE,
        FALSE,
        file_id,
        record_no
    FROM tls_activity
    WHERE is_outward_port(server_port) AND is_public_address(server_ip)
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        client_ip,
        client_port,
        server_ip,
        server_port,
        'tcp',
        nullif(host, ''),
        image,
        process_guid,
        "user",
        FALSE,
        regexp_matches(coalesce(uri, ''), '/dns-query(\?|$)')
        OR coalesce(contains(request_mime, 'dns-message'), FALSE)
        OR coalesce(contains(response_mime, 'dns-message'), FALSE),
        file_id,
        record_no
    FROM http_activity
    WHERE
        NOT coalesce(proxied, FALSE)
        AND is_outward_port(server_port)
        AND is_public_address(server_ip)
        AND coalesce(disposition, '') <> 'blocked'
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        client_ip,
        client_port,
        server_ip,
        coalesce(server_port, 53),
        lower(coalesce(transport, 'udp')),
        NULL,
        image,
        process_guid,
        "user",
        TRUE,
        FALSE,
        file_id,
        record_no
    FROM dns_activity
    -- Sensors log names of neighbours (NetBIOS, multicast) among DNS.
    WHERE
        vantage <> 'endpoint'
        AND is_outward_port(coalesce(server_port, 53))
        AND is_public_address(server_ip)
),
own AS (
    SELECT seen.*
    FROM seen
    SEMI JOIN insider USING (host_id)
    ANTI JOIN inside
        ON inside.site = coalesce(seen.site, '') AND inside.address = seen.server_ip
    ANTI JOIN inside_net
        ON inside_net.site = coalesce(seen.site, '') AND inside_net.net = net_of(seen.server_ip)
    WHERE
        is_own_address(seen.server_ip)
        AND seen.server_ip NOT IN (SELECT address FROM proxy)
        AND coalesce(seen.client_ip, '') NOT IN (SELECT address FROM proxy)
),
connection AS (
    SELECT
        site,
        host_id,
        time::DATE AS day,
        server_ip,
        server_port,
        min(time) AS time,
        max(client_ip) AS client_ip,
        max(transport) AS transport,
        max(name) AS name,
        max(image) AS image,
        max(process_guid) AS process_guid,
        max("user") AS "user",
        bool_or(is_dns) AS is_dns,
        bool_or(is_dns_form) AS is_dns_form,
        min({'file_id': file_id, 'record_no': record_no}) AS evidence
    FROM own
    GROUP BY
        site,
        host_id,
        time::DATE,
        server_ip,
        server_port,
        -- Without the client's port each record is a connection of its own.
        coalesce(client_port::VARCHAR, file_id || '/' || record_no)
),
spoken AS (
    SELECT
        host_id,
        server_ip,
        max_by(destination, (hits, destination)) AS destination
    FROM contact
    -- Connections without a name of their own, as contact named them by the host's look-ups.
    WHERE protocol = 'network' AND NOT is_address(destination)
    GROUP BY host_id, server_ip
)
SELECT
    connection.site,
    connection.host_id,
    connection.day,
    connection.time,
    connection.client_ip,
    connection.server_ip,
    connection.server_port,
    connection.transport,
    connection.name,
    CASE
        WHEN connection.is_dns OR connection.server_port NOT IN (80, 443, 8080, 8443)
            THEN coalesce(connection.name, connection.server_ip)
        ELSE coalesce(connection.name, spoken.destination, connection.server_ip)
    END AS destination,
    connection.image,
    connection.process_guid,
    connection."user",
    connection.is_dns,
    connection.is_dns_form,
    connection.evidence
FROM connection
LEFT JOIN spoken
    ON spoken.host_id = connection.host_id AND spoken.server_ip = connection.server_ip
