-- Microsoft-Windows-Sysmon/Operational: 6, 7
SELECT
    unnest(common),
    windows_guid(field.ProcessGuid) AS process_guid,
    TRY_CAST(field.ProcessId AS UINTEGER) AS process_id,
    field.Image AS image,
    field.ImageLoaded AS module_path,
    TRY_CAST(field.Signed AS BOOLEAN) AS signed,
    nullif(windows_text(field.Signature), '?') AS signature,
    windows_md5(field.Hashes) AS md5,
    windows_sha256(field.Hashes) AS sha256,
    windows_text(field.User) AS "user"
FROM event
