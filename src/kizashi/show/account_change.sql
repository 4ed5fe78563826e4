-- Changes of the account, or by it.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'account ' || coalesce(activity, operation) AS what,
    NULL AS image,
    actor AS "user",
    coalesce("user", "group") AS said,
    "group" AS answer
FROM account_change
WHERE
    is_account("user")
    OR is_account(actor)
    OR is_account("group")
    OR is_host(host_id)
    OR is_address(client_ip)
