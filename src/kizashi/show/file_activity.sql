-- Files by path or hash, and what the program wrote.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'file ' || activity AS what,
    image,
    "user",
    path AS said,
    NULL AS answer
FROM file_activity
WHERE
    is_hash(md5)
    OR is_hash(sha256)
    OR is_program(path)
    OR is_program(image)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_account("user")
