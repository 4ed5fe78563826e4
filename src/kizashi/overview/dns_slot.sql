-- dns_slot(site, host_id, hour, expected_hour, expected_day): how many fresh failed names a host was to be
-- expected to have in an hour, and in a day up to it, from what came before. The same hour of the week
-- (days off together) is drawn towards the host's hours of the kind, those towards the fleet's, and the
-- fleet's towards a prior, each by as many hours as the one below must outweigh. Only hosts with such names.
-- Reads dns_hour, dns_fresh and free_hour.
WITH counted AS (
    SELECT
        site,
        host_id,
        date_trunc('hour', time) AS hour,
        count(*) AS names
    FROM dns_fresh
    GROUP BY site, host_id, date_trunc('hour', time)
),
fleet_hour AS (
    SELECT
        dns_hour.hour,
        count(*) AS host_hours,
        sum(coalesce(counted.names, 0)) AS names
    FROM dns_hour
    LEFT JOIN counted
        ON counted.site = dns_hour.site
        AND counted.host_id = dns_hour.host_id
        AND counted.hour = dns_hour.hour
    WHERE dns_hour.scope = 'host'
    GROUP BY dns_hour.hour
),
fleet AS (
    SELECT
        hour,
        (coalesce(sum(names) OVER earlier, 0) + getvariable('prior_names') * getvariable('prior_hours'))
        / (coalesce(sum(host_hours) OVER earlier, 0) + getvariable('prior_hours')) AS expected
    FROM fleet_hour
    WINDOW earlier AS (ORDER BY hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
own AS (
    SELECT
        dns_hour.site,
        dns_hour.host_id,
        dns_hour.hour,
        free_hour.hour IS NOT NULL AS is_free,
        coalesce(counted.names, 0) AS names
    FROM dns_hour
    SEMI JOIN (SELECT DISTINCT host_id FROM dns_fresh) AS failing ON failing.host_id = dns_hour.host_id
    LEFT JOIN counted
        ON counted.site = dns_hour.site
        AND counted.host_id = dns_hour.host_id
        AND counted.hour = dns_hour.hour
    LEFT JOIN free_hour ON free_hour.site = dns_hour.site AND free_hour.hour = dns_hour.hour
    WHERE dns_hour.scope = 'host'
),
summed AS (
    SELECT
        own.site,
        own.host_id,
        own.hour,
        fleet.expected,
        count(*) OVER same_kind AS kind_hours,
        coalesce(sum(own.names) OVER same_kind, 0) AS kind_names,
        count(*) OVER same_hour AS slot_hours,
        coalesce(sum(own.names) OVER same_hour, 0) AS slot_names
    FROM own
    JOIN fleet ON fleet.hour = own.hour
    WINDOW
        same_kind AS (
            PARTITION BY own.site, own.host_id, own.is_free
            ORDER BY own.hour
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ),
        same_hour AS (
            PARTITION BY
                own.site, own.host_id, own.is_free, date_part('hour', own.hour),
                CASE WHEN NOT own.is_free THEN isodow(own.hour) END
            ORDER BY own.hour
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
),
drawn AS (
    SELECT
        site,
        host_id,
        hour,
        (kind_names + expected * getvariable('own_hours')) / (kind_hours + getvariable('own_hours'))
            AS kind_expected,
        (slot_names + kind_expected * getvariable('slot_weeks')) / (slot_hours + getvariable('slot_weeks'))
            AS expected_hour
    FROM summed
)
SELECT
    site,
    host_id,
    hour,
    expected_hour,
    sum(expected_hour) OVER (
        PARTITION BY site, host_id ORDER BY hour RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW
    ) AS expected_day
FROM drawn
