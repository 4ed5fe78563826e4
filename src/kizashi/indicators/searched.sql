-- Fields that indicators are looked for in, and whether any log of this lake fills them.
SELECT 'DNS names' AS field, (SELECT count(query) FROM dns_activity) > 0 AS held
UNION ALL
SELECT 'DNS answers', (SELECT count(answers) FROM dns_activity) > 0
UNION ALL
SELECT 'HTTP hosts', (SELECT count(host) FROM http_activity) > 0
UNION ALL
SELECT 'TLS server names', (SELECT count(sni) FROM tls_activity) > 0
UNION ALL
SELECT 'addresses connected to', (SELECT count(server_ip) FROM network_activity) > 0
UNION ALL
SELECT 'hashes of programs', (SELECT count(sha256) + count(md5) FROM process_activity) > 0
UNION ALL
SELECT 'hashes of files', (SELECT count(sha256) + count(md5) FROM file_activity) > 0
    OR (SELECT count(sha256) + count(md5) FROM network_file_activity) > 0
UNION ALL
SELECT 'mail senders', (SELECT count(from_address) FROM email_activity) > 0
UNION ALL
SELECT 'links in mail', (SELECT count(links) FROM email_activity) > 0
