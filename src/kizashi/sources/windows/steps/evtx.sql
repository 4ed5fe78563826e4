-- Records of an EVTX file as the evtx library writes them: {"Event": {"System": ..., "EventData": ...}}.
CREATE OR REPLACE TEMP VIEW windows_record AS
WITH parsed AS (
    SELECT
        record_no,
        line,
        TRY(json_transform(line, '{"Event": {
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
            "UserData": "JSON"}}')).Event AS event
    FROM windows_raw
)
SELECT
    record_no,
    CASE WHEN event.System IS NULL THEN line END AS damaged,
    event.System.Provider['#attributes'].Name AS provider,
    event.System.EventID AS event_id,
    event.System.Channel AS channel,
    event.System.Computer AS computer,
    event.System.TimeCreated['#attributes'].SystemTime AS time_text,
    NULL::VARCHAR AS arrived_text,
    event.System.EventRecordID AS own_number,
    event.System.Execution['#attributes'].ProcessID AS host_process_id,
    event.System.Security['#attributes'].UserID AS caller,
    CASE
        WHEN event.EventData IS NOT NULL THEN event.EventData
        WHEN event.UserData IS NOT NULL
            THEN list_filter(json_extract(event.UserData, '$.*'), lambda part: part LIKE '{%')[-1]
    END AS body
FROM parsed;
