-- Values that name the program, and what it wrote.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'registry ' || activity AS what,
    image,
    "user",
    key_path AS said,
    value_data[:120] AS answer
FROM registry_activity
WHERE
    is_command(value_data)
    OR is_program(image)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_account("user")
