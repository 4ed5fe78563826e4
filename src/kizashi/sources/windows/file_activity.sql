-- Microsoft-Windows-Sysmon/Operational: 2, 11, 15, 23, 26, 29
SELECT
    unnest(common),
    CASE event_id
        WHEN 2 THEN 'time_change'
        WHEN 15 THEN 'stream'
        WHEN 23 THEN 'delete'
        WHEN 26 THEN 'delete'
        ELSE 'create'
    END AS activity,
    windows_guid(field.ProcessGuid) AS process_guid,
    TRY_CAST(field.ProcessId AS UINTEGER) AS process_id,
    field.Image AS image,
    field.TargetFilename AS path,
    windows_md5(coalesce(field.Hashes, field.Hash)) AS md5,
    windows_sha256(coalesce(field.Hashes, field.Hash)) AS sha256,
    left(windows_text(field.Contents), 4096) AS content,
    windows_text(field.User) AS "user"
FROM event
