-- Cloud files shared with persons outside, or with anyone who has the link: many more in a sliding day than the person
-- ever shared, a first link for anyone, or a first file for an organisation that nobody here shared with before.
WITH given AS (
    SELECT
        used.site,
        used.time,
        used.file_id,
        used.record_no,
        coalesce(person.person, lower(used."user")) AS person,
        used.client_ip,
        coalesce(used.resource, used.share, '?') AS resource,
        -- A guest's account holds the outside address: hana_mail.example#ext#@tenant.
        CASE
            WHEN lower(used.shared_with) = 'anyone' THEN 'anyone'
            WHEN contains(lower(used.shared_with), '#ext#')
                THEN regexp_extract(lower(used.shared_with), '_([^_@#]+)#ext#', 1)
            ELSE split_part(trim(lower(used.shared_with)), '@', -1)
        END AS partner
    FROM web_resource_activity AS used
    LEFT JOIN person ON person.name = lower(trim(used."user"))
    WHERE
        used."user" IS NOT NULL
        AND used.activity = 'share'
        AND used.shared_with IS NOT NULL
),
own AS (
    SELECT DISTINCT chosen_label(split_part(coalesce(person.person, lower(used."user")), '@', -1)) AS label
    FROM web_resource_activity AS used
    LEFT JOIN person ON person.name = lower(trim(used."user"))
    WHERE contains(used."user", '@') AND NOT contains(lower(used."user"), '#ext#')
),
outside AS (
    SELECT
        site,
        time,
        file_id,
        record_no,
        person,
        client_ip,
        resource,
        partner
    FROM given
    WHERE partner <> '' AND (partner = 'anyone' OR chosen_label(partner) NOT IN (SELECT label FROM own))
),
-- A person is known from the first thing that the log says of the account.
known AS (
    SELECT
        coalesce(person.person, lower(used."user")) AS person,
        min(used.time) AS since
    FROM web_resource_activity AS used
    LEFT JOIN person ON person.name = lower(trim(used."user"))
    GROUP BY ALL
),
fleet AS (
    SELECT min(time) AS since FROM web_resource_activity
),
daily AS (
    SELECT
        person,
        time::DATE AS day,
        count(DISTINCT resource) AS files
    FROM outside
    GROUP BY
        person,
        time::DATE
),
habit AS (
    SELECT
        person,
        day,
        max(files) OVER (
            PARTITION BY person
            ORDER BY day
            RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 DAY PRECEDING
        ) AS usual
    FROM daily
),
windowed AS (
    SELECT
        outside,
        count(DISTINCT outside.resource) OVER within AS files,
        first_value(outside.time) OVER within AS window_start,
        min(outside.time) OVER (PARTITION BY outside.partner) AS partner_since,
        min(outside.time) FILTER (outside.partner = 'anyone') OVER (PARTITION BY outside.person) AS anyone_since
    FROM outside
    WINDOW within AS (
        PARTITION BY outside.person
        ORDER BY outside.time
        RANGE BETWEEN to_hours(getvariable('window_hours')) PRECEDING AND CURRENT ROW
    )
),
judged AS (
    SELECT
        windowed.outside AS given,
        windowed.files,
        windowed.window_start,
        coalesce(habit.usual, 0) AS usual,
        windowed.files >= greatest(
            getvariable('min_files'), getvariable('times_usual') * coalesce(habit.usual, 0)
        ) AS is_many,
        windowed.outside.partner = 'anyone'
        AND windowed.outside.time = windowed.anyone_since
        AND windowed.outside.time - known.since >= to_days(getvariable('min_days')) AS is_first_link,
        windowed.outside.partner <> 'anyone'
        AND windowed.outside.time = windowed.partner_since
        AND windowed.outside.time - fleet.since >= to_days(getvariable('min_days')) AS is_new_partner
    FROM windowed
    JOIN known ON known.person = windowed.outside.person
    CROSS JOIN fleet
    LEFT JOIN habit
        ON habit.person = windowed.outside.person
        AND habit.day = windowed.window_start::DATE
)
SELECT
    coalesce(any_value(given.site), '') AS site,
    'person:' || given.person AS host_id,
    min(CASE WHEN is_many THEN window_start ELSE given.time END) AS first_seen,
    max(given.time) AS last_seen,
    given.person AS "user",
    max(files) AS files,
    max(usual) AS usual,
    list_sort(list(DISTINCT given.partner))[:getvariable('max_partners')] AS partners,
    array_to_string([
        CASE WHEN bool_or(is_many) THEN 'far more than before' END,
        CASE WHEN bool_or(is_first_link) THEN 'the person''s first link for anyone' END,
        CASE WHEN bool_or(is_new_partner) THEN 'nobody here shared with them before' END
    ], ', ') AS why,
    array_to_string([
        CASE WHEN bool_or(is_many) THEN '普段を大きく超える' END,
        CASE WHEN bool_or(is_first_link) THEN '本人初の匿名リンク' END,
        CASE WHEN bool_or(is_new_partner) THEN '社内で誰も共有したことのない相手' END
    ], '、') AS why_ja,
    arg_min(given.client_ip, given.time) AS client_ip,
    CASE
        WHEN bool_or(is_many) THEN getvariable('many_confidence')
        WHEN bool_or(is_first_link) THEN getvariable('anyone_confidence')
        ELSE getvariable('new_confidence')
    END AS confidence,
    list(
        {'file_id': given.file_id, 'record_no': given.record_no}
        ORDER BY
            given.time,
            given.file_id,
            given.record_no
    )[:getvariable('max_evidence')] AS evidence
FROM judged
WHERE is_many OR is_first_link OR is_new_partner
GROUP BY
    given.person,
    window_start::DATE
ORDER BY
    first_seen,
    host_id
