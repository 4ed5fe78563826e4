-- The ranked destinations of one host (variable `sought`, lower case), or the first of every host.
SELECT *
FROM destination_rank
WHERE getvariable('sought') IS NULL AND rank = 1
    OR lower(host_id) = getvariable('sought')
    OR ends_with(lower(host_id), '/' || getvariable('sought'))
ORDER BY
    score DESC,
    host_id,
    rank
