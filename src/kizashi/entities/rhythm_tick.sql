-- Seconds at which units were heard, a row a day: `midnight` as one number, unit_no * 2^36 + second, and
-- the seconds after it.
WITH wanted AS (
    SELECT
        unit_no,
        host_id,
        unit_kind,
        unit,
        unnest(destinations) AS destination
    FROM rhythm_unit
)
SELECT
    (wanted.unit_no::BIGINT << 36) + rhythm_second(contact.day) AS midnight,
    contact.times
FROM contact
JOIN wanted
    ON wanted.host_id = contact.host_id
    AND wanted.destination = contact.destination
WHERE is_rhythm_day(contact.day)
    AND (
        wanted.unit_kind IN ('name', 'shape')
        OR (wanted.unit_kind = 'address' AND contact.server_ip = wanted.unit)
        OR (wanted.unit_kind = 'program' AND contact.image = wanted.unit)
    )
