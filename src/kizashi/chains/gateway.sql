-- Addresses of signals that several machines share, because a translator or proxy stands between them
-- and the sensor: (host_id, hosts). What a machine itself logged, the sensor saw at that moment come
-- from another address; or the proxy names whom it asks for. Reads signal, network_activity and relay.
WITH addressed AS (
    SELECT DISTINCT host_id FROM signal
    WHERE regexp_full_match(split_part(host_id, '/', -1), '[0-9.]+|[0-9a-f]*:[0-9a-f:.]+')
),
seen AS (
    SELECT host_id, site, client_ip, server_ip, server_port, time
    FROM network_activity
    WHERE vantage <> 'endpoint' AND host_id IN (SELECT host_id FROM addressed)
),
made AS (
    SELECT host_id, site, client_ip, server_ip, server_port, time
    FROM network_activity
    WHERE vantage = 'endpoint' AND initiated
      AND server_ip IN (SELECT server_ip FROM seen)
),
met AS (
    SELECT seen.host_id, count(DISTINCT made.host_id) AS hosts
    FROM seen
    JOIN made ON made.site = seen.site
     AND made.server_ip = seen.server_ip
     AND made.server_port = seen.server_port
     AND made.client_ip != seen.client_ip
     AND made.host_id != seen.host_id
     AND seen.time BETWEEN made.time - to_seconds(getvariable('same_moment_s')::INT)
                       AND made.time + to_seconds(getvariable('same_moment_s')::INT)
    GROUP BY seen.host_id
    HAVING count(DISTINCT made.host_id) >= getvariable('gateway_hosts')
),
told AS (
    SELECT addressed.host_id, relay.clients AS hosts
    FROM addressed
    JOIN relay ON addressed.host_id = relay.site || '/' || relay.client_ip
)
SELECT host_id, max(hosts) AS hosts
FROM (FROM met UNION ALL FROM told)
GROUP BY host_id
ORDER BY host_id
