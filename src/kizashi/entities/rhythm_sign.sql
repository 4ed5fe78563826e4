-- Signs of life of the hosts that units belong to, five minutes each: (host_no, second), in order.
SELECT
    host.host_no,
    epoch(uptime.day)::BIGINT + 300 * unnest(uptime.bins)::BIGINT AS second
FROM uptime
JOIN (SELECT DISTINCT host_no, host_id FROM rhythm_unit) AS host USING (host_id)
ORDER BY
    host_no,
    second
