-- relay(site, client_ip, clients)
-- Proxies that name whom they ask for (X-Forwarded-For), with the number of those. A program may write
-- the header too, so only who names a client nearly every time, and several, is believed.
-- Reads http_activity; needs neither host_id nor bucket.
SELECT
    coalesce(site, '') AS site,
    client_ip,
    count(DISTINCT forwarded_for) AS clients
FROM http_activity
WHERE coalesce(device, '') = '' AND client_ip IS NOT NULL AND vantage <> 'endpoint'
GROUP BY
    coalesce(site, ''),
    client_ip
HAVING
    count(DISTINCT forwarded_for) FILTER (is_own_address(forwarded_for)) >= clients_of_a_server()
    AND count(forwarded_for) >= naming_share() * count(*)
