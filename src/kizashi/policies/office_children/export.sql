-- Rules of attack surface reduction and the mode for each.
WITH rule AS (
    SELECT
        unnest([
            'd4f940ab-401b-4efc-aadc-ad5f3c50688a', '26190899-1602-49e8-8b27-eb1d0a1ce869',
            '7674ba52-37eb-4a4f-a9a1-f0f9a1619a2c'
        ]) AS entry,
        unnest([
            'Block all Office applications from creating child processes',
            'Block Office communication application from creating child processes',
            'Block Adobe Reader from creating child processes'
        ]) AS title
),
counted AS (
    SELECT
        rule.entry,
        rule.title,
        coalesce(sum(stopped.times) FILTER (list_contains(getvariable('honest'), stopped.reason)), 0)
            AS in_the_way,
        coalesce(sum(stopped.times), 0) AS times
    FROM rule
    LEFT JOIN stopped ON stopped.entry = rule.entry
    GROUP BY rule.entry, rule.title
)
SELECT
    'asr' AS kind,
    entry AS rule,
    CASE
        WHEN getvariable('mode') != 'auto' THEN getvariable('mode')
        WHEN in_the_way = 0 THEN 'block'
        ELSE 'audit'
    END AS mode,
    -- What Set-MpPreference and the group policy call it.
    CASE
        WHEN getvariable('mode') = 'block' OR (getvariable('mode') = 'auto' AND in_the_way = 0) THEN 1
        ELSE 2
    END AS value,
    title,
    CAST(in_the_way AS BIGINT) AS honest_or_unclear,
    CAST(times AS BIGINT) AS would_stop
FROM counted
ORDER BY entry
