SELECT
    record_no,
    zeek_time("ts") AS time,
    'zeek' AS clock_id,
    'sensor' AS vantage,
    "id.orig_h" AS client_ip,
    "id.resp_h" AS server_ip,
    CASE WHEN path = 'kerberos' THEN 'ticket' ELSE 'logon' END AS activity,
    zeek_bool("success") AS success,
    zeek_text(coalesce("username", split_part("client", '/', 1))) AS "user",
    zeek_text(coalesce("domainname", split_part("client", '/', 2))) AS domain,
    CASE WHEN path = 'kerberos' THEN 'Kerberos' ELSE 'NTLM' END AS protocol,
    coalesce("error_msg", "status") AS status,
    lower(zeek_text("hostname")) AS workstation,
    zeek_text(coalesce("service", "server_dns_computer_name")) AS target_server,
    unmapped_json AS unmapped
FROM record
