-- Of files, or of an ftp log, whose argument is the file's address. Older logs name the two ends as sets: the sender under tx_hosts, the receiver under rx_hosts.
SELECT
    record_no,
    zeek_time("ts") AS time,
    'zeek' AS clock_id,
    'sensor' AS vantage,
    coalesce(
        "id.orig_h",
        CASE WHEN zeek_bool("is_orig") THEN zeek_list("tx_hosts")[1] ELSE zeek_list("rx_hosts")[1] END
    ) AS client_ip,
    coalesce(
        "id.resp_h",
        CASE WHEN zeek_bool("is_orig") THEN zeek_list("rx_hosts")[1] ELSE zeek_list("tx_hosts")[1] END
    ) AS server_ip,
    coalesce("uid", zeek_list("conn_uids")[1]) AS uid,
    "fuid" AS file_uid,
    CASE WHEN path = 'ftp' THEN 'ftp' ELSE lower("source") END AS protocol,
    "mime_type" AS mime_type,
    coalesce(zeek_text("filename"), regexp_extract(zeek_text("arg"), '[^/]*$')) AS file_name,
    TRY_CAST(coalesce("seen_bytes", "file_size") AS UBIGINT) AS bytes,
    CASE WHEN path = 'ftp' THEN upper("command") <> 'RETR' ELSE zeek_bool("is_orig") END AS is_upload,
    lower("md5") AS md5,
    lower("sha1") AS sha1,
    lower("sha256") AS sha256,
    unmapped_json AS unmapped
FROM record
