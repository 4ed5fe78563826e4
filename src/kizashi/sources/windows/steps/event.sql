-- The batch's records with the columns that every table shares, and the table that takes each.
CREATE OR REPLACE TEMP TABLE windows_event AS
WITH record AS (
    SELECT
        record_no,
        damaged,
        provider,
        channel,
        own_number,
        is_local,
        windows_time(arrived_text) AS arrived,
        windows_time(received_text) AS received,
        windows_time(received_local) AS received_beside,
        host_process_id,
        caller,
        body,
        windows_event_id(event_id) AS id,
        lower(coalesce(channel, CASE provider
            WHEN 'Microsoft-Windows-Sysmon' THEN 'Microsoft-Windows-Sysmon/Operational'
            WHEN 'Microsoft-Windows-Security-Auditing' THEN 'Security'
            WHEN 'Service Control Manager' THEN 'System'
        END)) AS channel_key,
        windows_time(time_text) AS written,
        windows_device(computer) AS device
    FROM windows_record
),
timed AS (
    SELECT
        record_no,
        damaged,
        provider,
        channel,
        own_number,
        arrived,
        received,
        received_beside - written AS delay,
        host_process_id,
        caller,
        body,
        id,
        channel_key,
        device,
        CASE
            WHEN NOT is_local THEN written
            ELSE coalesce(
                written - to_seconds(windows_east_s(written, arrived)),
                timezone(getvariable('windows_zone'), written) AT TIME ZONE 'UTC')
        END AS time,
        is_local AND windows_east_s(written, arrived) IS NULL AS is_zoneless
    FROM record
)
SELECT
    record_no,
    CASE WHEN damaged IS NULL THEN coalesce(route."table", 'other_activity') END AS "table",
    left(damaged, 200) AS damaged,
    provider,
    timed.channel,
    id AS event_id,
    time,
    arrived,
    -- A collector that copies the record's own time says nothing of its arrival.
    nullif(coalesce(received, time + delay), time) AS received,
    is_zoneless,
    'windows:' || device AS clock_id,
    device,
    windows_key_of(device, channel_key, TRY_CAST(own_number AS UBIGINT), time) AS natural_key,
    TRY_CAST(host_process_id AS UINTEGER) AS host_process_id,
    caller,
    body
FROM timed
LEFT JOIN windows_route AS route
    ON route.channel = timed.channel_key AND route.event_id = timed.id;
