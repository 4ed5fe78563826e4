-- Requests to the name or address, or by whom is sought.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'http ' || coalesce(method, 'request') AS what,
    image,
    "user",
    coalesce(host, server_ip) || coalesce(split_part(uri, '?', 1)[:120], '') AS said,
    concat_ws(' ', status_code, server_ip) AS answer
FROM http_activity
WHERE
    is_name(host)
    OR is_address(server_ip)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_program(image)
    OR is_account("user")
