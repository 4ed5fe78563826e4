-- Mail from and to the address or domain, with the file or a link to the name.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'mail' AS what,
    NULL AS image,
    array_to_string(to_addresses[:3], ', ') AS "user",
    subject AS said,
    from_address AS answer
FROM email_activity
WHERE
    is_mail(from_address)
    OR is_mail(return_path)
    OR is_mail(reply_to)
    OR is_recipient(to_addresses)
    OR is_address(sender_ip)
    OR is_attached(attachments)
    OR is_hash_attached(attachments)
    OR is_linked(links)
