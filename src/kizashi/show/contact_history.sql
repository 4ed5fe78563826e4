-- Contacts whose events have left the lake.
SELECT
    NULL AS file_id,
    NULL AS record_no,
    unnest(list_transform(times, lambda second: second_of(day, second))) AS time,
    host_id,
    'contact by ' || protocol AS what,
    image,
    NULL AS "user",
    destination AS said,
    server_ip AS answer
FROM contact_history
WHERE
    is_name(destination)
    OR is_address(server_ip)
    OR is_host(host_id)
    OR is_program(image)
