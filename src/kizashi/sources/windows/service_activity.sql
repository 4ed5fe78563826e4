-- Security: 4697
-- System: 7036, 7040, 7045
SELECT
    unnest(common),
    CASE
        WHEN event_id IN (4697, 7045) THEN 'create'
        WHEN event_id = 7036 AND field.param2 = 'running' THEN 'start'
        WHEN event_id = 7036 AND field.param2 = 'stopped' THEN 'stop'
        ELSE 'change'
    END AS activity,
    coalesce(field.ServiceName, field.param4, field.param1) AS service_name,
    CASE WHEN event_id = 4697 THEN field.ServiceFileName ELSE field.ImagePath END AS image_path,
    CASE event_id
        WHEN 4697 THEN field.ServiceStartType
        WHEN 7045 THEN field.StartType
        WHEN 7040 THEN field.param3
    END AS start_type,
    -- NXLog writes the caller's AccountName over the service's; its message still has it.
    windows_text(CASE
        WHEN event_id = 4697 THEN field.ServiceAccount
        WHEN field.AccountType IS NOT NULL
            THEN regexp_extract(field.Message, 'Service Account:[ \t]*([^\r\n]*)', 1)
        ELSE field.AccountName
    END) AS account,
    nullif(TRY_CAST(field.ClientProcessId AS UINTEGER), 0) AS process_id,
    lower(field.SubjectLogonId) AS logon_id,
    CASE
        WHEN event_id = 4697 THEN windows_user(field.SubjectDomainName, field.SubjectUserName)
        ELSE caller
    END AS "user"
FROM event
