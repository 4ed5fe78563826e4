-- role(site, role, address)
-- Machines that act for others: a `resolver` is asked for names by several hosts, a `proxy` carries
-- the web of several. Told by behaviour, or by a person. Reads dns_activity, http_activity, relay and
-- given_role; needs neither host_id nor bucket.
SELECT
    coalesce(site, '') AS site,
    'resolver' AS role,
    server_ip AS address
FROM dns_activity
WHERE server_ip IS NOT NULL AND vantage <> 'endpoint'
GROUP BY
    coalesce(site, ''),
    server_ip
HAVING count(DISTINCT client_ip) >= clients_of_a_server()
UNION
SELECT
    coalesce(site, '') AS site,
    'proxy' AS role,
    server_ip AS address
FROM http_activity
WHERE proxied AND server_ip IS NOT NULL
GROUP BY
    coalesce(site, ''),
    server_ip
HAVING count(DISTINCT client_ip) >= clients_of_a_server()
UNION
SELECT
    site,
    'proxy' AS role,
    client_ip AS address
FROM relay
UNION
SELECT
    site,
    role,
    address
FROM given_role
WHERE role <> ''
