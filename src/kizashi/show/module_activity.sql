-- Programs that loaded the file, and what the program loaded.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'module' AS what,
    image AS image,
    "user" AS "user",
    module_path AS said,
    concat_ws(' ', signature, CASE WHEN NOT signed THEN 'unsigned' END) AS answer
FROM module_activity
WHERE
    is_hash(md5)
    OR is_hash(sha256)
    OR is_program(module_path)
    OR is_program(image)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_account("user")
