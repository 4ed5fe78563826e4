-- Records of one table out of an EVTX file, as the evtx library writes them:
-- {"Event": {"System": {...}, "EventData": {...}}}. One JSON parse gives all that the table names.
SELECT
    field,
    source_text,
    body,
    event_id,
    provider,
    channel,
    host_process_id,
    caller,
    struct_pack(
        record_no := record_no,
        time := time,
        time_alt := TRY_CAST(field.UtcTime AS TIMESTAMP),
        clock_id := 'windows:' || device,
        vantage := 'endpoint',
        device := device,
        natural_key := windows_key_of(device, channel, own_number, time)) AS common
FROM (
    SELECT
        record_no,
        event.EventData AS field,
        line AS source_text,
        windows_event_id(event.System.EventID) AS event_id,
        event.System.Provider['#attributes'].Name AS provider,
        event.System.Channel AS channel,
        windows_device(event.System.Computer) AS device,
        windows_time(event.System.TimeCreated['#attributes'].SystemTime) AS time,
        event.System.EventRecordID AS own_number,
        TRY_CAST(event.System.Execution['#attributes'].ProcessID AS UINTEGER) AS host_process_id,
        event.System.Security['#attributes'].UserID AS caller,
        coalesce(
            line->'$.Event.EventData',
            list_filter(
                json_extract(line, '$.Event.UserData.*'), lambda part: part LIKE '{%')[-1]) AS body
    FROM (
        SELECT
            record_no,
            line,
            TRY(json_transform(line, '{"Event": {
                "System": {
                    "Provider": {"#attributes": {"Name": "VARCHAR"}},
                    "EventID": "VARCHAR",
                    "TimeCreated": {"#attributes": {"SystemTime": "VARCHAR"}},
                    "EventRecordID": "UBIGINT",
                    "Execution": {"#attributes": {"ProcessID": "VARCHAR"}},
                    "Channel": "VARCHAR",
                    "Computer": "VARCHAR",
                    "Security": {"#attributes": {"UserID": "VARCHAR"}}},
                "EventData": $fields}}')).Event AS event
        FROM windows_raw_$name
    )
)
