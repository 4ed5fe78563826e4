-- Addresses that several devices held, one row a day with that day's leases in order.
WITH shared AS (
    SELECT
        coalesce(site, '') AS site,
        client_ip
    FROM lease
    GROUP BY
        coalesce(site, ''),
        client_ip
    HAVING count(DISTINCT coalesce(device, mac, '')) > 1
),
by_day AS (
    SELECT
        shared.site,
        shared.client_ip,
        unnest(
            generate_series(date_trunc('day', first_seen), last_seen, INTERVAL 1 DAY)
        )::DATE AS day,
        lease.device,
        lease.first_seen,
        lease.last_seen
    FROM lease
    JOIN shared
        ON shared.site = coalesce(lease.site, '')
        AND shared.client_ip = lease.client_ip
)
SELECT
    site,
    client_ip,
    day,
    list(
        {'device': device, 'first_seen': first_seen, 'last_seen': last_seen} ORDER BY first_seen
    ) AS leases
FROM by_day
GROUP BY
    site,
    client_ip,
    day
