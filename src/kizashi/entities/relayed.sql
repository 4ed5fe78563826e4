-- Rows of http_activity with asking_ip: the client that a relay said it asked for, else client_ip.
-- Reads relay.
SELECT
    asked.*,
    CASE
        WHEN relay.client_ip IS NOT NULL THEN coalesce(asked.forwarded_for, asked.client_ip)
        ELSE asked.client_ip
    END AS asking_ip
FROM (
{rows}
) AS asked
LEFT JOIN relay
    ON relay.site = coalesce(asked.site, '')
    AND relay.client_ip = asked.client_ip
