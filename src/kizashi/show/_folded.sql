-- The days with many lines as one: `hosts` is how many, and what differs between the lines is NULL.
-- Variable by_said: a line for each name, address or file that was asked for; else one for each kind.
-- Reads day_line.
SELECT
    day,
    what,
    CASE WHEN count(DISTINCT host) = 1 THEN any_value(host) END AS host,
    CASE WHEN count(DISTINCT process) = 1 THEN any_value(process) END AS process,
    CASE WHEN count(DISTINCT "user") = 1 THEN any_value("user") END AS "user",
    CASE WHEN count(DISTINCT said) = 1 THEN any_value(said) END AS said,
    CASE WHEN count(DISTINCT answer) = 1 THEN any_value(answer) END AS answer,
    count(DISTINCT host) AS hosts,
    sum(times)::BIGINT AS times,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen
FROM day_line
GROUP BY
    day,
    what,
    CASE WHEN getvariable('by_said') THEN said END
