-- The batch's records with the columns that every table shares, and the table that takes each.
CREATE OR REPLACE TEMP TABLE windows_event AS
WITH record AS (
    SELECT
        *,
        CASE
            WHEN event_id LIKE '{%' THEN TRY_CAST(event_id::JSON->>'$."#text"' AS INTEGER)
            ELSE TRY_CAST(event_id AS INTEGER)
        END AS id,
        lower(coalesce(channel, CASE provider
            WHEN 'Microsoft-Windows-Sysmon' THEN 'Microsoft-Windows-Sysmon/Operational'
            WHEN 'Microsoft-Windows-Security-Auditing' THEN 'Security'
            WHEN 'Service Control Manager' THEN 'System'
        END)) AS channel_key,
        windows_time(time_text) AS time,
        CASE
            WHEN regexp_matches(computer, '^[0-9.]+$') THEN computer
            ELSE nullif(lower(split_part(computer, '.', 1)), '')
        END AS device
    FROM windows_record
)
SELECT
    record_no,
    CASE WHEN damaged IS NULL THEN coalesce(route."table", 'other_activity') END AS "table",
    left(damaged, 200) AS damaged,
    provider,
    record.channel,
    id AS event_id,
    time,
    windows_time(arrived_text) AS arrived,
    'windows:' || device AS clock_id,
    device,
    TRY_CAST(own_number AS UBIGINT) AS own_number,
    -- md5, because the engine's own hash may change with its version and keys must last.
    CASE WHEN TRY_CAST(own_number AS UBIGINT) IS NOT NULL THEN md5_number_lower(concat_ws(
        '|', lower(computer), channel_key, own_number, epoch_us(time))) END AS natural_key,
    TRY_CAST(host_process_id AS UINTEGER) AS host_process_id,
    caller,
    body
FROM record
LEFT JOIN windows_route AS route
    ON route.channel = record.channel_key AND route.event_id = record.id;
