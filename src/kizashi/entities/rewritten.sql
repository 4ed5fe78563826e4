-- rewritten(file_id, record_no, answered_with)
-- Look-ups that failed and were answered all the same, by failure_answer or by what the log says of
-- itself. Names that many ask for, or for long, are somebody's own, whatever answers them.
-- Reads dns_activity and failure_answer.
WITH told AS (
    SELECT
        dns_activity.file_id,
        dns_activity.record_no,
        dns_activity.host_id,
        dns_activity.time,
        dns_activity.query,
        failure_answer.site,
        array_to_string(failure_answer.addresses, ', ') AS answered_with
    FROM dns_activity
    JOIN failure_answer
        ON failure_answer.site = coalesce(dns_activity.site, '')
        AND failure_answer.addresses = list_sort(list_distinct(dns_activity.answers))
    WHERE
        len(dns_activity.answers) BETWEEN 1 AND most_page_addresses()
        AND coalesce(dns_activity.rcode, 'NOERROR') = 'NOERROR'
),
fleet AS (
    SELECT
        coalesce(site, '') AS site,
        count(DISTINCT host_id) AS hosts
    FROM dns_activity
    WHERE EXISTS (FROM failure_answer)
    GROUP BY coalesce(site, '')
),
own AS (
    SELECT
        told.site,
        told.query
    FROM told
    JOIN fleet USING (site)
    GROUP BY told.site, told.query, fleet.hosts
    HAVING
        max(told.time) - min(told.time) > rewritten_days()
        OR count(DISTINCT told.host_id) > greatest(hosts_of_a_fault(), shared_part() * fleet.hosts)
)
SELECT
    file_id,
    record_no,
    any_value(answered_with) AS answered_with
FROM (
    SELECT
        file_id,
        record_no,
        answered_with
    FROM told
    ANTI JOIN own USING (site, query)
    UNION ALL
    SELECT
        file_id,
        record_no,
        array_to_string(list_sort(list_distinct(answers)), ', ')
    FROM dns_activity
    WHERE disposition IN ('rewritten', 'sinkholed') AND len(answers) > 0
)
GROUP BY file_id, record_no
