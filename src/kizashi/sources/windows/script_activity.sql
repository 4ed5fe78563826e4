-- Microsoft-Windows-PowerShell/Operational: 4103, 4104
-- PowerShellCore/Operational: 4103, 4104
-- Windows PowerShell: 400, 403, 600, 800
WITH script AS (
    SELECT
        common,
        field,
        event_id,
        host_process_id,
        caller,
        -- 800 has three nameless values: the command line, its context, its details.
        -- 400 and 403 (the engine starts, stops) and 600 (a provider) name the program that hosts it,
        -- with its arguments, in the last of three.
        CASE WHEN event_id IN (400, 403, 600) THEN nullif(trim(regexp_extract(
            coalesce(
                body->>'$.Data."#text"[2]', body->>'$.Data[2]', body->>'$.param3', field.Message),
            '(?m)^\s*HostApplication=([^\r\n]*)',
            1)), '')
        WHEN event_id = 800 THEN coalesce(
            body->>'$.Data."#text"[0]',
            body->>'$.Data[0]',
            body->>'$.param1',
            regexp_extract(
                field.Message,
                '(?s)^Pipeline execution details for command line:\s*(.*?)\s*Context Information:',
                1)) END AS line,
        CASE event_id
            WHEN 4103 THEN field.ContextInfo
            WHEN 800 THEN coalesce(
                body->>'$.Data."#text"[1]', body->>'$.Data[1]', body->>'$.param2', field.Message)
        END AS context
    FROM event
)
SELECT
    unnest(common),
    'powershell' AS engine,
    upper(field.ScriptBlockId) AS script_id,
    TRY_CAST(field.MessageNumber AS USMALLINT) AS part,
    TRY_CAST(field.MessageTotal AS USMALLINT) AS parts,
    nullif(coalesce(
        nullif(field.Path, ''),
        regexp_extract(context, 'Script ?Name ?= ?([^\r\n]*)', 1)), '') AS path,
    left(CASE event_id
        WHEN 4104 THEN field.ScriptBlockText
        WHEN 4103 THEN field.Payload
        ELSE line
    END, 65536) AS text,
    nullif(host_process_id, 0) AS process_id,
    coalesce(
        nullif(trim(regexp_extract(context, '(?m)^\s*User(?:Id)? ?= ?([^\r\n]*)', 1)), ''),
        caller) AS "user"
FROM script
