-- Certificates for the name, or that the machine was shown, by fingerprint.
SELECT
    file_id,
    record_no,
    time,
    host_id,
    'certificate' AS what,
    NULL AS image,
    NULL AS "user",
    subject AS said,
    issuer AS answer
FROM certificate_activity
WHERE
    is_hash(certificate)
    OR is_one_name(certificate_names)
    OR is_host(host_id)
    OR is_address(client_ip)
