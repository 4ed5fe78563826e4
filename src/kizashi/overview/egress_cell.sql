-- egress_cell: host x program x way x destination, with the exception that covers it or once did.
-- Reads egress_way and exempted.
WITH site_since AS (
    SELECT
        coalesce(site, '') AS site,
        min(time) AS since
    FROM network_activity
    GROUP BY coalesce(site, '')
),
fleet AS (
    SELECT
        destination,
        count(DISTINCT host_id) AS hosts
    FROM egress_way
    WHERE acts_for IS NULL
    GROUP BY destination
),
first_use AS (
    SELECT
        coalesce(site, '') AS site,
        host_id,
        image,
        min(time) AS first_direct
    FROM egress_way
    WHERE acts_for IS NULL
    GROUP BY coalesce(site, ''), host_id, image
),
cell AS (
    SELECT
        coalesce(site, '') AS site,
        host_id,
        image,
        way,
        destination,
        mode(server_ip) AS server_ip,
        count(*) AS connections,
        count(DISTINCT day) AS days,
        min(time) AS first_seen,
        max(time) AS last_seen
    FROM egress_way
    WHERE acts_for IS NULL
    GROUP BY coalesce(site, ''), host_id, image, way, destination
),
matched AS (
    SELECT
        cell.site,
        cell.host_id,
        cell.image,
        cell.way,
        cell.destination,
        max(exempted.exemption) AS exemption,
        max(exempted.last_day) AS last_day
    FROM cell
    JOIN exempted
        ON exempted.detector = 'network_direct_egress'
        AND is_covered(
            cell.host_id, cell.image, cell.destination,
            exempted.host_id, exempted.image, exempted.destination, exempted.parent_image)
    GROUP BY cell.site, cell.host_id, cell.image, cell.way, cell.destination
)
SELECT
    cell.site,
    cell.host_id,
    cell.image,
    cell.way,
    cell.destination,
    cell.server_ip,
    cell.connections,
    cell.days,
    fleet.hosts,
    cell.first_seen,
    cell.last_seen,
    cell.image IS NOT NULL AND is_new_here(first_use.first_direct, site_since.since) AS is_new,
    coalesce(is_user_writable(cell.image), FALSE) AS is_writable,
    matched.exemption,
    CASE
        WHEN matched.exemption IS NULL THEN NULL
        WHEN CAST(cell.last_seen AS DATE) <= matched.last_day THEN 'holds'
        ELSE 'ended'
    END AS standing
FROM cell
JOIN fleet USING (destination)
LEFT JOIN site_since ON site_since.site = cell.site
LEFT JOIN first_use
    ON first_use.site = cell.site
    AND first_use.host_id = cell.host_id
    AND first_use.image IS NOT DISTINCT FROM cell.image
LEFT JOIN matched
    ON matched.site = cell.site
    AND matched.host_id = cell.host_id
    AND matched.image IS NOT DISTINCT FROM cell.image
    AND matched.way = cell.way
    AND matched.destination = cell.destination
