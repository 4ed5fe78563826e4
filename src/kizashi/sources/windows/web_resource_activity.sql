-- Security: 5140, 5145
WITH asked AS (
    SELECT
        common,
        field,
        event_id,
        TRY_CAST(field.AccessMask AS UINTEGER) AS mask
    FROM event
)
SELECT
    unnest(common),
    windows_ip(field.IpAddress) AS client_ip,
    -- Rights asked for, not used: DELETE, then write or append, then read.
    CASE
        WHEN event_id = 5140 THEN 'access'
        WHEN mask & 65536 > 0 THEN 'delete'
        WHEN mask & 6 > 0 THEN 'write'
        WHEN mask & 1 > 0 THEN 'read'
        ELSE 'access'
    END AS activity,
    windows_user(field.SubjectDomainName, field.SubjectUserName) AS "user",
    coalesce(windows_text(field.RelativeTargetName), field.ShareName) AS resource,
    field.ShareName AS share,
    'smb' AS service
FROM asked
