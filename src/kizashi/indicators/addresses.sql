-- Every IPv6 address that an indicator could name.
SELECT DISTINCT ip
FROM (
    SELECT server_ip AS ip FROM network_activity
    UNION ALL
    SELECT server_ip FROM http_activity
    UNION ALL
    SELECT server_ip FROM tls_activity
    UNION ALL
    SELECT unnest(answers) FROM dns_activity
    UNION ALL
    SELECT sender_ip FROM email_activity
    UNION ALL
    SELECT client_ip FROM authentication
)
WHERE contains(ip, ':')
