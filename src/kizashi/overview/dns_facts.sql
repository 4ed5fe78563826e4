-- Counts that the page's sentences tell.
SELECT
    count(*) AS lookups,
    count(*) FILTER (rcode IS NULL) AS without_rcode,
    count(*) FILTER (rcode = 'NOERROR' AND answers IS NULL) AS without_answers,
    count(DISTINCT host_id) AS hosts,
    count(*) FILTER (rcode = 'NXDOMAIN') AS failures,
    min(time) AS first_seen,
    max(time) AS last_seen
FROM own_dns_activity
WHERE is_of_page(site, host_id)
