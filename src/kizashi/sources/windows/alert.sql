-- Microsoft-Windows-Windows Defender/Operational: 1006, 1007, 1015, 1116, 1117, 1118, 1119, 1121, 1122
SELECT
    unnest(common),
    'Microsoft Defender Antivirus' AS product,
    -- 1121 and 1122 name the rule of attack surface reduction that blocked or audited.
    coalesce(field."Threat ID", lower(field.ID)) AS rule,
    coalesce(left(field."Threat Name", 998), CASE event_id
        WHEN 1121 THEN 'attack surface reduction blocked'
        WHEN 1122 THEN 'attack surface reduction audited'
    END) AS title,
    field."Severity Name" AS severity,
    coalesce(field."Category Name", CASE event_id WHEN 1121 THEN 'AsrBlocked' WHEN 1122 THEN 'AsrAudited' END)
        AS category,
    regexp_replace(field.Path, '^[a-z]+:_', '') AS file_name,
    windows_text(field."Process Name") AS image,
    windows_text(coalesce(field."Detection User", field."User")) AS "user",
    CASE
        WHEN event_id = 1121 THEN 'blocked'
        WHEN event_id = 1122 THEN 'allowed'
        WHEN event_id = 1117 AND TRY_CAST(field."Error Code" AS UINTEGER) = 0
            AND field."Action ID" IN ('1', '2', '3', '10') THEN 'blocked'
        WHEN field."Action ID" = '6' THEN 'allowed'
    END AS disposition
FROM event
