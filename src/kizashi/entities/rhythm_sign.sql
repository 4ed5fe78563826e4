-- Signs of life of the hosts that units belong to, a row a day in order: `midnight` as one number,
-- host_no * 2^36 + second, and the five-minute bins after it.
SELECT
    (host.host_no::BIGINT << 36) + rhythm_second(life.day) AS midnight,
    life.bins AS times
FROM life
JOIN (SELECT DISTINCT host_no, host_id FROM rhythm_unit) AS host USING (host_id)
WHERE is_rhythm_day(life.day)
ORDER BY midnight
