-- Microsoft-Windows-Sysmon/Operational: 1, 5, 8, 10
-- Security: 4688, 4689
SELECT
    unnest(common),
    CASE event_id
        WHEN 5 THEN 'stop'
        WHEN 4689 THEN 'stop'
        WHEN 8 THEN 'inject'
        WHEN 10 THEN 'access'
        ELSE 'start'
    END AS activity,
    windows_guid(CASE event_id
        WHEN 8 THEN windows_spelling(source_text, 'SourceProcessGuid')
        WHEN 10 THEN coalesce(field.SourceProcessGUID, windows_spelling(source_text, 'SourceProcessGuid'))
        ELSE field.ProcessGuid
    END) AS process_guid,
    TRY_CAST(CASE event_id
        WHEN 8 THEN field.SourceProcessId
        WHEN 10 THEN field.SourceProcessId
        WHEN 4688 THEN field.NewProcessId
        ELSE field.ProcessId
    END AS UINTEGER) AS process_id,
    CASE event_id
        WHEN 8 THEN field.SourceImage
        WHEN 10 THEN field.SourceImage
        WHEN 4688 THEN field.NewProcessName
        WHEN 4689 THEN field.ProcessName
        ELSE field.Image
    END AS image,
    nullif(windows_text(field.OriginalFileName), '?') AS original_file_name,
    nullif(field.CommandLine, '') AS command_line,
    windows_text(field.CurrentDirectory) AS working_dir,
    CASE event_id
        WHEN 4688 THEN coalesce(
            windows_user(field.TargetDomainName, field.TargetUserName),
            windows_user(field.SubjectDomainName, field.SubjectUserName))
        WHEN 4689 THEN windows_user(field.SubjectDomainName, field.SubjectUserName)
        ELSE windows_text(coalesce(field.SourceUser, field.User))
    END AS "user",
    lower(CASE event_id
        WHEN 4688 THEN coalesce(nullif(field.TargetLogonId, '0x0'), field.SubjectLogonId)
        WHEN 4689 THEN field.SubjectLogonId
        ELSE field.LogonId
    END) AS logon_id,
    coalesce(field.IntegrityLevel, CASE field.MandatoryLabel
        WHEN 'S-1-16-0' THEN 'Untrusted'
        WHEN 'S-1-16-4096' THEN 'Low'
        WHEN 'S-1-16-8192' THEN 'Medium'
        WHEN 'S-1-16-8448' THEN 'Medium'
        WHEN 'S-1-16-12288' THEN 'High'
        WHEN 'S-1-16-16384' THEN 'System'
    END) AS integrity,
    windows_guid(field.ParentProcessGuid) AS parent_guid,
    TRY_CAST(CASE event_id
        WHEN 4688 THEN field.ProcessId
        ELSE field.ParentProcessId
    END AS UINTEGER) AS parent_id,
    windows_text(CASE event_id
        WHEN 4688 THEN field.ParentProcessName
        ELSE field.ParentImage
    END) AS parent_image,
    windows_text(field.ParentCommandLine) AS parent_command_line,
    windows_md5(field.Hashes) AS md5,
    windows_sha256(field.Hashes) AS sha256,
    windows_guid(CASE event_id
        WHEN 8 THEN windows_spelling(source_text, 'TargetProcessGuid')
        WHEN 10 THEN coalesce(field.TargetProcessGUID, windows_spelling(source_text, 'TargetProcessGuid'))
    END) AS target_guid,
    TRY_CAST(field.TargetProcessId AS UINTEGER) AS target_id,
    field.TargetImage AS target_image,
    field.GrantedAccess AS granted_access
FROM event
