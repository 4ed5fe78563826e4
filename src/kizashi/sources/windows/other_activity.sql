SELECT
    unnest(common),
    provider,
    concat_ws('/', channel, event_id) AS type,
    windows_user(field.SubjectDomainName, field.SubjectUserName) AS "user",
    CASE
        WHEN length(body) > 65536 THEN json_object('cut', left(body, 30000))
        ELSE body
    END AS fields
FROM event
