-- Tasks that run the program, or of that name.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'task ' || activity AS what,
    NULL AS image,
    "user",
    task_name AS said,
    concat_ws(' ', command, arguments)[:200] AS answer
FROM scheduled_job_activity
WHERE
    is_command(command)
    OR is_program(task_name)
    OR is_host(host_id)
    OR is_address(client_ip)
    OR is_account("user")
