-- Connections to the name or address, or by whom is sought.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'connection' AS what,
    image,
    "user",
    coalesce(server_name, address_and_port(server_ip, server_port)) AS said,
    concat_ws(' ', state, disposition) AS answer
FROM network_activity
WHERE
    is_name(server_name)
    OR is_address(server_ip)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_program(image)
    OR is_account("user")
