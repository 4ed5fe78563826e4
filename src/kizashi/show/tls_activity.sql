-- Handshakes with the name or address, or of a fingerprint.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'tls' AS what,
    NULL AS image,
    NULL AS "user",
    coalesce(sni, server_ip) AS said,
    concat_ws(' ', server_ip, validation) AS answer
FROM tls_activity
WHERE
    is_name(sni)
    OR is_address(server_ip)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_fingerprint(ja3)
    OR is_fingerprint(ja3s)
    OR is_fingerprint(ja4)
