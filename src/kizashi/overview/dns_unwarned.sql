-- Signals of failed names that no warning came before or with.
SELECT count(*)
FROM dns_fired
WHERE NOT EXISTS (
    SELECT 1
    FROM dns_warning
    WHERE
        dns_warning.site = dns_fired.site
        AND dns_warning.host_id = dns_fired.host_id
        AND dns_warning.time BETWEEN dns_fired.first_seen - INTERVAL 7 DAY
        AND dns_fired.last_seen + INTERVAL 1 DAY
)
