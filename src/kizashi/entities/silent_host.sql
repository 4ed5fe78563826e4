-- silent_host(host_id, source, last_seen, hours)
-- Hosts whose own log stopped while the network still saw them, in `hours` later hours. A source that
-- stopped for everybody is told as such and not host by host. Reads source_hour.
WITH own AS (
    SELECT
        source,
        host_id,
        max(hour) AS last_hour,
        max(last_seen) AS last_seen,
        count(*) AS hours,
        count(DISTINCT hour::DATE) AS days
    FROM source_hour
    WHERE is_own
    GROUP BY
        source,
        host_id
),
on_the_network AS (
    SELECT DISTINCT
        host_id,
        hour
    FROM source_hour
    WHERE NOT is_own
),
whole AS (
    SELECT
        source,
        max(hour) AS last_hour
    FROM own
    JOIN source_hour USING (source)
    GROUP BY source
)
SELECT
    own.host_id,
    own.source,
    own.last_seen,
    count(*) FILTER (on_the_network.hour > own.last_hour) AS hours
FROM own
JOIN whole USING (source)
JOIN on_the_network USING (host_id)
WHERE own.days >= usual_days()
GROUP BY
    own.host_id,
    own.source,
    own.last_seen,
    own.last_hour,
    own.hours,
    whole.last_hour
HAVING
    count(*) FILTER (on_the_network.hour > own.last_hour) >= hours_missed()
    AND own.hours >= usual_share() * count(*) FILTER (on_the_network.hour <= own.last_hour)
    AND whole.last_hour >= own.last_hour + INTERVAL 1 HOUR * hours_missed()
