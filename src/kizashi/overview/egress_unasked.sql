-- Hosts whose look-ups are logged and that speak to many names which they never asked for: something
-- resolves for them elsewhere, most likely DNS over HTTPS. Domains are compared, not names, since one
-- connection may serve several names of a domain; a host whose first hours are logged may still remember.
-- Reads outward, dns_activity, name and egress_name.
WITH spoken AS (
    SELECT
        coalesce(site, '') AS site,
        host_id,
        day,
        name AS query,
        max_by(image, (image IS NOT NULL, image)) AS image,
        count(*) AS connections
    FROM outward
    WHERE
        contains(name, '.')
        AND NOT is_any_address(name)
        AND is_of_page(site, host_id)
    GROUP BY coalesce(site, ''), host_id, day, name
),
split AS (
    SELECT
        query,
        registered_domain
    FROM registered_domains('egress_name')
    WHERE registered_domain IS NOT NULL
),
asker AS (
    SELECT
        host_id,
        CAST(time AS DATE) AS day,
        count(DISTINCT query) AS names
    FROM dns_activity
    WHERE query <> '' AND host_id IN (SELECT host_id FROM spoken)
    GROUP BY host_id, CAST(time AS DATE)
    HAVING count(DISTINCT query) >= getvariable('least_asked')
),
asked AS (
    SELECT DISTINCT
        dns_activity.host_id,
        name.registered_domain
    FROM dns_activity
    JOIN name USING (query)
    WHERE dns_activity.host_id IN (SELECT host_id FROM asker)
),
judged AS (
    SELECT
        spoken.site,
        spoken.host_id,
        spoken.day,
        split.registered_domain,
        max(spoken.image) AS image,
        sum(spoken.connections) AS connections,
        asked.registered_domain IS NULL AS is_unasked
    FROM spoken
    JOIN asker ON asker.host_id = spoken.host_id AND asker.day = spoken.day
    JOIN split USING (query)
    LEFT JOIN asked
        ON asked.host_id = spoken.host_id AND asked.registered_domain = split.registered_domain
    GROUP BY spoken.site, spoken.host_id, spoken.day, split.registered_domain, asked.registered_domain
)
SELECT
    site,
    substr(host_id, length(site) + 2) AS host,
    day,
    count(*) AS domains,
    count(*) FILTER (is_unasked) AS unasked,
    list_sort(list(registered_domain) FILTER (is_unasked))[:5] AS sample,
    max(image) FILTER (is_unasked) AS image
FROM judged
GROUP BY site, host_id, day
HAVING
    count(*) FILTER (is_unasked) >= getvariable('least_unasked')
    AND count(*) FILTER (is_unasked) >= getvariable('unasked_share') * count(*)
ORDER BY unasked DESC, site, host, day
