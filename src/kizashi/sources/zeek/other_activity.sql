SELECT
    record_no,
    zeek_time("ts") AS time,
    'zeek' AS clock_id,
    'sensor' AS vantage,
    "id.orig_h" AS client_ip,
    "id.resp_h" AS server_ip,
    "uid" AS uid,
    'zeek' AS provider,
    path AS type,
    unmapped_json AS fields
FROM record
