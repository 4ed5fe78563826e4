-- Records without a table of their own, of the machine or account.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    concat_ws(' ', provider, type) AS what,
    NULL AS image,
    "user" AS "user",
    fields[:200] AS said,
    server_ip AS answer
FROM other_activity
WHERE
    is_address(server_ip)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_account("user")
