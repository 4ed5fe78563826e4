-- insider(host_id, host_no, host_since, host_until)
-- Hosts of ours, numbered, and from when until when they gave signs of life: what has no public address,
-- or asked for a name, a page or a session. A public address that asks nothing of anybody is a visitor.
-- Reads life, dns_activity, http_activity and tls_activity.
WITH host AS (
    SELECT DISTINCT host_id
    FROM life
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
),
watched AS (
    SELECT
        host_id,
        min(day + INTERVAL 5 MINUTE * bins[1]) AS host_since,
        max(day + INTERVAL 5 MINUTE * bins[-1]) AS host_until
    FROM life
    GROUP BY host_id
)
SELECT
    host.host_id,
    row_number() OVER (ORDER BY host.host_id)::INTEGER AS host_no,
    watched.host_since,
    watched.host_until
FROM host
LEFT JOIN watched USING (host_id)
