-- baseline(site, host_id, hour_of_week, lookups, failures, days)
-- What is normal for a host in each hour of the week (UTC, 0 = Monday 00:00): its look-ups and failed
-- ones over `days` days on which it was on in that hour. A and AAAA, and what two sources saw of one
-- question, count each. Reads own_dns_activity and uptime.
WITH asked AS (
    SELECT
        site,
        host_id,
        hour_of_week(time) AS hour_of_week,
        count(*) AS lookups,
        count(*) FILTER (rcode = 'NXDOMAIN') AS failures
    FROM own_dns_activity
    WHERE query <> ''
    GROUP BY
        site,
        host_id,
        hour_of_week(time)
),
hour_on AS (
    SELECT DISTINCT
        site,
        host_id,
        day,
        hour_of_week(day + INTERVAL 5 MINUTE * bin) AS hour_of_week
    FROM (
        SELECT
            site,
            host_id,
            day,
            unnest(bins) AS bin
        FROM uptime
    )
),
awake AS (
    SELECT
        site,
        host_id,
        hour_of_week,
        count(*) AS days
    FROM hour_on
    GROUP BY
        site,
        host_id,
        hour_of_week
)
SELECT
    awake.site,
    awake.host_id,
    awake.hour_of_week,
    coalesce(asked.lookups, 0)::UBIGINT AS lookups,
    coalesce(asked.failures, 0)::UBIGINT AS failures,
    awake.days::UINTEGER AS days
FROM awake
LEFT JOIN asked
    ON asked.site IS NOT DISTINCT FROM awake.site
    AND asked.host_id = awake.host_id
    AND asked.hour_of_week = awake.hour_of_week
