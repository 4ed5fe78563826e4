-- Where no proxy is known, web past it cannot be told; without a resolver all DNS outside looks direct.
WITH site AS (
    SELECT DISTINCT
        coalesce(site, '') AS site,
        CASE WHEN coalesce(site, '') = '' THEN 'here' ELSE 'at site "' || site || '"' END AS place,
        CASE WHEN coalesce(site, '') = '' THEN '' ELSE '拠点「' || site || '」の' END AS place_ja
    FROM network_activity
    WHERE time > getvariable('since')
)
SELECT
    'web past the proxy was not judged ' || place || ': no proxy is known; name it in kizashi.toml (proxies of the site)'
        AS en,
    place_ja || 'プロキシを通らない Web は判定していない：プロキシが不明。kizashi.toml の拠点の proxies に書く' AS ja
FROM site
WHERE site NOT IN (SELECT coalesce(role.site, '') FROM role WHERE role.role = 'proxy')
UNION ALL
SELECT
    place || ' no resolver is known: each look-up outside counts as direct',
    place_ja || 'リゾルバーが不明：外部への問い合わせはすべて直接とみなした'
FROM site
WHERE site NOT IN (SELECT coalesce(role.site, '') FROM role WHERE role.role = 'resolver')
ORDER BY ALL
