-- Addresses that one device alone ever held: it is theirs at any time, before and after the lease too,
-- because clocks disagree and evidence of ownership is sparse.
SELECT
    coalesce(site, '') AS site,
    client_ip,
    min(device) AS device
FROM lease
GROUP BY
    coalesce(site, ''),
    client_ip
HAVING count(DISTINCT coalesce(device, mac, '')) = 1 AND min(device) IS NOT NULL
