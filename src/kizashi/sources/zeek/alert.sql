SELECT
    record_no,
    zeek_time("ts") AS time,
    'zeek' AS clock_id,
    'sensor' AS vantage,
    coalesce("id.orig_h", "src") AS client_ip,
    TRY_CAST("id.orig_p" AS USMALLINT) AS client_port,
    coalesce("id.resp_h", "dst") AS server_ip,
    TRY_CAST(coalesce("id.resp_p", "p") AS USMALLINT) AS server_port,
    "uid" AS uid,
    'Zeek notice' AS product,
    "note" AS rule,
    left(zeek_text("msg"), 998) AS title,
    zeek_text("sub") AS category,
    unmapped_json AS unmapped
FROM record
