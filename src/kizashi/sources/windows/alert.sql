-- Microsoft-Windows-Windows Defender/Operational: 1006, 1007, 1015, 1116, 1117, 1118, 1119
SELECT
    unnest(common),
    'Microsoft Defender Antivirus' AS product,
    field."Threat ID" AS rule,
    left(field."Threat Name", 998) AS title,
    field."Severity Name" AS severity,
    field."Category Name" AS category,
    regexp_replace(field.Path, '^[a-z]+:_', '') AS file_name,
    windows_text(field."Detection User") AS "user",
    CASE
        WHEN event_id = 1117 AND TRY_CAST(field."Error Code" AS UINTEGER) = 0
            AND field."Action ID" IN ('1', '2', '3', '10') THEN 'blocked'
        WHEN field."Action ID" = '6' THEN 'allowed'
    END AS disposition
FROM event
