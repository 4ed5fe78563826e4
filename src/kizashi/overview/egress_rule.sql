-- egress_rule(site, rule): sites where the web belongs through a proxy, and sites with a resolver of their
-- own: where a person says so, or it stands inside, its address being private or among those who ask.
-- Reads proxied_site, role, given_role and dns_activity.
SELECT
    coalesce(site, '') AS site,
    'proxy' AS rule
FROM proxied_site
WHERE
    hosts >= getvariable('least_hosts')
    AND proxied_hosts >= getvariable('least_proxied') * hosts
UNION
SELECT
    site,
    'resolver'
FROM role
WHERE
    role = 'resolver'
    AND is_own_address(address)
    AND (
        NOT is_public_address(address)
        OR net_of(address) IN (SELECT net_of(client_ip) FROM dns_activity)
        OR address IN (SELECT given_role.address FROM given_role)
    )
