-- The records of one table: `field` holds the values that its SQL names, parsed once, and `common`
-- the columns that all tables share.
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
        time_alt := coalesce(TRY_CAST(field.UtcTime AS TIMESTAMP), arrived),
        received := received,
        clock_id := clock_id,
        vantage := 'endpoint',
        device := device,
        natural_key := natural_key) AS common
FROM (
    SELECT
        record_no,
        time,
        arrived,
        received,
        clock_id,
        device,
        natural_key,
        event_id,
        provider,
        channel,
        host_process_id,
        caller,
        body,
        body AS source_text,
        json_transform(body, '$fields') AS field
    FROM windows_event
    WHERE "table" = '$name'
)
