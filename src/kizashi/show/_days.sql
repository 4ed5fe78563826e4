-- What was found by day, with how often, the first and the last time. Reads fact.
SELECT
    time::DATE AS day,
    what,
    host_id AS host,
    image AS process,
    "user",
    said,
    answer,
    1 AS hosts,
    count(*) AS times,
    min(time) AS first_seen,
    max(time) AS last_seen
FROM fact
GROUP BY
    time::DATE,
    what,
    host_id,
    image,
    "user",
    said,
    answer
