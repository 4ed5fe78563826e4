-- What a policy would have stopped, from `tried`: by user, program, partner, entry and reason.
CREATE OR REPLACE TEMP TABLE stopped AS
SELECT
    entry,
    "user",
    program,
    partner,
    reason,
    told_by,
    count(*) AS times,
    count(DISTINCT host_id) AS hosts,
    count(DISTINCT CAST(time AS DATE)) AS days,
    min(time) AS first_seen,
    max(time) AS last_seen
FROM tried
GROUP BY
    entry,
    "user",
    program,
    partner,
    reason,
    told_by;
