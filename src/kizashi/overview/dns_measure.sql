-- dns_measure(scope, about, hour, measure, value, usual): each measure of a site and of the fleet, hour
-- by hour, and the band that its own past drew for it: the mean and spread of the same hour of the week (days
-- off together), or, while those are few, of the same hour on earlier days of the kind. Counts spread by
-- chance as their root does; a share of few look-ups says nothing. Reads dns_hour and free_hour.
WITH chosen AS (
    -- The one host that was asked for, else sites and fleet.
    SELECT
        scope,
        coalesce(host_id, site, '') AS about,
        site,
        hour,
        lookups,
        told,
        failures,
        new_names,
        registered,
        labels,
        label_length,
        odd_labels,
        answered,
        answers,
        timed,
        ttl_log
    FROM dns_hour
    WHERE (scope = 'host') = (getvariable('page_host') IS NOT NULL)
        AND (getvariable('page_site') IS NULL OR scope <> 'fleet')
),
measured AS (
    SELECT
        chosen.scope,
        chosen.about,
        chosen.site,
        chosen.hour,
        free_hour.hour IS NOT NULL AS is_free,
        chosen.lookups::DOUBLE AS lookups,
        CASE WHEN chosen.told >= getvariable('least_lookups') THEN chosen.failures / chosen.told END
            AS failing,
        -- In its first day a log calls every name new.
        CASE
            WHEN chosen.hour >= min(chosen.hour) OVER (PARTITION BY chosen.about) + INTERVAL 1 DAY
                THEN chosen.new_names::DOUBLE
        END AS new_names,
        CASE WHEN getvariable('has_feed') THEN chosen.registered::DOUBLE END AS registered,
        chosen.label_length / nullif(chosen.labels, 0) AS label_length,
        CASE WHEN chosen.labels >= getvariable('least_lookups') THEN chosen.odd_labels / chosen.labels END
            AS odd_labels,
        chosen.answers / nullif(chosen.answered, 0) AS answers,
        exp(chosen.ttl_log / nullif(chosen.timed, 0)) - 1 AS ttl
    FROM chosen
    LEFT JOIN free_hour ON free_hour.site = coalesce(chosen.site, '') AND free_hour.hour = chosen.hour
),
long AS (
    UNPIVOT measured
    ON lookups, failing, new_names, registered, label_length, odd_labels, answers, ttl
    INTO NAME measure VALUE value
),
banded AS (
    SELECT
        scope,
        about,
        hour,
        measure,
        value,
        count(value) OVER of_week AS weeks,
        avg(value) OVER of_week AS week_mean,
        stddev_samp(value) OVER of_week AS week_spread,
        count(value) OVER of_day AS days,
        avg(value) OVER of_day AS day_mean,
        stddev_samp(value) OVER of_day AS day_spread
    FROM long
    WINDOW
        of_week AS (
            PARTITION BY
                scope, about, measure, is_free, date_part('hour', hour),
                CASE WHEN NOT is_free THEN isodow(hour) END
            ORDER BY hour
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ),
        of_day AS (
            PARTITION BY scope, about, measure, is_free, date_part('hour', hour)
            ORDER BY hour
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
),
learned AS (
    SELECT
        scope,
        about,
        hour,
        measure,
        value,
        CASE WHEN weeks >= getvariable('fewest_weeks') THEN week_mean ELSE day_mean END AS mean,
        CASE WHEN weeks >= getvariable('fewest_weeks') THEN week_spread ELSE day_spread END AS spread
    FROM banded
    WHERE weeks >= getvariable('fewest_weeks') OR days >= getvariable('fewest_days')
)
SELECT
    banded.scope,
    banded.about,
    banded.hour,
    banded.measure,
    banded.value,
    learned.mean + getvariable('band_width') * greatest(
        learned.spread,
        getvariable('least_spread') * learned.mean,
        CASE
            WHEN banded.measure IN ('lookups', 'new_names', 'registered')
                THEN sqrt(greatest(1, learned.mean))
            ELSE 0
        END
    ) AS usual
FROM banded
LEFT JOIN learned USING (scope, about, hour, measure)
