-- Older logs name a certificate by its file, newer ones by its fingerprint; ssl does the same.
SELECT
    record_no,
    zeek_time("ts") AS time,
    'zeek' AS clock_id,
    'sensor' AS vantage,
    coalesce("fingerprint", "id") AS certificate,
    zeek_text("certificate.subject") AS subject,
    zeek_text("certificate.issuer") AS issuer,
    zeek_time("certificate.not_valid_before") AS not_before,
    zeek_time("certificate.not_valid_after") AS not_after,
    zeek_list("san.dns") AS certificate_names,
    unmapped_json AS unmapped
FROM record
