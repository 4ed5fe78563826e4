-- Predicted names among the contacts whose events have left the lake.
SELECT
    predicted_name.family,
    contact_history.host_id,
    contact_history.destination,
    min(second_of(contact_history.day, contact_history.times[1])) AS first_seen,
    max(second_of(contact_history.day, contact_history.times[-1])) AS last_seen,
    count(DISTINCT contact_history.day) AS days,
    bool_or(
        contact_history.day BETWEEN predicted_name.first_day AND predicted_name.last_day
    ) AS in_season
FROM contact_history
JOIN predicted_name ON predicted_name.name = contact_history.destination
GROUP BY
    predicted_name.family,
    contact_history.host_id,
    contact_history.destination
ORDER BY
    first_seen,
    contact_history.host_id,
    contact_history.destination
