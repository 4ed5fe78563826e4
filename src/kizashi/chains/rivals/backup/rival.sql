-- Signals of an installed program, or of what it started, as the system, that ran at the same time of day
-- on earlier days: (signal_id, thing, hosts, days).
WITH job AS (
    SELECT a.signal_id, a.host_id, a.first_seen, a.shape AS doer
    FROM acting AS a
    WHERE a.own AND list_contains(getvariable('families'), a.family)
      AND EXISTS (FROM acting AS own WHERE own.signal_id = a.signal_id AND own.of_system)
      AND NOT EXISTS (FROM acting AS own WHERE own.signal_id = a.signal_id AND is_user_writable(own.shape))
),
-- Seconds between two times of day, around midnight too.
ran AS (
    SELECT
        job.signal_id,
        job.doer,
        deed.time::DATE AS day,
        abs(epoch(job.first_seen) - epoch(deed.time)) % 86400 AS apart_s
    FROM job
    JOIN deed ON deed.host_id = job.host_id AND job.doer IN (deed.shape, deed.doer)
     AND deed.time::DATE < job.first_seen::DATE
)
SELECT
    signal_id,
    file_name(doer) AS thing,
    0 AS hosts,
    count(DISTINCT day) AS days
FROM ran
WHERE least(apart_s, 86400 - apart_s) <= 60 * getvariable('slack_minutes')
GROUP BY ALL
HAVING count(DISTINCT day) >= getvariable('min_days')
ORDER BY signal_id
