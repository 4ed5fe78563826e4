-- unasked_name(host_id, destination)
-- Names that a host met on the web and never asked for, though it asks for most of those it meets: a host
-- behind a proxy, or whose resolver logs elsewhere, cannot be said not to have asked. Reads contact and
-- dns_activity.
WITH met AS (
    SELECT DISTINCT
        host_id,
        destination
    FROM contact
    WHERE protocol IN ('http', 'tls')
        AND contains(destination, '.')
        AND NOT is_address(destination)
),
asked AS (
    SELECT DISTINCT
        host_id,
        query AS destination
    FROM dns_activity
    WHERE query <> ''
),
asker AS (
    SELECT met.host_id
    FROM met
    LEFT JOIN asked USING (host_id, destination)
    GROUP BY met.host_id
    HAVING count(asked.destination) >= asking_share() * count(*)
)
SELECT
    met.host_id,
    met.destination
FROM met
SEMI JOIN asker USING (host_id)
ANTI JOIN asked USING (host_id, destination)
