-- rhythm(site, host_id, unit_kind, unit, destination, destinations, server_ip, image, protocol,
--        first_seen, last_seen, days, ticks, beats, period_s, jitter, kept, clock, log_chance, coverage,
--        hours_on, is_regular, is_persistent, bytes_out, bytes_in, hits, fleet_hosts, first_known,
--        host_since, hosts, rhythms, sample)
-- Units of rhythm_unit that come back like a clock, or are always there; the method is rhythm.py's. What
-- a name tells alone is not told again of its address, program or shape. Reads rhythm_unit,
-- rhythm_measure and insider.
WITH told AS (
    SELECT
        rhythm_unit.*,
        rhythm_measure.* EXCLUDE (unit_no),
        rhythm_measure.hours_heard / greatest(rhythm_measure.hours_on, rhythm_measure.hours_heard, 1)
            AS coverage,
        rhythm_measure.log_chance <= least_log_chance() AS is_regular,
        rhythm_measure.hours_heard >= persistent_share() * rhythm_measure.hours_on
        AND rhythm_measure.hours_heard >= persistent_hours()
        AND rhythm_unit.days >= persistent_days()
        AND rhythm_unit.bytes_out <= rhythm_unit.hits * small_exchange_bytes()
        AND rhythm_unit.bytes_in <= rhythm_unit.hits * small_exchange_bytes() AS is_persistent
    FROM rhythm_unit
    JOIN rhythm_measure USING (unit_no)
),
named AS (
    SELECT
        host_id,
        destination
    FROM told
    WHERE unit_kind = 'name' AND (is_regular OR is_persistent)
)
SELECT
    told.* EXCLUDE (unit_no, host_no, hours_heard),
    insider.host_since,
    count(*) OVER (PARTITION BY told.host_id) AS rhythms
FROM told
LEFT JOIN insider USING (host_id)
WHERE (told.is_regular OR told.is_persistent)
    AND (
        told.unit_kind = 'name'
        OR NOT EXISTS (
            SELECT 1
            FROM named
            WHERE named.host_id = told.host_id
                AND list_contains(told.destinations, named.destination)
        )
    )
QUALIFY
    row_number() OVER (
        PARTITION BY told.host_id, told.destination
        ORDER BY told.unit_kind = 'name' DESC, told.log_chance, told.unit_kind, told.unit
    ) = 1
