-- Records as one JSON object a line: flat (OTRF, NXLog, Azure), Winlogbeat, or the evtx library's own.
CREATE OR REPLACE TEMP VIEW windows_record AS
WITH parsed AS (
    SELECT
        record_no,
        line,
        TRY(json_transform(line, '{
            "EventID": "VARCHAR",
            "Channel": "VARCHAR",
            "Hostname": "VARCHAR",
            "Computer": "VARCHAR",
            "SourceName": "VARCHAR",
            "EventSourceName": "VARCHAR",
            "Source": "VARCHAR",
            "EventLog": "VARCHAR",
            "RecordNumber": "VARCHAR",
            "EventRecordID": "VARCHAR",
            "TimeCreated": "VARCHAR",
            "EventTime": "VARCHAR",
            "EventReceivedTime": "VARCHAR",
            "TimeGenerated": "VARCHAR",
            "@timestamp": "VARCHAR",
            "ExecutionProcessID": "VARCHAR",
            "ProcessID": "VARCHAR",
            "UserID": "VARCHAR",
            "Domain": "VARCHAR",
            "AccountName": "VARCHAR",
            "AccountType": "VARCHAR",
            "EventType": "VARCHAR",
            "UtcTime": "VARCHAR",
            "Message": "VARCHAR",
            "event_id": "VARCHAR",
            "log_name": "VARCHAR",
            "source_name": "VARCHAR",
            "computer_name": "VARCHAR",
            "record_number": "VARCHAR",
            "event_data": "JSON",
            "winlog": {
                "event_id": "VARCHAR",
                "channel": "VARCHAR",
                "provider_name": "VARCHAR",
                "computer_name": "VARCHAR",
                "record_id": "VARCHAR",
                "time_created": "VARCHAR",
                "process": {"pid": "VARCHAR"},
                "user": {"identifier": "VARCHAR", "domain": "VARCHAR", "name": "VARCHAR"},
                "event_data": "JSON",
                "user_data": "JSON"},
            "Event": {
                "System": {
                    "Provider": {"#attributes": {"Name": "VARCHAR"}},
                    "EventID": "VARCHAR",
                    "TimeCreated": {"#attributes": {"SystemTime": "VARCHAR"}},
                    "EventRecordID": "VARCHAR",
                    "Execution": {"#attributes": {"ProcessID": "VARCHAR"}},
                    "Channel": "VARCHAR",
                    "Computer": "VARCHAR",
                    "Security": {"#attributes": {"UserID": "VARCHAR"}}},
                "EventData": "JSON",
                "UserData": "JSON"}}')) AS v
    FROM windows_raw_
), named AS (
    SELECT
        record_no,
        line,
        v,
        coalesce(
            v.Channel, v.winlog.channel, v.Event.System.Channel, v.EventLog, v.log_name) AS channel,
        coalesce(
            v.SourceName, v.winlog.provider_name, v.Event.System.Provider['#attributes'].Name,
            v.EventSourceName, v.Source, v.source_name) AS provider,
        coalesce(v.EventID, v.winlog.event_id, v.Event.System.EventID, v.event_id) AS event_id
    FROM parsed
)
SELECT
    record_no,
    CASE WHEN v IS NULL OR ltrim(line) NOT LIKE '{%' THEN line END AS damaged,
    provider,
    event_id,
    channel,
    coalesce(
        v.Hostname, v.Computer, v.winlog.computer_name, v.Event.System.Computer,
        v.computer_name) AS computer,
    -- Winlogbeat's @timestamp is the record's own time; elsewhere, as behind a forwarder that wrote
    -- the own time into winlog, it is the arrival, a last resort.
    coalesce(
        v.TimeCreated, v.EventTime, v.winlog.time_created,
        v.Event.System.TimeCreated['#attributes'].SystemTime, v.TimeGenerated,
        v['@timestamp']) AS time_text,
    -- NXLog's time has no zone; a clock in UTC beside it tells the offset: the arrival, else Sysmon's
    -- own, but not that of its kernel trace (3, 22), which may be days away.
    coalesce(v.TimeCreated IS NULL AND length(v.EventTime) = 19, false) AS is_local,
    CASE WHEN v.TimeCreated IS NULL AND length(v.EventTime) = 19
        THEN coalesce(v['@timestamp'], CASE WHEN event_id NOT IN ('3', '22') THEN v.UtcTime END)
    END AS arrived_text,
    coalesce(
        -- Not with the rest: keys are told apart there without regard to case, and "Event" is another.
        CASE WHEN contains(line, '"event"') THEN coalesce(
            json_extract_string(line, '$.event.ingested'),
            json_extract_string(line, '$.event.created'))
        END,
        CASE WHEN coalesce(v.TimeCreated, v.EventTime, v.winlog.time_created) IS NOT NULL
            THEN v['@timestamp']
        END) AS received_text,
    v.EventReceivedTime AS received_local,
    coalesce(
        v.RecordNumber, v.EventRecordID, v.winlog.record_id, v.Event.System.EventRecordID,
        v.record_number) AS own_number,
    coalesce(
        v.ExecutionProcessID, v.winlog.process.pid, v.ProcessID,
        v.Event.System.Execution['#attributes'].ProcessID) AS host_process_id,
    coalesce(
        CASE WHEN v.AccountType IS NOT NULL THEN windows_user(v.Domain, v.AccountName) END,
        windows_user(v.winlog.user.domain, v.winlog.user.name),
        v.UserID, v.winlog.user.identifier,
        v.Event.System.Security['#attributes'].UserID) AS caller,
    CASE
        WHEN v.winlog.event_data IS NOT NULL THEN CAST(v.winlog.event_data AS VARCHAR)
        WHEN v.winlog.user_data IS NOT NULL THEN CAST(v.winlog.user_data AS VARCHAR)
        WHEN v.Event.EventData IS NOT NULL THEN CAST(v.Event.EventData AS VARCHAR)
        WHEN v.Event.UserData IS NOT NULL THEN CAST(list_filter(
            json_extract(v.Event.UserData, '$.*'), lambda part: part LIKE '{%')[-1] AS VARCHAR)
        WHEN v.event_data IS NOT NULL THEN CAST(v.event_data AS VARCHAR)
        WHEN provider = 'Microsoft-Windows-Sysmon' AND v.Message LIKE '%UtcTime: %' AND (
            v.UtcTime IS NULL
            -- NXLog 2 writes its own ProcessID and EventType over the record's.
            OR v.ProcessID IS NOT NULL
            OR v.EventType IN (
                'INFO', 'WARNING', 'ERROR', 'AUDIT_SUCCESS', 'AUDIT_FAILURE', 'VERBOSE')
                AND event_id IN ('12', '13', '14'))
            THEN CAST(json_merge_patch(
                windows_message(v.Message),
                json_merge_patch(line, '{"EventType": null}')) AS VARCHAR)
        WHEN v IS NOT NULL THEN line
    END AS body
FROM named;
