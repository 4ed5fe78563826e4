-- Starts of the program or by it, by its file, its hash or its parent.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'process ' || activity AS what,
    image,
    "user",
    coalesce(target_image, command_line[:200]) AS said,
    parent_image AS answer
FROM process_activity
WHERE
    is_hash(md5)
    OR is_hash(sha256)
    OR is_program(image)
    OR is_program(parent_image)
    OR is_program(target_image)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_account("user")
