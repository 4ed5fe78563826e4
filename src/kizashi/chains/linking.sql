-- Pairs of signals that a cause ties: (from_id, to_id, kind, reason). Computed around signals only.
-- `program` names a process by its guid, or by host and pid where the log has no guid.
WITH RECURSIVE
subject AS (
    SELECT
        *,
        coalesce(process_guid, 'pid:' || process_id) AS program
    FROM signal
),
started AS (
    SELECT
        host_id,
        coalesce(process_guid, 'pid:' || process_id) AS program,
        coalesce(parent_guid, 'pid:' || parent_id) AS parent,
        file_name(image) AS program_file,
        lower(image) AS image,
        lower(command_line) AS command_line,
        time
    FROM process_activity
    WHERE activity = 'start' AND host_id IN (SELECT host_id FROM subject)
),
-- Every process from the signal's own upwards, until one that starts everything.
ancestry AS (
    SELECT s.signal_id, s.host_id, s.program, 0 AS depth
    FROM subject AS s
    WHERE s.program IS NOT NULL
    UNION
    SELECT a.signal_id, a.host_id, p.parent, a.depth + 1
    FROM ancestry AS a
    JOIN started AS p ON p.host_id = a.host_id AND p.program = a.program
    WHERE a.depth < getvariable('lineage_depth')
      AND p.parent IS NOT NULL
      AND NOT list_contains(getvariable('common_programs'), p.program_file)
),
ancestor AS (
    SELECT a.*, p.program_file, p.command_line
    FROM ancestry AS a
    LEFT JOIN (
        SELECT host_id, program, any_value(program_file ORDER BY time) AS program_file,
               any_value(command_line ORDER BY time) AS command_line
        FROM started GROUP BY ALL
    ) AS p USING (host_id, program)
),
lineage AS (
    SELECT DISTINCT
        a.signal_id AS from_id,
        b.signal_id AS to_id,
        CASE WHEN b.depth = 0 THEN 'same_process' ELSE 'descendant' END AS kind,
        b.program_file AS reason
    FROM ancestor AS a
    JOIN ancestor AS b ON a.host_id = b.host_id AND a.program = b.program AND a.signal_id != b.signal_id
    WHERE a.depth = 0 AND NOT coalesce(list_contains(getvariable('common_programs'), b.program_file), false)
),
-- Children of one process that is not everybody's parent: each is tied to the first of them.
sibling AS (
    SELECT
        first(signal_id ORDER BY first_seen, signal_id) OVER (
            PARTITION BY host_id, program ORDER BY first_seen, signal_id
        ) AS from_id,
        signal_id AS to_id,
        'same_parent' AS kind,
        program_file AS reason
    FROM (
        SELECT a.host_id, a.program, a.program_file, a.signal_id, s.first_seen
        FROM ancestor AS a
        JOIN subject AS s USING (signal_id)
        WHERE a.depth > 0 AND a.program_file IS NOT NULL
          AND NOT list_contains(getvariable('common_programs'), a.program_file)
    )
),
carried AS (
    SELECT
        signal_id, host_id, stage, first_seen, recipient,
        regexp_replace(lower(trim(unnest(file_names))), ' ?\(\d+\)(\.[a-z0-9]+)$', '\1') AS name
    FROM subject
    WHERE file_names IS NOT NULL
),
opened AS (
    SELECT
        c.signal_id AS from_id,
        a.signal_id AS to_id,
        'file_opened' AS kind,
        c.name AS reason,
        count(DISTINCT a.host_id) OVER (PARTITION BY c.name) AS hosts
    FROM (SELECT * FROM carried WHERE length(name) >= getvariable('shortest_file_name')) AS c
    JOIN ancestor AS a ON a.signal_id != c.signal_id
     AND (c.recipient IS NOT NULL OR a.host_id = c.host_id)
     AND contains(regexp_replace(a.command_line, ' ?\(\d+\)(\.[a-z0-9]+)', '\1', 'g'), c.name)
    JOIN subject AS s ON s.signal_id = a.signal_id
    WHERE c.recipient IS NULL
       OR s.first_seen BETWEEN c.first_seen - to_hours(getvariable('order_slack_hours')::INT)
                           AND c.first_seen + to_days(getvariable('mail_to_open_days')::INT)
),
brought AS (
    SELECT c.signal_id AS from_id, s.signal_id AS to_id, 'file_run' AS kind, c.name AS reason
    FROM carried AS c
    JOIN subject AS s ON s.signal_id != c.signal_id AND s.host_id = c.host_id
     AND (file_name(s.image) = c.name OR file_name(s.object_image) = c.name)
    WHERE length(c.name) >= getvariable('shortest_file_name')
),
persisted AS (
    SELECT p.signal_id AS from_id, s.signal_id AS to_id, 'started_by' AS kind, p.object AS reason
    FROM subject AS p
    JOIN subject AS s ON s.host_id = p.host_id AND s.signal_id != p.signal_id
     AND (
         lower(s.image) = lower(p.object_image)
         OR (length(p.object_image) >= getvariable('shortest_path')
             AND contains(lower(s.command_line), lower(p.object_image)))
     )
    WHERE p.object_image IS NOT NULL
      AND NOT list_contains(getvariable('system_hosts'), file_name(p.object_image))
),
contacted AS (
    SELECT
        a.signal_id AS from_id,
        b.signal_id AS to_id,
        'same_destination' AS kind,
        coalesce(CASE WHEN a.destination = b.destination THEN a.destination END, a.server_ip) AS reason
    FROM subject AS a
    JOIN subject AS b ON a.host_id = b.host_id AND a.signal_id != b.signal_id
     AND (a.destination = b.destination OR a.server_ip = b.server_ip)
    WHERE (a.first_seen, a.signal_id) < (b.first_seen, b.signal_id)
),
-- Names that this host first asked, and got, during or soon after its failures.
answered AS (
    SELECT s.signal_id, s.host_id, f.query, f.answers, min(f.time) AS first_seen
    FROM subject AS s
    JOIN dns_fact AS f ON f.host_id = s.host_id AND NOT f.failed
     AND f.time BETWEEN s.first_seen AND s.last_seen + to_minutes(getvariable('resolved_after_minutes')::INT)
    JOIN name AS n ON n.query = f.query AND n.first_seen >= s.first_seen
    WHERE s.family = 'dns_failures'
    GROUP BY ALL
),
resolved AS (
    SELECT a.signal_id AS from_id, s.signal_id AS to_id, 'resolved_after' AS kind, a.query AS reason
    FROM answered AS a
    JOIN subject AS s ON s.host_id = a.host_id AND s.signal_id != a.signal_id
     AND (s.destination = a.query OR list_contains(a.answers, s.server_ip))
    WHERE s.family IS DISTINCT FROM 'dns_failures'
),
-- The endpoint did not log the failures: the process that next reached such a name is their likely author.
reached AS (
    SELECT DISTINCT
        a.signal_id AS from_id,
        n.signal_id AS to_id,
        'reached_after' AS kind,
        a.query AS reason
    FROM answered AS a
    JOIN network_activity AS c ON c.host_id = a.host_id AND c.vantage = 'endpoint'
     AND list_contains(a.answers, c.server_ip) AND c.time >= a.first_seen
     AND c.time <= a.first_seen + to_minutes(getvariable('resolved_after_minutes')::INT)
    JOIN ancestor AS n ON n.host_id = c.host_id AND n.program = coalesce(c.process_guid, 'pid:' || c.process_id)
    WHERE n.signal_id != a.signal_id
),
-- A sensor's signal names no process; the endpoint says which one spoke to that address meanwhile.
connected AS (
    SELECT DISTINCT
        n.signal_id AS from_id,
        s.signal_id AS to_id,
        'connected_by' AS kind,
        file_name(c.image) AS reason
    FROM subject AS s
    JOIN network_activity AS c ON c.host_id = s.host_id AND c.vantage = 'endpoint'
     AND c.server_ip = s.server_ip
     AND c.time BETWEEN s.first_seen - to_minutes(1) AND s.last_seen + to_minutes(1)
    JOIN ancestor AS n ON n.host_id = c.host_id
     AND n.program = coalesce(c.process_guid, 'pid:' || c.process_id)
    WHERE s.program IS NULL AND n.signal_id != s.signal_id
      AND NOT list_contains(getvariable('common_programs'), file_name(c.image))
),
-- Something made without a known maker while a process in contact with the outside was at work.
during AS (
    SELECT a.signal_id AS from_id, b.signal_id AS to_id, 'made_during' AS kind, file_name(a.image) AS reason
    FROM subject AS a
    JOIN subject AS b ON a.host_id = b.host_id
     AND b.first_seen BETWEEN a.first_seen AND a.last_seen + to_minutes(getvariable('made_during_minutes')::INT)
    WHERE a.stage = 'command-and-control' AND a.program IS NOT NULL
      AND b.program IS NULL AND b.stage IN ('persistence', 'privilege-escalation')
),
-- What happened to the accounts of one person, and the mail before it.
personal AS (
    SELECT
        s.signal_id,
        s.first_seen,
        s.last_seen,
        s.recipient IS NOT NULL AS by_mail,
        coalesce(p.person, lower(s.recipient), lower(s.user)) AS person
    FROM subject AS s
    LEFT JOIN person AS p ON p.name = lower(coalesce(s.recipient, s.user))
    WHERE s.recipient IS NOT NULL OR starts_with(s.host_id, 'person:')
),
same_person AS (
    SELECT
        a.signal_id AS from_id,
        b.signal_id AS to_id,
        CASE WHEN a.by_mail THEN 'mail_then_account' ELSE 'same_account' END AS kind,
        a.person AS reason
    FROM personal AS a
    JOIN personal AS b ON b.person = a.person AND b.signal_id != a.signal_id
     AND NOT b.by_mail
     AND (a.by_mail OR (a.first_seen, a.signal_id) < (b.first_seen, b.signal_id))
     AND b.first_seen BETWEEN a.first_seen - to_hours(getvariable('order_slack_hours')::INT)
                          AND a.last_seen + to_hours(getvariable('account_hours')::INT)
),
pairs AS (
    SELECT * FROM lineage
    UNION ALL SELECT * FROM sibling WHERE from_id != to_id
    UNION ALL SELECT * EXCLUDE (hosts) FROM opened WHERE hosts <= getvariable('most_hosts_of_a_file')
    UNION ALL SELECT * FROM brought
    UNION ALL SELECT * FROM persisted
    UNION ALL SELECT * FROM contacted
    UNION ALL SELECT * FROM resolved
    UNION ALL SELECT * FROM reached
    UNION ALL SELECT * FROM connected
    UNION ALL SELECT * FROM during
    UNION ALL SELECT * FROM same_person
)
SELECT from_id, to_id, kind, any_value(reason ORDER BY reason) AS reason
FROM pairs
GROUP BY from_id, to_id, kind
ORDER BY from_id, to_id, kind
