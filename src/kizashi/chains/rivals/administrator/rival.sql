-- Signals of a person who ran most of the same tools on earlier days and on several machines, with nothing
-- from a folder of a user in the line of descent: (signal_id, thing, hosts, days).
WITH worker AS (
    SELECT DISTINCT a.signal_id, a.host_id, a.first_seen, a.account
    FROM acting AS a
    WHERE list_contains(getvariable('families'), a.family)
      AND a.depth = 0 AND a.account IS NOT NULL AND NOT a.of_system
      AND NOT EXISTS (FROM acting AS up WHERE up.signal_id = a.signal_id AND is_user_writable(up.shape))
),
-- What the signal's process is, and what it started that day.
tool AS (
    SELECT w.signal_id, file_name(a.shape) AS tool
    FROM worker AS w
    JOIN acting AS a ON a.signal_id = w.signal_id AND a.depth = 0
    UNION
    SELECT w.signal_id, file_name(d.shape)
    FROM worker AS w
    JOIN acting AS a ON a.signal_id = w.signal_id AND a.depth = 0
    JOIN deed AS d ON d.host_id = w.host_id AND d.doer = a.shape AND d.account = w.account
     AND d.time::DATE = w.first_seen::DATE
),
before AS (
    SELECT w.signal_id, t.tool, d.host_id, d.time::DATE AS day
    FROM worker AS w
    JOIN tool AS t ON t.signal_id = w.signal_id
    JOIN deed AS d ON d.account = w.account AND file_name(d.shape) = t.tool
     AND d.time::DATE < w.first_seen::DATE
),
known AS (
    SELECT signal_id, count(DISTINCT tool) AS tools, count(DISTINCT host_id) AS hosts, count(DISTINCT day) AS days
    FROM before
    GROUP BY ALL
)
SELECT w.signal_id, w.account AS thing, k.hosts, k.days
FROM worker AS w
JOIN known AS k USING (signal_id)
WHERE k.days >= getvariable('min_days')
  AND k.hosts >= getvariable('min_hosts')
  AND k.tools >= getvariable('min_share') * (SELECT count(*) FROM tool AS t WHERE t.signal_id = w.signal_id)
ORDER BY w.signal_id
