-- Microsoft-Windows-Sysmon/Operational: 12, 13, 14
-- Security: 4657
SELECT
    unnest(common),
    CASE
        WHEN event_id = 13 THEN 'set'
        WHEN event_id = 14 THEN 'rename'
        WHEN field.EventType LIKE 'Delete%' THEN 'delete'
        WHEN field.EventType LIKE 'Create%' THEN 'create'
        WHEN field.OperationType = '%%1906' THEN 'delete'
        WHEN event_id = 4657 THEN 'set'
    END AS activity,
    windows_guid(field.ProcessGuid) AS process_guid,
    TRY_CAST(field.ProcessId AS UINTEGER) AS process_id,
    CASE WHEN event_id = 4657 THEN field.ProcessName ELSE field.Image END AS image,
    windows_key(CASE
        WHEN event_id = 4657 THEN field.ObjectName || '\' || field.ObjectValueName
        ELSE field.TargetObject
    END) AS key_path,
    left(CASE event_id
        WHEN 14 THEN windows_key(field.NewName)
        WHEN 4657 THEN field.NewValue
        ELSE field.Details
    END, 4096) AS value_data,
    coalesce(
        windows_text(field.User),
        windows_user(field.SubjectDomainName, field.SubjectUserName)) AS "user"
FROM event
