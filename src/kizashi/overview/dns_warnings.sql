-- Each warning with the detector that spoke of the same failures, the earliest moment at which it can
-- have, and the lead in seconds: what no detector speaks of stands first.
WITH spoken AS (
    SELECT
        dns_warning.site,
        dns_warning.host_id,
        dns_warning.time,
        min_by(dns_fired.detector, (dns_fired.earliest, dns_fired.detector)) AS detector,
        min(dns_fired.earliest) AS earliest
    FROM dns_warning
    JOIN dns_fired
        ON dns_fired.site = dns_warning.site
        AND dns_fired.host_id = dns_warning.host_id
        AND dns_fired.last_seen >= dns_warning.time - INTERVAL 1 DAY
        AND dns_fired.first_seen <= dns_warning.time + INTERVAL 7 DAY
    GROUP BY dns_warning.site, dns_warning.host_id, dns_warning.time
)
SELECT
    dns_warning.site,
    substr(dns_warning.host_id, length(dns_warning.site) + 2) AS host,
    dns_warning.time,
    dns_warning.span,
    dns_warning.names,
    floor(dns_warning.usual) AS usual,
    dns_warning.sample,
    spoken.detector,
    spoken.earliest,
    epoch(spoken.earliest) - epoch(dns_warning.time) AS lead_s
FROM dns_warning
LEFT JOIN spoken
    ON spoken.site = dns_warning.site
    AND spoken.host_id = dns_warning.host_id
    AND spoken.time = dns_warning.time
ORDER BY spoken.detector IS NOT NULL, dns_warning.time DESC, dns_warning.site, dns_warning.host_id
