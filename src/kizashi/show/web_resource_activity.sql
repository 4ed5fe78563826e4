-- Files of shares and clouds by name, or by whom is sought.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    concat_ws(' ', service, activity) AS what,
    NULL AS image,
    "user" AS "user",
    resource AS said,
    share AS answer
FROM web_resource_activity
WHERE
    is_program(resource)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_account("user")
