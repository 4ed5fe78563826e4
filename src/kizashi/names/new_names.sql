-- The names of young_name with the domain that somebody registered, oldest first. Reads young_name.
SELECT
    young_name.query AS name,
    split.registered_domain,
    split.is_dynamic_dns,
    young_name.site,
    young_name.first_seen,
    young_name.hosts,
    young_name.records
FROM young_name
JOIN registered_domains('young_name') AS split USING (query)
WHERE
    split.registered_domain IS NOT NULL
    AND (getvariable('new_site') IS NULL OR young_name.site = getvariable('new_site'))
ORDER BY first_seen, name, site
