-- young_name(query, site, first_seen, hosts, records): names first met in the last `new_days` days before
-- `new_until`, by site: looked up and answered, or spoken to. A name is new for the whole fleet or not at
-- all. Reads dns_activity, http_activity and tls_activity.
WITH met AS (
    SELECT
        site,
        host_id,
        time,
        rtrim(lower(query), '.') AS query
    FROM dns_activity
    WHERE rcode = 'NOERROR' AND len(answers) > 0
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        lower(host)
    FROM http_activity
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        lower(sni)
    FROM tls_activity
),
young AS (
    SELECT
        query,
        min(time) AS first_seen
    FROM met
    WHERE query <> '' AND NOT fails_by_design(query)
    GROUP BY query
    HAVING min(time) > getvariable('new_until')::TIMESTAMP - to_days(getvariable('new_days'))
)
SELECT
    met.query,
    coalesce(met.site, '') AS site,
    any_value(young.first_seen) AS first_seen,
    count(DISTINCT met.host_id) AS hosts,
    count(*) AS records
FROM met
JOIN young USING (query)
GROUP BY met.query, coalesce(met.site, '')
