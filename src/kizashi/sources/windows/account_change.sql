-- Security: 4720, 4722, 4723, 4724, 4725, 4726, 4727, 4728, 4729, 4730, 4731, 4732, 4733, 4734
-- Security: 4735, 4737, 4738, 4740, 4741, 4742, 4743, 4754, 4755, 4756, 4757, 4758, 4767, 4781
WITH changed AS (
    SELECT
        common,
        field,
        event_id,
        event_id BETWEEN 4727 AND 4737 OR event_id BETWEEN 4754 AND 4758 AS of_group
    FROM event
)
SELECT
    unnest(common),
    CASE
        WHEN event_id IN (4720, 4727, 4731, 4741, 4754) THEN 'create'
        WHEN event_id = 4722 THEN 'enable'
        WHEN event_id IN (4723, 4724) THEN 'password_change'
        WHEN event_id = 4725 THEN 'disable'
        WHEN event_id IN (4726, 4730, 4734, 4743, 4758) THEN 'delete'
        WHEN event_id IN (4728, 4732, 4756) THEN 'group_add'
        WHEN event_id IN (4729, 4733, 4757) THEN 'group_remove'
        ELSE 'change'
    END AS activity,
    CASE
        WHEN of_group THEN coalesce(windows_text(field.MemberName), windows_text(field.MemberSid))
        ELSE windows_user(
            field.TargetDomainName, coalesce(field.TargetUserName, field.NewTargetUserName))
    END AS "user",
    CASE WHEN of_group THEN windows_user(field.TargetDomainName, field.TargetUserName) END
        AS "group",
    windows_user(field.SubjectDomainName, field.SubjectUserName) AS actor,
    lower(field.SubjectLogonId) AS logon_id
FROM changed
