-- What other products said of it.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'alert ' || coalesce(product, '') AS what,
    NULL AS image,
    "user",
    coalesce(title, rule) AS said,
    coalesce(server_ip, file_name) AS answer
FROM alert
WHERE
    is_address(server_ip)
    OR is_hash(sha256)
    OR is_program(file_name)
    OR is_program(image)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_account("user")
