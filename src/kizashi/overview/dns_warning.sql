-- dns_warning(site, host_id, time, span, names, usual, sample): the moment at which a host's fresh failed names
-- leave its band, of an hour or of a day; once until a day without. The spread of such counts is wider than
-- chance, since names fail in pages: variance = mean + mean squared. Reads dns_fresh and dns_slot.
WITH judged AS (
    SELECT
        dns_fresh.site,
        dns_fresh.host_id,
        dns_fresh.time,
        dns_fresh.in_hour,
        dns_fresh.in_day,
        upper_edge(dns_slot.expected_hour) AS usual_hour,
        upper_edge(dns_slot.expected_day) AS usual_day
    FROM dns_fresh
    JOIN dns_slot
        ON dns_slot.site = dns_fresh.site
        AND dns_slot.host_id = dns_fresh.host_id
        AND dns_slot.hour = date_trunc('hour', dns_fresh.time)
),
beyond AS (
    SELECT
        site,
        host_id,
        time,
        CASE
            WHEN in_hour >= greatest(getvariable('least_hour'), usual_hour) THEN 'hour'
            ELSE 'day'
        END AS span,
        CASE span WHEN 'hour' THEN in_hour ELSE in_day END AS names,
        CASE span WHEN 'hour' THEN usual_hour ELSE usual_day END AS usual
    FROM judged
    WHERE
        in_hour >= greatest(getvariable('least_hour'), usual_hour)
        OR in_day >= greatest(getvariable('least_day'), usual_day)
),
begun AS (
    SELECT
        site,
        host_id,
        time,
        span,
        names,
        usual
    FROM beyond
    QUALIFY
        coalesce(
            time - lag(time) OVER (PARTITION BY site, host_id ORDER BY time, names) > INTERVAL 1 DAY, TRUE)
)
SELECT
    begun.site,
    begun.host_id,
    begun.time,
    begun.span,
    begun.names,
    begun.usual,
    (
        SELECT list_sort(list(DISTINCT dns_fresh.query))[:getvariable('sample_names')]
        FROM dns_fresh
        WHERE
            dns_fresh.site = begun.site
            AND dns_fresh.host_id = begun.host_id
            AND dns_fresh.time
            BETWEEN begun.time - CASE begun.span WHEN 'hour' THEN INTERVAL 1 HOUR ELSE INTERVAL 1 DAY END
            AND begun.time
    ) AS sample
FROM begun
