-- What a configuration can be proposed from: one SELECT each, (what, how often, reason).

-- name: domains
WITH directory AS (
    SELECT
        lower(regexp_extract(query, '^_ldap\._tcp\.(?:.*\._sites\.)?(?:dc\._msdcs\.)?(.+)$', 1)) AS domain,
        host_id
    FROM dns_activity
    WHERE starts_with(query, '_ldap._tcp.')
),
mail AS (
    SELECT
        lower(split_part(address, '@', -1)) AS domain,
        message_id
    FROM (SELECT unnest(to_addresses) AS address, message_id FROM email_activity)
    WHERE contains(address, '@')
)
SELECT
    domain,
    count(DISTINCT host_id),
    'the directory domain that ' || count(DISTINCT host_id) || ' hosts look for'
FROM directory
WHERE domain <> '' AND NOT contains(domain, '_')
GROUP BY domain
HAVING count(DISTINCT host_id) >= 2
UNION ALL
SELECT
    domain,
    count(DISTINCT message_id),
    'receives ' || count(DISTINCT message_id) || ' of the messages'
FROM mail
GROUP BY domain
HAVING count(DISTINCT message_id) >= greatest(10, 0.2 * (SELECT count(DISTINCT message_id) FROM mail))
    AND domain NOT IN (SELECT domain FROM directory)
ORDER BY 2 DESC, 1
LIMIT 10;

-- name: middays
-- Middle of the hours, UTC, in which each desk is on, as a mean on the circle of the day.
SELECT
    site,
    (degrees(atan2(avg(sin(radians(bin * 1.25))), avg(cos(radians(bin * 1.25))))) / 15 + 24) % 24
FROM (
    SELECT
        site,
        host_id,
        unnest(bins) AS bin
    FROM uptime
    WHERE len(bins) BETWEEN 36 AND 180 AND isodow(day) <= 5
)
GROUP BY
    site,
    host_id;

-- name: resolvers
SELECT
    server_ip,
    count(DISTINCT host_id),
    'answers ' || count(DISTINCT host_id) || ' hosts'
FROM dns_activity
WHERE is_own_address(server_ip) AND coalesce(server_port, 53) = 53 AND NOT ends_with(server_ip, '.255')
GROUP BY server_ip
HAVING count(DISTINCT host_id) >= 3
ORDER BY 2 DESC, 1
LIMIT 10;

-- name: proxies
SELECT
    server_ip,
    count(DISTINCT host_id),
    'carries the web of ' || count(DISTINCT host_id) || ' hosts'
FROM http_activity
WHERE proxied AND server_ip IS NOT NULL AND NOT is_public_address(server_ip)
GROUP BY server_ip
HAVING count(DISTINCT host_id) >= 3
ORDER BY 2 DESC, 1
LIMIT 10;

-- name: controllers
SELECT
    answer,
    count(DISTINCT host_id),
    'answers for the directory, to ' || count(DISTINCT host_id) || ' hosts'
FROM (
    SELECT
        unnest(answers) AS answer,
        host_id
    FROM dns_activity
    WHERE starts_with(query, '_ldap._tcp.') OR starts_with(query, '_kerberos._tcp.')
)
GROUP BY answer
ORDER BY 2 DESC, 1
LIMIT 10;

-- name: subnets
SELECT
    regexp_extract(client_ip, '^(\d+\.\d+\.\d+)\.', 1) || '.0/24',
    count(DISTINCT client_ip),
    count(DISTINCT client_ip) || ' addresses'
FROM (
    SELECT client_ip FROM dns_activity
    UNION ALL
    SELECT client_ip FROM http_activity
    UNION ALL
    SELECT client_ip FROM dhcp_activity
)
WHERE regexp_matches(client_ip, '^\d+\.\d+\.\d+\.\d+$') AND NOT is_public_address(client_ip)
GROUP BY 1
HAVING count(DISTINCT client_ip) >= 2
ORDER BY 2 DESC, 1
LIMIT 20;

-- name: monitors
SELECT
    host_id,
    count(DISTINCT server_ip),
    'contacts ' || count(DISTINCT server_ip) || ' machines inside in one day'
FROM network_activity
WHERE NOT is_public_address(server_ip) AND coalesce(initiated, true)
GROUP BY
    host_id,
    time::DATE
HAVING count(DISTINCT server_ip) >= 50
ORDER BY 2 DESC, 1
LIMIT 10;
