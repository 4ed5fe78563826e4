-- Microsoft-Windows-Sysmon/Operational: 22
SELECT
    unnest(common),
    lower(rtrim(windows_text(field.QueryName), '.')) AS query,
    CASE field.QueryStatus
        WHEN '0' THEN 'NOERROR'
        WHEN '9001' THEN 'FORMERR'
        WHEN '9002' THEN 'SERVFAIL'
        WHEN '9003' THEN 'NXDOMAIN'
        WHEN '9004' THEN 'NOTIMP'
        WHEN '9005' THEN 'REFUSED'
        WHEN '9501' THEN 'NOERROR'
    END AS rcode,
    -- "type:  5 alias.example;::ffff:192.0.2.7;": a name carries its record type, an address none.
    list_filter(
        list_transform(
            string_split(windows_text(field.QueryResults), ';'),
            lambda answer: windows_ip(
                lower(regexp_replace(trim(answer), '^type:\s*\d+\s*', '')))),
        lambda answer: answer IS NOT NULL) AS answers,
    windows_guid(field.ProcessGuid) AS process_guid,
    TRY_CAST(field.ProcessId AS UINTEGER) AS process_id,
    nullif(windows_text(field.Image), '<unknown process>') AS image,
    windows_text(field.User) AS "user"
FROM event
