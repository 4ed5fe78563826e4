-- fleet_contact(peer, fleet_hosts, first_known)
-- How many hosts ever met a name or an address outside, and since when. Reads contact.
WITH met AS (
    SELECT
        destination AS peer,
        host_id,
        first_seen
    FROM contact
    UNION ALL
    SELECT
        server_ip,
        host_id,
        first_seen
    FROM contact
    WHERE server_ip IS NOT NULL AND server_ip IS DISTINCT FROM destination
)
SELECT
    peer,
    count(DISTINCT host_id) AS fleet_hosts,
    min(first_seen) AS first_known
FROM met
GROUP BY peer
