-- own_dns_activity: dns_activity without what a server only passed on. Failures that came as answers
-- read NXDOMAIN, and `answered_with` says what the answer was. Reads dns_activity, forwarded and rewritten.
-- Two branches, so that a filter on rcode still reaches the scan.
SELECT
    *,
    NULL::VARCHAR AS answered_with
FROM dns_activity
ANTI JOIN forwarded USING (file_id, record_no)
ANTI JOIN rewritten USING (file_id, record_no)
UNION ALL
SELECT
    dns_activity.* REPLACE ('NXDOMAIN' AS rcode),
    rewritten.answered_with
FROM dns_activity
JOIN rewritten
    ON rewritten.file_id = dns_activity.file_id AND rewritten.record_no = dns_activity.record_no
ANTI JOIN forwarded
    ON forwarded.file_id = dns_activity.file_id AND forwarded.record_no = dns_activity.record_no
