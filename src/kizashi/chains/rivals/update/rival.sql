-- Signals about a program that ran here on earlier days, without a signal, and whose file a program of the
-- same product wrote anew: (signal_id, thing, hosts, days).
WITH item AS (
    SELECT
        signal_id,
        host_id,
        first_seen,
        program_shape(coalesce(object_image, image)) AS shape,
        regexp_extract(
            program_shape(coalesce(object_image, image)),
            '^.*?\\(?:program files(?: \(x86\))?|appdata\\(?:local|roaming)(?:\\programs)?|programdata)\\[^\\]+\\'
        ) AS product,
        min(first_seen) OVER (
            PARTITION BY host_id, program_shape(coalesce(object_image, image))
        ) AS first_signal
    FROM signal
    WHERE list_contains(getvariable('families'), family)
),
rewritten_file AS (
    SELECT item.signal_id
    FROM item
    JOIN file_activity AS f ON f.host_id = item.host_id
     AND program_shape(f.path) = item.shape
     AND f.activity IN ('create', 'rename')
     AND starts_with(program_shape(f.image), item.product)
     AND f.time <= item.first_seen + INTERVAL 1 HOUR
    WHERE item.product <> ''
    GROUP BY ALL
),
earlier AS (
    SELECT item.signal_id, count(DISTINCT p.time::DATE) AS days
    FROM item
    JOIN process_activity AS p ON p.host_id = item.host_id AND p.activity = 'start'
     AND program_shape(p.image) = item.shape
     AND p.time::DATE < item.first_signal::DATE
    GROUP BY ALL
    HAVING count(DISTINCT p.time::DATE) >= getvariable('min_days')
)
SELECT item.signal_id, file_name(item.shape) AS thing, 0 AS hosts, earlier.days
FROM item
JOIN rewritten_file USING (signal_id)
JOIN earlier USING (signal_id)
ORDER BY item.signal_id
