-- Sign-ins from, to and as what is sought.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    activity || CASE WHEN success THEN '' WHEN NOT success THEN ' failed' ELSE '' END AS what,
    image,
    "user",
    coalesce(target_server, server_ip) AS said,
    concat_ws(' ', 'from', workstation, client_ip) AS answer
FROM authentication
WHERE
    is_address(server_ip)
    OR is_machine(workstation)
    OR is_machine(target_server)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_program(image)
    OR is_account("user")
    OR is_account(caller_user)
