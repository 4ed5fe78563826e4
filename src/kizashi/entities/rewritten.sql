-- rewritten(file_id, record_no, answered_with)
-- Look-ups that failed and were answered all the same, by failure_answer or by what the log says of
-- itself. Names that several ask for, or for long, are somebody's own, unless their labels look drawn. A
-- filter answers for names that exist, so of its answers only drawn labels count.
-- Reads dns_activity, failure_answer and label_grade.
WITH told AS NOT MATERIALIZED (
    SELECT
        dns_activity.file_id,
        dns_activity.record_no,
        dns_activity.host_id,
        dns_activity.time,
        dns_activity.query,
        failure_answer.site,
        array_to_string(failure_answer.addresses, ', ') AS answered_with,
        failure_answer.reason IN ('nowhere', 'made labels') AS is_filter
    FROM dns_activity
    JOIN failure_answer
        ON failure_answer.site = coalesce(dns_activity.site, '')
        AND failure_answer.addresses = list_sort(list_distinct(dns_activity.answers))
    WHERE
        len(dns_activity.answers) BETWEEN 1 AND most_page_addresses()
        AND coalesce(dns_activity.rcode, 'NOERROR') = 'NOERROR'
),
-- A flood of children of one domain stays answered: a tunnel, or a wildcard.
flood AS (
    SELECT
        site,
        answered_with,
        parent_of(query) AS parent
    FROM told
    GROUP BY site, answered_with, parent_of(query)
    HAVING approx_count_distinct(query) > most_children()
),
calm AS NOT MATERIALIZED (
    SELECT
        told.site,
        told.answered_with,
        told.query,
        told.host_id,
        told.time,
        told.is_filter,
        told.file_id,
        told.record_no
    FROM told
    ANTI JOIN flood
        ON flood.site = told.site
        AND flood.answered_with = told.answered_with
        AND flood.parent = parent_of(told.query)
),
asked AS (
    SELECT
        site,
        answered_with,
        query,
        any_value(is_filter) AS is_filter,
        max(time) - min(time) > rewritten_days() AS is_old,
        -- Near enough, and a flood of names keeps no list of hosts each.
        approx_count_distinct(host_id) > hosts_of_a_fault() AS is_shared
    FROM calm
    GROUP BY site, answered_with, query
),
split AS (
    SELECT
        query,
        domain_label
    FROM registered_domains('asked')
),
made AS (
    SELECT label
    FROM (
        SELECT
            label,
            grade_of(label) AS grade
        FROM (SELECT DISTINCT domain_label AS label FROM split WHERE domain_label IS NOT NULL)
    )
    JOIN label_grade USING (grade)
    WHERE greatest(label_grade.letter_odds, label_grade.word_odds) > 0
),
counted AS (
    SELECT
        asked.site,
        asked.answered_with,
        asked.query
    FROM asked
    LEFT JOIN split ON split.query = asked.query
    LEFT JOIN made ON made.label = split.domain_label
    WHERE
        NOT asked.is_old
        AND (made.label IS NOT NULL OR NOT (asked.is_shared OR asked.is_filter))
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
    FROM calm
    SEMI JOIN counted USING (site, answered_with, query)
    UNION ALL
    SELECT
        file_id,
        record_no,
        array_to_string(list_sort(list_distinct(answers)), ', ')
    FROM dns_activity
    WHERE disposition IN ('rewritten', 'sinkholed') AND len(answers) > 0
)
GROUP BY file_id, record_no
