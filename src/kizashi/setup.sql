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

-- name: desk_days
-- Desks that were on by day of the site's zone. What is on nearly every day is a server, what is on
-- seldom a visitor.
WITH local AS (
    SELECT DISTINCT
        host_id,
        CAST(timezone($zone, timezone('UTC', day + INTERVAL 5 MINUTE * bin)) AS DATE) AS day
    FROM (
        SELECT
            host_id,
            day,
            unnest(bins) AS bin
        FROM uptime
        WHERE coalesce(site, '') = $site
    )
),
desk AS (
    SELECT host_id
    FROM local
    GROUP BY host_id
    HAVING count(*) / (SELECT count(DISTINCT day) FROM local) BETWEEN 0.3 AND 0.9
)
SELECT
    day,
    count(*)
FROM local
SEMI JOIN desk USING (host_id)
GROUP BY day;

-- name: resolvers
SELECT
    role.address,
    count(DISTINCT host_id),
    'answers ' || count(DISTINCT host_id) || ' hosts'
FROM role
JOIN dns_activity
    ON dns_activity.server_ip = role.address AND coalesce(dns_activity.site, '') = role.site
WHERE
    role.role = 'resolver'
    AND role.site = $site
    AND is_own_address(role.address)
    AND coalesce(server_port, 53) = 53
    AND NOT ends_with(role.address, '.255')
GROUP BY role.address
HAVING count(DISTINCT host_id) >= 3
ORDER BY 2 DESC, 1
LIMIT 10;

-- name: proxies
SELECT
    role.address,
    count(DISTINCT host_id),
    'carries the web of ' || count(DISTINCT host_id) || ' hosts'
FROM role
JOIN http_activity
    ON http_activity.server_ip = role.address AND coalesce(http_activity.site, '') = role.site
WHERE
    role.role = 'proxy'
    AND role.site = $site
GROUP BY role.address
HAVING count(DISTINCT host_id) >= 3
ORDER BY 2 DESC, 1
LIMIT 10;

-- name: zones
SELECT
    clock_a,
    sum(facts),
    round(avg(offset_s) / 3600, 1) || ' h ahead of ' || clock_b || ' in ' || sum(facts)
    || ' facts that both saw'
FROM clock_offset
WHERE is_zone_error
GROUP BY clock_a, clock_b
ORDER BY 2 DESC, 1
LIMIT 10;

-- name: search
-- A suffix that ends failed names of many first labels, whose rest is a name that someone asks for.
SELECT
    suffix,
    count(DISTINCT host_id),
    'added in vain to ' || count(DISTINCT stem) || ' names by ' || count(DISTINCT host_id) || ' hosts'
FROM (
    SELECT
        failed.host_id,
        asked.query AS stem,
        failed.query[length(asked.query) + 2:] AS suffix
    FROM dns_activity AS failed
    JOIN (SELECT DISTINCT host_id, query FROM dns_activity WHERE rcode = 'NOERROR') AS asked
        ON asked.host_id = failed.host_id AND starts_with(failed.query, asked.query || '.')
    WHERE failed.rcode = 'NXDOMAIN' AND contains(asked.query, '.')
)
GROUP BY suffix
HAVING count(DISTINCT stem) >= 10 AND count(DISTINCT host_id) >= 2
ORDER BY 2 DESC, 1
LIMIT 5;

-- name: shared
SELECT
    client_ip,
    count(DISTINCT device),
    count(DISTINCT device) || ' hosts held it'
FROM lease
WHERE device IS NOT NULL
GROUP BY client_ip
HAVING count(DISTINCT device) >= 2
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
    SELECT site, client_ip FROM dns_activity
    UNION ALL
    SELECT site, client_ip FROM dhcp_activity
)
WHERE coalesce(site, '') = $site AND regexp_matches(client_ip, '^\d+\.\d+\.\d+\.\d+$')
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
