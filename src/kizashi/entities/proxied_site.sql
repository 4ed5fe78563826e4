-- proxied_site(site, hosts, proxied_hosts)
-- How many hosts of a site are seen on the web at all, and how many through a proxy. Reads http_activity
-- and tls_activity.
SELECT
    site,
    count(DISTINCT host_id) AS hosts,
    count(DISTINCT host_id) FILTER (is_proxied) AS proxied_hosts
FROM (
    SELECT
        site,
        host_id,
        coalesce(proxied, FALSE) AS is_proxied
    FROM http_activity
    UNION
    SELECT
        site,
        host_id,
        FALSE
    FROM tls_activity
)
GROUP BY site
