-- Files seen on the wire by hash, name or server.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'file on the wire' AS what,
    NULL AS image,
    NULL AS "user",
    coalesce(file_name, mime_type) AS said,
    server_ip AS answer
FROM network_file_activity
WHERE
    is_hash(md5)
    OR is_hash(sha1)
    OR is_hash(sha256)
    OR is_address(server_ip)
    OR is_program(file_name)
    OR is_host(host_id)
    OR is_address(client_ip)
