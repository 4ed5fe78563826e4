-- life(site, host_id, day, bins)
-- When a host was on, also on days whose events have left the lake: what rhythms over years are held
-- against. Rates per host-day count uptime alone. Reads uptime.
SELECT
    site,
    host_id,
    day,
    bins
FROM uptime
