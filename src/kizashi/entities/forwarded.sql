-- forwarded(file_id, record_no)
-- Look-ups that a server asked on behalf of a client whose own question is logged too. The server is
-- never blamed for them: the client's row is the fact. A server's other questions stay its own.
-- Reads dns_activity; needs neither host_id nor bucket.
WITH server AS (
    SELECT
        site,
        server_ip AS client_ip
    FROM dns_activity
    WHERE server_ip IS NOT NULL AND vantage <> 'endpoint'
    GROUP BY
        site,
        server_ip
    HAVING count(DISTINCT client_ip) >= clients_of_a_server()
),
onward AS (
    SELECT
        site,
        client_ip,
        query,
        time,
        file_id,
        record_no
    FROM dns_activity
    SEMI JOIN server USING (site, client_ip)
    WHERE vantage <> 'endpoint' AND query <> ''
),
question AS (
    SELECT
        site,
        server_ip,
        query,
        time
    FROM dns_activity
    SEMI JOIN (SELECT site, client_ip AS server_ip FROM server) AS asked USING (site, server_ip)
    SEMI JOIN onward USING (site, query)
)
SELECT DISTINCT
    onward.file_id,
    onward.record_no
FROM onward
JOIN question
    ON question.site IS NOT DISTINCT FROM onward.site
    AND question.server_ip = onward.client_ip
    AND question.query = onward.query
    AND question.time BETWEEN onward.time - forwarding_gap() AND onward.time + forwarding_gap()
