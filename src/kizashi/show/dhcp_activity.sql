-- Addresses that a host was given.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'address given' AS what,
    NULL AS image,
    NULL AS "user",
    client_ip AS said,
    NULL AS answer
FROM dhcp_activity
WHERE
    is_host(host_id)
    OR is_address(client_ip)
    OR is_address(mac)
    OR is_machine(host_name)
