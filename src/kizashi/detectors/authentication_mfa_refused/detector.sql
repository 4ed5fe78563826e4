-- Rows of second-factor prompts that a person refused or left unanswered within a sliding window, and single ones
-- that the person reported; worse where one was accepted soon after.
WITH prompted AS (
    SELECT
        site,
        time,
        file_id,
        record_no,
        person,
        client_ip,
        list_contains(getvariable('reported'), mfa) AS was_reported,
        count(*) OVER (
            PARTITION BY person
            ORDER BY time
            RANGE BETWEEN to_minutes(getvariable('window_minutes')) PRECEDING AND CURRENT ROW
        ) AS in_window
    FROM sign_in
    WHERE list_contains(getvariable('unanswered'), mfa) OR list_contains(getvariable('reported'), mfa)
),
-- The row that fills a window, and the reported ones, mark their hour.
marked AS (
    SELECT
        person,
        time - to_minutes(getvariable('window_minutes')) AS since,
        time
    FROM prompted
    WHERE was_reported OR in_window >= getvariable('min_refused')
),
told AS (
    SELECT DISTINCT
        prompted.site,
        prompted.time,
        prompted.file_id,
        prompted.record_no,
        prompted.person,
        prompted.client_ip,
        prompted.was_reported
    FROM prompted
    JOIN marked
        ON marked.person = prompted.person
        AND prompted.time BETWEEN marked.since AND marked.time
),
parted AS (
    SELECT
        told,
        coalesce(
            told.time - lag(told.time) OVER by_time > to_minutes(getvariable('window_minutes')), true
        ) AS begins
    FROM told
    WINDOW by_time AS (
        PARTITION BY told.person
        ORDER BY
            told.time,
            told.file_id,
            told.record_no
    )
),
numbered AS (
    SELECT
        told,
        count_if(begins) OVER (
            PARTITION BY told.person
            ORDER BY
                told.time,
                told.file_id,
                told.record_no
        ) AS part
    FROM parted
),
campaign AS (
    SELECT
        any_value(told.site) AS site,
        told.person AS person,
        min(told.time) AS first_seen,
        max(told.time) AS last_seen,
        count(*) AS refused,
        count_if(told.was_reported) AS reports,
        count(DISTINCT told.client_ip) AS addresses,
        min(told.client_ip) AS client_ip,
        list(
            {'file_id': told.file_id, 'record_no': told.record_no}
            ORDER BY
                told.was_reported DESC,
                told.time,
                told.file_id,
                told.record_no
        )[:getvariable('max_evidence')] AS evidence
    FROM numbered
    GROUP BY
        told.person,
        part
),
followed AS (
    SELECT
        campaign,
        campaign.refused >= getvariable('min_refused')
        AND EXISTS (
            SELECT 1
            FROM sign_in
            WHERE
                sign_in.person = campaign.person
                AND sign_in.time > campaign.last_seen
                AND sign_in.time <= campaign.last_seen + to_minutes(getvariable('gave_in_minutes'))
                AND sign_in.success
                AND (sign_in.mfa = 'passed' OR sign_in.activity = 'logon')
        ) AS gave_in
    FROM campaign
)
SELECT
    coalesce(campaign.site, '') AS site,
    'person:' || campaign.person AS host_id,
    campaign.first_seen AS first_seen,
    campaign.last_seen AS last_seen,
    campaign.person AS "user",
    campaign.client_ip AS client_ip,
    campaign.refused AS refused,
    campaign.addresses AS addresses,
    date_diff('minute', campaign.first_seen, campaign.last_seen) AS minutes,
    gave_in,
    concat_ws(
        ', ',
        CASE WHEN campaign.reports > 0 THEN 'reported as not their own' ELSE 'refused or unanswered' END,
        CASE WHEN gave_in THEN 'then accepted' END
    ) AS reasons,
    concat_ws(
        '、',
        CASE WHEN campaign.reports > 0 THEN '本人が身に覚えがないと通報' ELSE '拒否または無応答' END,
        CASE WHEN gave_in THEN 'その後に承認' END
    ) AS reasons_ja,
    CASE
        WHEN gave_in THEN getvariable('gave_in_confidence')
        WHEN campaign.reports > 0 THEN getvariable('reported_confidence')
        ELSE getvariable('refused_confidence')
    END AS confidence,
    campaign.evidence AS evidence
FROM followed
ORDER BY
    first_seen,
    host_id
