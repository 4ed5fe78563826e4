-- own_dns_activity: dns_activity without what a server only passed on. Reads dns_activity and forwarded.
SELECT * FROM dns_activity
ANTI JOIN forwarded USING (file_id, record_no)
