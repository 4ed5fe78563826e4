-- Zeek 2 logged one assigned_ip for each acknowledgement; Zeek 3 logs an exchange with client_addr.
SELECT
    record_no,
    zeek_time("ts") AS time,
    'zeek' AS clock_id,
    'sensor' AS vantage,
    coalesce("assigned_ip", "assigned_addr", "client_addr") AS client_ip,
    CASE WHEN contains("msg_types", 'RELEASE') THEN 'release' WHEN contains("msg_types", 'NAK') THEN 'deny' ELSE 'lease' END AS activity,
    lower("mac") AS mac,
    lower(split_part(zeek_text(coalesce("host_name", "client_fqdn")), '.', 1)) AS host_name,
    lower(zeek_text("domain")) AS domain,
    coalesce("server_addr", "id.resp_h") AS server_ip,
    TRY_CAST(TRY_CAST("lease_time" AS DOUBLE) AS UINTEGER) AS lease_s,
    unmapped_json AS unmapped
FROM record
