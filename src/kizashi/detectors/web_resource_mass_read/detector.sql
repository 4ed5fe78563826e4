-- Mail and cloud files read in a sliding day, far above the person's own highest earlier day, or in number through a
-- client that the person never read with before.
WITH taken AS (
    SELECT
        used.site,
        used.time,
        used.file_id,
        used.record_no,
        coalesce(person.person, lower(used."user")) AS person,
        CASE WHEN lower(used.service) = 'exchange' THEN 'mails' ELSE 'files' END AS what,
        coalesce(used.application_id, client_of(used.user_agent), 'unknown client') AS client,
        used.client_ip,
        regexp_matches(coalesce(used.user_agent, ''), getvariable('sync_clients')) AS is_sync,
        greatest(coalesce(used.items, 1), 1)::BIGINT AS items
    FROM web_resource_activity AS used
    LEFT JOIN person ON person.name = lower(trim(used."user"))
    WHERE
        used."user" IS NOT NULL
        AND list_contains(getvariable('read_activities'), used.activity)
        AND NOT list_contains(getvariable('inside_services'), lower(coalesce(used.service, 'smb')))
),
daily AS (
    SELECT
        person,
        what,
        time::DATE AS day,
        sum(items) AS items
    FROM taken
    GROUP BY
        person,
        what,
        time::DATE
),
habit AS (
    SELECT
        person,
        what,
        day,
        max(items) OVER earlier AS usual,
        count(*) OVER earlier AS days
    FROM daily
    -- The day before may belong to the same window.
    WINDOW earlier AS (
        PARTITION BY
            person,
            what
        ORDER BY day
        RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 DAY PRECEDING
    )
),
first_use AS (
    SELECT
        person,
        what,
        client,
        min(time) AS first_seen
    FROM taken
    GROUP BY
        person,
        what,
        client
),
summed AS (
    SELECT
        taken,
        sum(taken.items) OVER within AS window_items,
        sum(taken.items) FILTER (NOT taken.is_sync) OVER within AS read_items,
        first_value(taken.time) OVER within AS window_start,
        sum(taken.items) OVER by_client AS client_items
    FROM taken
    WINDOW
        within AS (
            PARTITION BY
                taken.person,
                taken.what
            ORDER BY taken.time
            RANGE BETWEEN to_hours(getvariable('window_hours')) PRECEDING AND CURRENT ROW
        ),
        by_client AS (
            PARTITION BY
                taken.person,
                taken.what,
                taken.client
            ORDER BY taken.time
            RANGE BETWEEN to_hours(getvariable('window_hours')) PRECEDING AND CURRENT ROW
        )
),
judged AS (
    SELECT
        summed.taken AS taken,
        summed.window_items::BIGINT AS items,
        summed.window_start AS window_start,
        coalesce(habit.usual, 0)::BIGINT AS usual,
        coalesce(habit.days, 0) >= getvariable('min_days')
        AND greatest(
            coalesce(summed.read_items, 0),
            -- A new computer fetches all of a person's files once.
            CASE WHEN summed.window_items >= getvariable('min_items_sync') THEN summed.window_items ELSE 0 END
        ) >= greatest(
            getvariable('min_items'), getvariable('times_usual') * coalesce(habit.usual, 0)
        ) AS above_usual,
        coalesce(habit.days, 0) >= getvariable('min_days')
        AND NOT summed.taken.is_sync
        AND summed.client_items >= getvariable('min_items_new_client')
        AND summed.taken.time - first_use.first_seen <= to_hours(getvariable('window_hours')) AS by_new_client,
        coalesce(habit.days, 0) < getvariable('min_days')
        AND summed.window_items >= getvariable('min_items_unknown') AS without_habit
    FROM summed
    LEFT JOIN habit
        ON habit.person = summed.taken.person
        AND habit.what = summed.taken.what
        AND habit.day = summed.window_start::DATE
    JOIN first_use
        ON first_use.person = summed.taken.person
        AND first_use.what = summed.taken.what
        AND first_use.client = summed.taken.client
)
SELECT
    coalesce(any_value(taken.site), '') AS site,
    'person:' || taken.person AS host_id,
    min(window_start) AS first_seen,
    max(taken.time) AS last_seen,
    taken.person AS "user",
    max(items) AS items,
    taken.what AS what,
    CASE WHEN taken.what = 'mails' THEN 'メール' ELSE 'ファイル' END AS what_ja,
    arg_max(usual, items) AS usual,
    greatest(1, date_diff('hour', min(window_start), max(taken.time))) AS hours,
    arg_max(taken.client, items) AS client,
    arg_max(taken.client_ip, items) AS client_ip,
    bool_or(by_new_client) AS by_new_client,
    CASE WHEN taken.what = 'mails' THEN ['T1114.002'] ELSE ['T1530'] END AS techniques,
    CASE
        WHEN bool_or(by_new_client) THEN getvariable('new_client_confidence')
        WHEN bool_or(above_usual) THEN getvariable('usual_confidence')
        ELSE getvariable('confidence_unknown')
    END AS confidence,
    list(
        {'file_id': taken.file_id, 'record_no': taken.record_no}
        ORDER BY
            taken.time,
            taken.file_id,
            taken.record_no
    )[:getvariable('max_evidence')] AS evidence
FROM judged
WHERE above_usual OR by_new_client OR without_habit
GROUP BY
    taken.person,
    taken.what,
    window_start::DATE
ORDER BY
    first_seen,
    host_id,
    what
