SELECT
    record_no,
    zeek_time("ts") AS time,
    'zeek' AS clock_id,
    'sensor' AS vantage,
    "id.orig_h" AS client_ip,
    "uid" AS uid,
    trim(zeek_text("msg_id"), '<>') AS message_id,
    left(zeek_text("subject"), 998) AS subject,
    lower(coalesce(nullif(regexp_extract(zeek_text("from"), '<([^<>]*)>', 1), ''), zeek_text("from"))) AS from_address,
    nullif(trim(regexp_extract(zeek_text("from"), '^(.*)<', 1), ' "'), '') AS from_name,
    lower(zeek_text("reply_to")) AS reply_to,
    lower(trim(zeek_text("mailfrom"), '<>')) AS return_path,
    list_transform(zeek_list("rcptto"), lambda address: lower(trim(address, '<> '))) AS to_addresses,
    "x_originating_ip" AS sender_ip,
    unmapped_json AS unmapped
FROM record
