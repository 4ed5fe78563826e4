-- Security: 4624, 4625, 4634, 4647, 4648, 4672, 4768, 4769, 4770, 4771, 4776, 4778, 4779
SELECT
    unnest(common),
    -- A remote desktop session taken up again (4778) or left (4779) names its fields otherwise.
    windows_ip(coalesce(field.IpAddress, field.ClientAddress)) AS client_ip,
    CASE
        WHEN event_id IN (4634, 4647, 4779) THEN 'logoff'
        WHEN event_id = 4648 THEN 'explicit'
        WHEN event_id = 4672 THEN 'special'
        WHEN event_id BETWEEN 4768 AND 4771 THEN 'ticket'
        ELSE 'logon'
    END AS activity,
    CASE
        WHEN event_id IN (4625, 4771) THEN false
        WHEN event_id IN (4768, 4769, 4776) THEN TRY_CAST(field.Status AS UINTEGER) = 0
        ELSE true
    END AS success,
    CASE
        WHEN event_id = 4672 THEN windows_user(field.SubjectDomainName, field.SubjectUserName)
        -- Service tickets name the account as name@REALM.
        WHEN event_id IN (4769, 4770)
            THEN windows_user(field.TargetDomainName, split_part(field.TargetUserName, '@', 1))
        WHEN event_id IN (4778, 4779) THEN windows_user(field.AccountDomain, field.AccountName)
        ELSE windows_user(field.TargetDomainName, field.TargetUserName)
    END AS "user",
    windows_text(CASE
        WHEN event_id = 4672 THEN field.SubjectDomainName
        WHEN event_id IN (4778, 4779) THEN field.AccountDomain
        ELSE field.TargetDomainName
    END) AS domain,
    CASE
        WHEN event_id IN (4778, 4779) THEN 10
        ELSE TRY_CAST(field.LogonType AS USMALLINT)
    END AS logon_type,
    lower(CASE
        WHEN event_id IN (4648, 4672) THEN field.SubjectLogonId
        WHEN event_id IN (4778, 4779) THEN field.LogonID
        ELSE field.TargetLogonId
    END) AS logon_id,
    CASE
        WHEN event_id BETWEEN 4768 AND 4771 THEN 'Kerberos'
        WHEN event_id = 4776 THEN 'NTLM'
        ELSE windows_text(field.AuthenticationPackageName)
    END AS protocol,
    lower(coalesce(nullif(field.SubStatus, '0x0'), field.Status)) AS status,
    windows_text(coalesce(field.WorkstationName, field.Workstation, field.ClientName))
        AS workstation,
    windows_text(coalesce(field.TargetServerName, field.ServiceName)) AS target_server,
    CASE
        WHEN event_id IN (4624, 4625, 4648)
            THEN windows_user(field.SubjectDomainName, field.SubjectUserName)
    END AS caller_user,
    TRY_CAST(field.ProcessId AS UINTEGER) AS process_id,
    windows_text(field.ProcessName) AS image
FROM event
