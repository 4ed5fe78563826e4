SELECT
    record_no,
    zeek_time("ts") AS time,
    'zeek' AS clock_id,
    'sensor' AS vantage,
    "id.orig_h" AS client_ip,
    TRY_CAST("id.orig_p" AS USMALLINT) AS client_port,
    "id.resp_h" AS server_ip,
    TRY_CAST("id.resp_p" AS USMALLINT) AS server_port,
    "uid" AS uid,
    "method" AS method,
    regexp_replace(lower(zeek_text("host")), ':[0-9]+$', '') AS host,
    zeek_text("uri") AS uri,
    zeek_text("referrer") AS referrer,
    zeek_text("user_agent") AS user_agent,
    zeek_list("client_header_names") AS header_names,
    TRY_CAST("request_body_len" AS UBIGINT) AS request_body_bytes,
    TRY_CAST("response_body_len" AS UBIGINT) AS response_body_bytes,
    TRY_CAST("status_code" AS USMALLINT) AS status_code,
    zeek_list("orig_mime_types")[1] AS request_mime,
    zeek_list("resp_mime_types")[1] AS response_mime,
    list_concat(zeek_list("orig_fuids"), zeek_list("resp_fuids")) AS file_uids,
    -- The proxy nearest to the sensor names its own client last.
    nullif(
        regexp_extract(
            list_filter(zeek_list("proxied"), lambda said: said ILIKE 'x-forwarded-for -> %')[-1],
            '(?:-> |, *)([0-9a-fA-F.:]+)\s*$',
            1
        ),
        ''
    ) AS forwarded_for,
    "method" = 'CONNECT' OR contains("uri", '://') OR len(zeek_list("proxied")) > 0 AS proxied,
    path LIKE 'open%' AS is_open,
    unmapped_json AS unmapped
FROM record
