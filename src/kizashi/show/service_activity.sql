-- Services that run the program, or of that name.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'service ' || activity AS what,
    NULL AS image,
    "user",
    service_name AS said,
    image_path AS answer
FROM service_activity
WHERE
    is_command(image_path)
    OR is_program(service_name)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_account("user")
