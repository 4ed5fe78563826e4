-- The matrix as it is read: what no exception covers first, and of it what hides names or is new or odd.
-- What breaks no rule of its site is left out: the web where no proxy is the rule, DNS without a resolver
-- of the site; unless a program that any account can replace does it, or one host is asked for.
SELECT
    egress_cell.site,
    substr(host_id, length(egress_cell.site) + 2) AS host,
    image,
    way,
    destination,
    CASE WHEN server_ip <> destination THEN server_ip END AS server_ip,
    connections,
    days,
    hosts,
    first_seen,
    last_seen,
    is_new,
    is_writable,
    exemption,
    standing
FROM egress_cell
LEFT JOIN egress_rule
    ON egress_rule.site = egress_cell.site
    AND egress_rule.rule = CASE egress_cell.way WHEN 'dns' THEN 'resolver' ELSE 'proxy' END
WHERE
    egress_rule.rule IS NOT NULL
    OR way IN ('dot', 'doq', 'doh', 'relay')
    OR is_writable
    OR getvariable('page_host') IS NOT NULL
ORDER BY
    standing IS NOT DISTINCT FROM 'holds',
    is_writable DESC,
    way IN ('dot', 'doq', 'doh', 'relay') DESC,
    way = 'dns' DESC,
    is_new DESC,
    hosts,
    connections DESC,
    egress_cell.site,
    host_id,
    destination,
    way,
    image
