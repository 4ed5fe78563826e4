-- message(columns of email_activity)
-- One row a message. A gateway writes several records of one, with an id of its own (`uid`): the record that
-- names sender and recipients takes in what the others say. A message whose records name no From has its
-- envelope's sender for it. Records of a sensor and files of mail stand for themselves.
-- Reads email_activity.
WITH numbered AS (
    SELECT
        mail,
        mail.uid IS NOT NULL AND mail.vantage IS DISTINCT FROM 'sensor' AS is_part,
        -- Ids of queues come again: the record that only names the client begins a message.
        count_if(
            mail.sender_ip IS NOT NULL AND mail.return_path IS NULL AND mail.to_addresses IS NULL
        ) OVER (
            PARTITION BY
                mail.source,
                mail.clock_id,
                mail.uid
            ORDER BY
                mail.time,
                mail.record_no
        ) AS part
    FROM email_activity AS mail
),
grouped AS (
    SELECT
        mail,
        CASE
            WHEN is_part THEN concat_ws('|', mail.site, mail.source, mail.clock_id, mail.uid, part)
            ELSE concat_ws('|', mail.file_id, mail.record_no)
        END AS identity,
        -- What names most stands first.
        {'nameless': mail.to_addresses IS NULL OR len(mail.to_addresses) = 0,
        'senderless': coalesce(mail.from_address, mail.return_path) IS NULL,
        'bare': mail.subject IS NULL, 'time': mail.time, 'file_id': mail.file_id,
        'record_no': mail.record_no} AS place
    FROM numbered
)
SELECT
    any_value(mail.site) AS site,
    any_value(mail.host_id ORDER BY place) AS host_id,
    any_value(mail.source) AS source,
    any_value(mail.vantage) AS vantage,
    min(mail.time) AS time,
    arg_min(mail.clock_id, place) AS clock_id,
    arg_min(mail.file_id, place) AS file_id,
    arg_min(mail.record_no, place) AS record_no,
    any_value(mail.message_id ORDER BY place) AS message_id,
    any_value(mail.uid) AS uid,
    any_value(mail.subject ORDER BY place) AS subject,
    any_value(coalesce(mail.from_address, mail.return_path) ORDER BY place) AS from_address,
    any_value(mail.from_name ORDER BY place) AS from_name,
    any_value(mail.reply_to ORDER BY place) AS reply_to,
    any_value(mail.return_path ORDER BY place) AS return_path,
    one_list(mail.to_addresses, place) AS to_addresses,
    any_value(mail.spf ORDER BY place) AS spf,
    any_value(mail.spf_domain ORDER BY place) AS spf_domain,
    any_value(mail.dkim ORDER BY place) AS dkim,
    any_value(mail.dkim_domain ORDER BY place) AS dkim_domain,
    any_value(mail.dmarc ORDER BY place) AS dmarc,
    any_value(mail.compauth ORDER BY place) AS compauth,
    any_value(mail.arc ORDER BY place) AS arc,
    any_value(mail.sender_ip ORDER BY place) AS sender_ip,
    max(mail.received_hops) AS received_hops,
    one_list(mail.links, place) AS links,
    one_list(mail.attachments, place) AS attachments,
    one_list(mail.findings, place) AS findings,
    one_list(mail.members, place) AS members,
    max(mail.bytes) AS bytes,
    CASE WHEN bool_or(mail.disposition = 'blocked') THEN 'blocked' ELSE any_value(mail.disposition) END
        AS disposition,
    bool_or(mail.truncated) AS truncated,
    any_value(mail.unmapped ORDER BY place) AS unmapped
FROM grouped
GROUP BY identity
