-- Look-ups of the name or a child of it, with the address among its answers, or by whom is sought.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'dns ' || coalesce(rcode, 'no answer logged') AS what,
    image,
    "user",
    query AS said,
    array_to_string(answers[:5], ', ') AS answer
FROM dns_activity
WHERE
    is_name(query)
    OR is_answer(answers)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_program(image)
    OR is_account("user")
