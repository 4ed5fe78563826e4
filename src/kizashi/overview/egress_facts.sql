-- Counts that the page's sentences tell.
SELECT
    (SELECT count(*) FROM egress_way WHERE way = 'quic' AND acts_for IS NULL) AS quic,
    (SELECT count(*) FROM egress_way WHERE way = 'quic' AND acts_for IS NULL AND NOT is_named) AS nameless_quic,
    (SELECT count(*) FROM egress_way WHERE way = 'web' AND acts_for IS NULL AND NOT is_named) AS nameless_web,
    (SELECT count(*) FROM egress_way WHERE way = 'web' AND acts_for IS NULL) AS web,
    (SELECT count(*) FROM egress_way WHERE is_ech AND acts_for IS NULL) AS ech,
    (SELECT count(*) FROM egress_way WHERE acts_for IS NULL AND image IS NULL) AS unknown_programs,
    (SELECT count(*) FROM egress_way WHERE acts_for IS NULL) AS direct,
    EXISTS (FROM network_activity) AS has_flows,
    EXISTS (FROM dns_activity) AS has_dns,
    EXISTS (FROM registry_activity) AS has_registry,
    EXISTS (FROM http_activity WHERE proxied) AS has_proxy,
    (SELECT list_sort(list(site)) FROM egress_rule WHERE rule = 'proxy') AS ruled,
    (
        SELECT list_sort(list(DISTINCT coalesce(egress_way.site, '')))
        FROM egress_way
        ANTI JOIN egress_rule
            ON egress_rule.rule = 'resolver' AND egress_rule.site = coalesce(egress_way.site, '')
        WHERE egress_way.way = 'dns'
    ) AS without_resolver
