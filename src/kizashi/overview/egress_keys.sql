-- What registries say of resolvers: browsers' policies and Windows' own, the last value of each.
WITH written AS (
    SELECT
        coalesce(site, '') AS site,
        substr(host_id, length(coalesce(site, '')) + 2) AS host,
        time,
        image,
        activity,
        key_path,
        lower(trim(coalesce(
            nullif(regexp_extract(value_data, '(?i)0x0*([0-9a-f]+)', 1), ''), value_data
        ), '" ')) AS value,
        lower(regexp_extract(
            key_path,
            '(?i)\\(DnsOverHttpsMode|DnsOverHttpsTemplates|BuiltInDnsClientEnabled|DNSOverHTTPS\\(?:Enabled|ProviderURL)|DoHPolicy|EnableAutoDoh|DohFlags|DohTemplate)$',
            1)) AS setting
    FROM registry_activity
    WHERE is_of_page(site, host_id) AND regexp_matches(key_path, '(?i)\\(BuiltIn)?D(ns|oh|NSOver|nsOver)|EnableAutoDoh')
)
SELECT
    site,
    host,
    max_by(image, time) AS image,
    key_path,
    max_by(CASE WHEN activity = 'delete' THEN NULL ELSE value END, time) AS value,
    max(time) AS last_seen,
    CASE
        WHEN max_by(activity, time) = 'delete' THEN 'lifted'
        WHEN setting IN ('dnsoverhttpstemplates', 'dnsoverhttps\providerurl', 'dohtemplate') THEN 'place'
        WHEN
            (setting = 'dnsoverhttpsmode' AND max_by(value, time) = 'off')
            OR (
                setting IN ('builtindnsclientenabled', 'dnsoverhttps\enabled', 'enableautodoh', 'dohflags')
                AND max_by(value, time) = '0'
            )
            -- 1 prohibits, 2 allows, 3 requires.
            OR (setting = 'dohpolicy' AND max_by(value, time) = '1')
            THEN 'off'
        ELSE 'on'
    END AS meaning
FROM written
WHERE setting <> ''
GROUP BY site, host, key_path, setting
ORDER BY meaning = 'off', last_seen DESC, site, host, key_path
