-- By site and day: web exchanges through a proxy, connections past it, and the hosts that made them.
WITH carried AS (
    SELECT
        coalesce(site, '') AS site,
        CAST(time AS DATE) AS day,
        count(*) AS exchanges
    FROM http_activity
    WHERE proxied AND is_of_page(site, host_id)
    GROUP BY coalesce(site, ''), CAST(time AS DATE)
),
past AS (
    SELECT
        coalesce(site, '') AS site,
        day,
        count(*) AS connections,
        count(DISTINCT host_id) AS hosts
    FROM egress_way
    WHERE way IN ('web', 'quic', 'doh', 'relay') AND acts_for IS NULL
    GROUP BY coalesce(site, ''), day
)
SELECT
    site,
    day,
    coalesce(carried.exchanges, 0) AS proxied,
    coalesce(past.connections, 0) AS direct,
    coalesce(past.hosts, 0) AS hosts,
    proxied / (proxied + direct) AS share
FROM carried
FULL JOIN past USING (site, day)
ORDER BY site, day
