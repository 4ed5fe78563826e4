-- Programs that go outside directly and did not when the log of their site began: newest first.
SELECT
    site,
    substr(host_id, length(site) + 2) AS host,
    image,
    min(first_seen) AS since,
    sum(connections) AS connections,
    count(DISTINCT destination) AS destinations,
    max_by(destination, (connections, destination)) AS most
FROM egress_cell
WHERE is_new AND standing IS DISTINCT FROM 'holds'
GROUP BY site, host_id, image
ORDER BY since DESC, site, host, image
