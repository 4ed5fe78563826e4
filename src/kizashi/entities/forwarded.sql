-- forwarded(file_id, record_no)
-- Look-ups that a server asked on behalf of a client whose own question is logged too. The server is
-- never blamed for them: the client's row is the fact. A server's other questions stay its own.
-- Reads dns_activity and role; needs neither host_id nor bucket.
WITH server AS (
    SELECT
        site,
        address
    FROM role
    WHERE role = 'resolver'
),
onward AS (
    SELECT
        coalesce(site, '') AS site,
        client_ip,
        query,
        time,
        time + forwarding_gap() AS until,
        file_id,
        record_no
    FROM dns_activity
    SEMI JOIN server
        ON server.site = coalesce(dns_activity.site, '') AND server.address = dns_activity.client_ip
    WHERE vantage <> 'endpoint' AND query <> ''
),
question AS (
    SELECT
        coalesce(site, '') AS site,
        server_ip,
        query,
        time
    FROM dns_activity
    SEMI JOIN server
        ON server.site = coalesce(dns_activity.site, '') AND server.address = dns_activity.server_ip
    SEMI JOIN onward
        ON onward.site = coalesce(dns_activity.site, '') AND onward.query = dns_activity.query
)
-- The last question before half a minute after: one look for each, however often a name is asked for.
SELECT DISTINCT
    onward.file_id,
    onward.record_no
FROM onward
ASOF JOIN question
    ON question.site = onward.site
    AND question.server_ip = onward.client_ip
    AND question.query = onward.query
    AND question.time <= onward.until
WHERE question.time >= onward.time - forwarding_gap()
