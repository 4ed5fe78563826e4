-- Security: 4698, 4699, 4700, 4701, 4702
-- Microsoft-Windows-TaskScheduler/Operational: 106, 140, 141, 142, 200
WITH task AS (
    SELECT
        common,
        field,
        event_id,
        caller,
        -- Some exporters escape the definition once more.
        CASE
            WHEN coalesce(field.TaskContent, field.TaskContentNew) LIKE '&lt;%'
                THEN windows_xml_text(coalesce(field.TaskContent, field.TaskContentNew))
            ELSE nullif(coalesce(field.TaskContent, field.TaskContentNew), '')
        END AS definition
    FROM event
), command AS (
    SELECT
        common,
        field,
        event_id,
        caller,
        definition,
        regexp_extract(definition, '(?s)<Exec(?:\s[^>]*)?>(.*?)</Exec>', 1) AS exec
    FROM task
)
SELECT
    unnest(common),
    CASE event_id
        WHEN 4698 THEN 'create'
        WHEN 106 THEN 'create'
        WHEN 4699 THEN 'delete'
        WHEN 141 THEN 'delete'
        WHEN 4700 THEN 'enable'
        WHEN 4701 THEN 'disable'
        WHEN 142 THEN 'disable'
        WHEN 200 THEN 'run'
        ELSE 'update'
    END AS activity,
    coalesce(field.TaskName, field.Name) AS task_name,
    coalesce(
        nullif(windows_xml_text(
            regexp_extract(exec, '(?s)<Command>\s*(.*?)\s*</Command>', 1)), ''),
        field.ActionName) AS command,
    nullif(windows_xml_text(
        regexp_extract(exec, '(?s)<Arguments>\s*(.*?)\s*</Arguments>', 1)), '') AS arguments,
    left(definition, 16384) AS content,
    nullif(TRY_CAST(field.ClientProcessId AS UINTEGER), 0) AS process_id,
    lower(field.SubjectLogonId) AS logon_id,
    coalesce(
        windows_user(field.SubjectDomainName, field.SubjectUserName),
        windows_text(field.UserContext),
        windows_text(field.UserName),
        caller) AS "user"
FROM command
