-- insider(host_id, host_no)
-- Hosts of ours, numbered: what has no public address, or asked for a name, a page or a session. A public
-- address that asks nothing of anybody is a visitor. Reads uptime, dns_activity, http_activity and
-- tls_activity.
SELECT
    host_id,
    row_number() OVER (ORDER BY host_id)::INTEGER AS host_no
FROM (
    SELECT DISTINCT host_id
    FROM uptime
    WHERE NOT is_public_address(split_part(host_id, '/', -1))
    UNION
    SELECT host_id
    FROM dns_activity
    UNION
    SELECT host_id
    FROM http_activity
    UNION
    SELECT host_id
    FROM tls_activity
)
