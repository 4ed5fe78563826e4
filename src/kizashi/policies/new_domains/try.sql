-- Web to registered domains whose first contact by anybody here is less than young_days before.
WITH used AS (
    SELECT
        time,
        host_id,
        "user",
        image,
        lower(host) AS query
    FROM http_activity
    WHERE host IS NOT NULL AND coalesce(disposition, '') != 'blocked'
    UNION ALL
    SELECT
        time,
        host_id,
        NULL,
        NULL,
        lower(sni)
    FROM tls_activity
    WHERE sni IS NOT NULL
),
visited AS (
    SELECT DISTINCT query
    FROM (
        SELECT query FROM used
        UNION ALL
        SELECT destination FROM contact WHERE contains(destination, '.')
    )
),
domains AS (
    SELECT
        split.query,
        split.registered_domain AS domain,
        split.is_dynamic_dns
    FROM registered_domains('visited') AS split
    WHERE split.registered_domain IS NOT NULL
),
-- Contacts are kept for years, events are not.
known AS (
    SELECT
        domains.domain,
        min(seen.time) AS first_seen
    FROM (
        SELECT destination AS query, first_seen AS time FROM contact
        UNION ALL
        SELECT query, time FROM used
    ) AS seen
    INNER JOIN domains ON domains.query = seen.query
    GROUP BY domains.domain
),
begun AS (
    SELECT min(first_seen) AS time
    FROM known
),
young AS (
    SELECT
        used.time,
        used.host_id,
        used."user",
        used.image,
        used.query,
        domains.domain,
        domains.is_dynamic_dns
    FROM used
    INNER JOIN domains ON domains.query = used.query
    INNER JOIN known ON known.domain = domains.domain
    WHERE
        used.time > getvariable('since')
        AND used.time < known.first_seen + to_days(getvariable('young_days'))
        AND known.first_seen
        >= (SELECT begun.time FROM begun) + to_days(getvariable('least_history_days'))
),
habit AS (
    SELECT
        domain,
        count(DISTINCT host_id) AS hosts,
        count(DISTINCT CAST(time AS DATE)) AS days
    FROM young
    GROUP BY domain
),
correspondent AS (
    SELECT DISTINCT split_part(from_address, '@', -1) AS domain
    FROM email_activity
    WHERE from_address IS NOT NULL
)
SELECT
    young.time,
    young.host_id,
    young."user",
    file_name(young.image) AS program,
    young.query AS partner,
    young.domain AS entry,
    CASE
        WHEN coalesce(is_user_writable(young.image), FALSE) OR young.is_dynamic_dns THEN 'hostile'
        WHEN habit.hosts >= getvariable('shared_hosts') THEN 'shared'
        WHEN young.domain IN (SELECT correspondent.domain FROM correspondent) THEN 'correspondent'
        WHEN habit.days >= getvariable('regular_days') THEN 'regular'
        ELSE 'unclear'
    END AS reason,
    'web and contacts' AS told_by
FROM young
INNER JOIN habit ON habit.domain = young.domain
