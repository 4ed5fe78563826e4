-- Days on which hosts were on and whose events have left the lake. Reads life_history.
SELECT
    site,
    host_id,
    day,
    bins
FROM life_history
