-- Rights that the account gave, or that the application was given.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'consent ' || activity AS what,
    NULL AS image,
    "user" AS "user",
    application AS said,
    array_to_string(scopes[:5], ', ') AS answer
FROM consent_activity
WHERE
    is_account("user")
    OR is_account(application)
    OR is_account(application_id)
    OR is_host(host_id)
    OR is_address(client_ip)
