-- Scripts of the file, or run by whom is sought.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'script ' || coalesce(engine, '') AS what,
    NULL AS image,
    "user" AS "user",
    path AS said,
    text[:200] AS answer
FROM script_activity
WHERE
    is_program(path)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_account("user")
