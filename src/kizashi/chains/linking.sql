-- Pairs of signals that a cause ties: (from_id, to_id, kind, reason). Computed around signals only.
-- `program` names a process by its guid, or by host and pid where the log has no guid.
WITH RECURSIVE
-- Of a detector's many signals about one program of a host, or one of its destinations, the first
-- speaks for the others, so that links grow with programs and not with their square.
voiced AS (
    SELECT
        *,
        coalesce(process_guid, 'pid:' || process_id) AS program,
        first(signal_id) OVER (
            PARTITION BY
                detector,
                host_id,
                coalesce(process_guid, 'pid:' || process_id),
                destination,
                server_ip,
                object,
                CASE WHEN coalesce(process_guid, 'pid:' || process_id, destination, server_ip, object)
                    IS NULL THEN signal_id END
            ORDER BY first_seen, signal_id
        ) AS speaker
    FROM signal
),
subject AS (
    SELECT * EXCLUDE (speaker) FROM voiced WHERE speaker = signal_id
),
repeated AS (
    SELECT
        speaker AS from_id,
        signal_id AS to_id,
        CASE WHEN program IS NULL THEN 'same_destination' ELSE 'same_process' END AS kind,
        coalesce(file_name(image), destination, server_ip, object) AS reason
    FROM voiced
    WHERE speaker != signal_id
),
started AS (
    SELECT
        host_id,
        coalesce(process_guid, 'pid:' || process_id) AS program,
        coalesce(parent_guid, 'pid:' || parent_id) AS parent,
        file_name(image) AS program_file,
        lower(image) AS image,
        lower(command_line) AS command_line,
        logon_id,
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
    SELECT a.*, p.program_file, p.image, p.command_line, p.logon_id
    FROM ancestry AS a
    LEFT JOIN (
        SELECT host_id, program, any_value(program_file ORDER BY time) AS program_file,
               any_value(image ORDER BY time) AS image,
               any_value(command_line ORDER BY time) AS command_line,
               any_value(logon_id ORDER BY time) AS logon_id
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
-- What a message carried stands in the message, whatever the signal about it says.
mailed AS (
    SELECT DISTINCT
        s.signal_id,
        s.first_seen,
        m.attachments,
        list_concat(list_transform(m.attachments, lambda a: a.name), m.members) AS names,
        m.links
    FROM subject AS s
    JOIN message AS m ON m.message_id = s.message_id
),
named AS (
    SELECT signal_id, unnest(file_names) AS name FROM subject
    UNION
    SELECT signal_id, unnest(names) FROM mailed
),
carried AS (
    SELECT
        s.signal_id, s.host_id, s.stage, s.first_seen,
        coalesce(s.recipient, s.message_id) AS recipient,
        -- A member of an archive may stand in a folder of its own.
        file_name(plain_file_names(trim(named.name))) AS name
    FROM subject AS s
    JOIN named USING (signal_id)
    WHERE named.name IS NOT NULL
),
-- Two detectors speak of one message.
same_message AS (
    SELECT
        first(signal_id ORDER BY first_seen, signal_id) OVER (
            PARTITION BY message_id ORDER BY first_seen, signal_id
        ) AS from_id,
        signal_id AS to_id,
        'same_message' AS kind,
        message_id AS reason
    FROM subject
    WHERE message_id IS NOT NULL
),
-- The address in a message, and who went there next.
linked AS (
    SELECT DISTINCT
        signal_id,
        split_part(plain_url(link), '/', 1) AS host,
        plain_url(link) AS link
    FROM (SELECT signal_id, unnest(links) AS link FROM mailed)
),
visited AS (
    SELECT
        l.signal_id AS from_id,
        b.signal_id AS to_id,
        'link_visited' AS kind,
        l.host AS reason,
        count(DISTINCT b.host_id) OVER (PARTITION BY l.host) AS hosts
    FROM linked AS l
    JOIN subject AS a ON a.signal_id = l.signal_id
    JOIN subject AS b ON b.destination = l.host AND b.message_id IS NULL
     AND b.first_seen BETWEEN a.first_seen - to_hours(getvariable('order_slack_hours')::INT)
                          AND a.first_seen + to_days(getvariable('mail_to_open_days')::INT)
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
     AND contains(plain_file_names(a.command_line), c.name)
    JOIN subject AS s ON s.signal_id = a.signal_id
    WHERE c.recipient IS NULL
       OR s.first_seen BETWEEN c.first_seen - to_hours(getvariable('order_slack_hours')::INT)
                           AND c.first_seen + to_days(getvariable('mail_to_open_days')::INT)
),
-- Signals about a person rather than a machine.
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
-- The very file of a message on a host: by content, whatever its name there.
arrived AS (
    SELECT signal_id, first_seen, hash.hash AS hash, hash.name AS name
    FROM (
        SELECT signal_id, first_seen, unnest(attachments) AS file FROM mailed
    ), LATERAL (
        SELECT unnest([{'hash': file.sha256, 'name': file.name}, {'hash': file.md5, 'name': file.name}]) AS hash
    )
    WHERE hash.hash IS NOT NULL
),
landed AS (
    SELECT host_id, time, path, unnest([sha256, md5]) AS hash
    FROM file_activity
    WHERE sha256 IN (SELECT hash FROM arrived) OR md5 IN (SELECT hash FROM arrived)
    UNION
    SELECT host_id, time, image, unnest([sha256, md5])
    FROM process_activity
    WHERE sha256 IN (SELECT hash FROM arrived) OR md5 IN (SELECT hash FROM arrived)
),
same_content AS (
    SELECT f.signal_id AS from_id, a.signal_id AS to_id, 'file_hash' AS kind, file_name(l.path) AS reason
    FROM arrived AS f
    JOIN landed AS l ON l.hash = f.hash
     AND l.time >= f.first_seen - to_hours(getvariable('order_slack_hours')::INT)
    JOIN ancestor AS a ON a.host_id = l.host_id AND a.signal_id != f.signal_id
     AND (a.image = lower(l.path) OR contains(a.command_line, file_name(l.path)))
    UNION
    SELECT f.signal_id, s.signal_id, 'file_hash', coalesce(file_name(s.image), f.name, f.hash)
    FROM arrived AS f
    JOIN subject AS s ON s.sha256 = f.hash AND s.message_id IS NULL
),
-- The mark of the web tells who saved a file and from where: a mail program, or a link of the message.
marked AS (
    SELECT
        host_id,
        time,
        file_name(plain_file_names(regexp_replace(path, '(?i):zone\.identifier(:\$data)?$', ''))) AS name,
        file_name(image) AS program,
        [
            plain_url(regexp_extract(content, '(?i)HostUrl=(\S+)', 1)),
            plain_url(regexp_extract(content, '(?i)ReferrerUrl=(\S+)', 1))
        ] AS urls
    FROM file_activity
    WHERE activity = 'stream' AND content ILIKE '%zoneid=%' AND EXISTS (FROM mailed)
),
from_mail AS (
    SELECT c.signal_id, m.host_id, m.name, m.time, 'file_saved' AS kind, m.name AS reason
    FROM carried AS c
    JOIN marked AS m ON m.name = c.name AND list_contains(getvariable('mail_programs'), m.program)
    WHERE c.recipient IS NOT NULL
    UNION
    SELECT l.signal_id, m.host_id, m.name, m.time, 'link_saved', l.host
    FROM linked AS l
    JOIN marked AS m ON list_contains(m.urls, l.link)
),
saved AS (
    SELECT f.signal_id AS from_id, a.signal_id AS to_id, f.kind, f.reason
    FROM from_mail AS f
    JOIN subject AS s ON s.signal_id = f.signal_id
    JOIN ancestor AS a ON a.host_id = f.host_id AND a.signal_id != f.signal_id
     AND (file_name(a.image) = f.name OR contains(plain_file_names(a.command_line), f.name))
    WHERE f.time >= s.first_seen - to_hours(getvariable('order_slack_hours')::INT)
      AND f.time <= s.first_seen + to_days(getvariable('mail_to_open_days')::INT)
      AND length(f.name) > 0
),
-- A link of the message asked for from a machine of its recipient, and what went on there soon after.
recipient_machine AS (
    SELECT DISTINCT started.host_id, who.person
    FROM process_activity AS started
    JOIN person AS who ON who.name = lower(trim(started.user))
    WHERE started.host_id IN (SELECT host_id FROM subject)
      AND who.person IN (SELECT person FROM personal WHERE by_mail)
),
followed AS (
    SELECT
        p.signal_id AS from_id,
        s.signal_id AS to_id,
        'link_followed' AS kind,
        l.host AS reason
    FROM personal AS p
    JOIN linked AS l USING (signal_id)
    JOIN recipient_machine AS m USING (person)
    JOIN http_activity AS h ON h.host_id = m.host_id AND h.host = l.host
     AND plain_url(h.host || coalesce(h.uri, '/')) IN (l.link, l.link || '/')
     AND h.time BETWEEN p.first_seen - to_hours(getvariable('order_slack_hours')::INT)
                    AND p.first_seen + to_days(getvariable('mail_to_open_days')::INT)
    JOIN subject AS s ON s.host_id = m.host_id AND s.signal_id != p.signal_id
     AND s.first_seen BETWEEN h.time - to_minutes(1)
                          AND h.time + to_minutes(getvariable('followed_minutes')::INT)
    WHERE p.by_mail
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
    UNION
    SELECT p.signal_id, a.signal_id, 'started_by', p.object
    FROM subject AS p
    JOIN ancestor AS a ON a.host_id = p.host_id AND a.signal_id != p.signal_id
     AND a.image = lower(p.object_image)
    WHERE NOT list_contains(getvariable('system_hosts'), file_name(p.object_image))
),
-- A program or library that one process wrote and another is, was given or loaded.
wrote AS (
    SELECT DISTINCT
        a.signal_id,
        a.host_id,
        lower(f.path) AS path,
        f.time
    FROM ancestor AS a
    JOIN file_activity AS f ON f.host_id = a.host_id AND f.activity IN ('create', 'rename')
     AND coalesce(f.process_guid, 'pid:' || f.process_id) = a.program
    WHERE NOT coalesce(list_contains(getvariable('common_programs'), a.program_file), false)
      AND list_contains(getvariable('program_endings'), lower(split_part(f.path, '.', -1)))
),
executed AS (
    SELECT host_id, program, image AS path, time FROM started
    WHERE (host_id, image) IN (SELECT host_id, path FROM wrote)
    UNION
    SELECT s.host_id, s.program, w.path, s.time
    FROM started AS s
    JOIN (SELECT DISTINCT host_id, path FROM wrote) AS w ON w.host_id = s.host_id
     AND contains(s.command_line, w.path)
    UNION
    SELECT host_id, coalesce(process_guid, 'pid:' || process_id), lower(module_path), time
    FROM module_activity
    WHERE (host_id, lower(module_path)) IN (SELECT host_id, path FROM wrote)
),
written AS (
    SELECT DISTINCT
        w.signal_id AS from_id,
        n.signal_id AS to_id,
        'file_written' AS kind,
        file_name(w.path) AS reason
    FROM wrote AS w
    JOIN executed AS e ON e.host_id = w.host_id AND e.path = w.path
     AND e.time BETWEEN w.time AND w.time + to_days(getvariable('written_to_run_days')::INT)
    JOIN ancestor AS n ON n.host_id = e.host_id AND n.program = e.program
    WHERE n.signal_id != w.signal_id
),
-- Each is tied to the first of its destination, by name and by address.
place AS (
    SELECT host_id, signal_id, first_seen, destination AS place FROM subject
    UNION
    SELECT host_id, signal_id, first_seen, server_ip FROM subject
),
contacted AS (
    SELECT
        first(signal_id ORDER BY first_seen, signal_id) OVER (
            PARTITION BY host_id, place ORDER BY first_seen, signal_id
        ) AS from_id,
        signal_id AS to_id,
        'same_destination' AS kind,
        place AS reason
    FROM place
    WHERE place IS NOT NULL
),
-- Who held an address when somebody came from it: its lease then, else the one who ever held it.
remote_logon AS (
    SELECT
        a.host_id AS to_host,
        a.site,
        a.logon_id,
        a.client_ip,
        a."user",
        a.time
    FROM authentication AS a
    WHERE a.success
      AND list_contains(getvariable('remote_logon_types'), a.logon_type)
      AND a.logon_id IS NOT NULL
      AND a.client_ip IS NOT NULL
      AND a.host_id IN (SELECT host_id FROM subject)
),
-- Who works where; a machine of many people is nobody's own.
worked AS (
    SELECT DISTINCT started.host_id, who.person
    FROM process_activity AS started
    JOIN person AS who ON who.name = lower(trim(started."user"))
    WHERE started.activity = 'start'
      AND started.host_id IN (SELECT host_id FROM subject)
      AND NOT regexp_matches(who.person, '^(nt |window manager|font driver|iis )|^(local service|network service|system|root)$')
),
crowd AS (
    SELECT host_id FROM worked
    GROUP BY host_id
    HAVING count(*) > getvariable('most_people_of_a_machine')
),
own_machine AS (
    SELECT host_id, person FROM worked
    WHERE host_id NOT IN (SELECT host_id FROM crowd)
      AND NOT is_shared_account(split_part(split_part(person, '@', 1), '\', -1))
),
-- A session from an address that a VPN gateway had given to a person who works elsewhere.
through AS (
    SELECT l.to_host, l.logon_id, l.time, l."user", l.client_ip, m.host_id AS from_host
    FROM remote_logon AS l
    JOIN authentication AS t ON t.assigned_ip = l.client_ip AND t.success AND t.activity = 'logon'
     AND coalesce(t.site, '') = coalesce(l.site, '')
     AND l.time BETWEEN t.time - to_minutes(1)
                    AND t.time + to_hours(getvariable('remote_session_hours')::INT)
    JOIN person AS who ON who.name = lower(trim(t."user"))
    JOIN own_machine AS m ON m.person = who.person AND m.host_id != l.to_host
    QUALIFY row_number() OVER (
        PARTITION BY l.to_host, l.logon_id, l.time ORDER BY t.time DESC, m.host_id
    ) = 1
),
-- A machine of another site is known here by its name alone, where one machine alone has it.
machine AS (
    SELECT DISTINCT
        host_id,
        split_part(host_id, '/', 1) AS site,
        lower(split_part(host_id, '/', -1)) AS device
    FROM subject
),
holder AS (
    SELECT l.client_ip, l.site, m.host_id, l.first_seen, l.last_seen
    FROM lease AS l
    JOIN machine AS m ON m.device = lower(l.device)
    WHERE l.client_ip IN (SELECT client_ip FROM remote_logon)
    QUALIFY m.site = coalesce(l.site, '')
        OR count(*) OVER (PARTITION BY l.client_ip, l.site, l.device, l.first_seen) = 1
),
came AS (
    SELECT l.*, h.host_id AS from_host
    FROM remote_logon AS l
    JOIN holder AS h ON h.client_ip = l.client_ip
    WHERE h.host_id != l.to_host
    QUALIFY row_number() OVER (
        PARTITION BY l.to_host, l.logon_id, l.time
        ORDER BY
            l.time BETWEEN h.first_seen AND h.last_seen DESC,
            coalesce(h.site = l.site, false) DESC,
            abs(epoch(l.time - h.last_seen)),
            h.host_id
    ) = 1
),
-- One that signs in to very many machines is a server of management, not a foothold.
source AS (
    SELECT from_host FROM came
    GROUP BY from_host
    HAVING count(DISTINCT to_host) <= getvariable('most_hosts_of_a_source')
),
in_session AS (
    SELECT DISTINCT signal_id, host_id, logon_id FROM ancestor WHERE logon_id IS NOT NULL
    UNION
    SELECT s.signal_id, s.host_id, made.logon_id
    FROM subject AS s
    JOIN (
        SELECT host_id, file_id, record_no, logon_id FROM service_activity
        UNION ALL
        SELECT host_id, file_id, record_no, logon_id FROM scheduled_job_activity
    ) AS made ON made.host_id = s.host_id
     AND list_contains(s.evidence, {'file_id': made.file_id, 'record_no': made.record_no})
    WHERE made.logon_id IS NOT NULL
),
session AS (
    SELECT
        to_host, logon_id, time, from_host, "user",
        'remote_session' AS kind,
        concat_ws(' ', "user", split_part(from_host, '/', -1)) AS reason
    FROM came
    JOIN source USING (from_host)
    UNION ALL
    SELECT
        to_host, logon_id, time, from_host, "user",
        'vpn_session' AS kind,
        concat_ws(' ', "user", client_ip) AS reason
    FROM through
),
-- What a session from another machine did here belongs to what was going on there.
remote AS (
    SELECT
        a.signal_id AS from_id,
        b.signal_id AS to_id,
        c.kind,
        c.reason
    FROM session AS c
    JOIN in_session AS i ON i.host_id = c.to_host AND i.logon_id = c.logon_id
    JOIN subject AS b ON b.signal_id = i.signal_id
     AND b.first_seen BETWEEN c.time - to_minutes(1)
                          AND c.time + to_hours(getvariable('remote_session_hours')::INT)
    JOIN subject AS a ON a.host_id = c.from_host
     AND a.first_seen BETWEEN c.time - to_days(getvariable('foothold_days')::INT) AND c.time
     -- On a machine of many people only the same account's doings are the same hand's.
     AND (a.host_id NOT IN (SELECT host_id FROM crowd)
          OR split_part(lower(a."user"), '\', -1) = split_part(lower(c."user"), '\', -1))
    QUALIFY row_number() OVER (
        PARTITION BY b.signal_id
        ORDER BY c.kind, a.stage = 'command-and-control' DESC, a.first_seen DESC, a.signal_id
    ) = 1
),
-- What a person's account did elsewhere while somebody else had a hand on his machine.
held_account AS (
    SELECT
        a.signal_id AS from_id,
        p.signal_id AS to_id,
        'owner_account' AS kind,
        p.person AS reason
    FROM personal AS p
    JOIN own_machine AS m ON m.person = p.person
    JOIN subject AS a ON a.host_id = m.host_id
     AND a.stage IN ('command-and-control', 'credential-access')
     AND p.first_seen BETWEEN a.first_seen
                          AND a.first_seen + to_days(getvariable('foothold_days')::INT)
    WHERE NOT p.by_mail
    QUALIFY row_number() OVER (
        PARTITION BY p.signal_id
        ORDER BY a.stage = 'command-and-control' DESC, a.first_seen DESC, a.signal_id
    ) = 1
),
-- One rare server that machines of several people answer to.
controlled AS (
    SELECT s.signal_id, s.host_id, s.first_seen, s.server_ip AS place
    FROM subject AS s
    WHERE s.stage IN ('command-and-control', 'exfiltration') AND s.server_ip IS NOT NULL
    UNION
    SELECT signal_id, host_id, first_seen, destination
    FROM subject
    WHERE stage IN ('command-and-control', 'exfiltration') AND destination IS NOT NULL
),
known_place AS (
    SELECT place
    FROM (
        SELECT destination AS place, host_id FROM contact
        UNION
        SELECT server_ip, host_id FROM contact
    )
    WHERE place IN (SELECT place FROM controlled)
    GROUP BY place
    HAVING count(DISTINCT host_id) > getvariable('most_hosts_of_a_server')
),
same_control AS (
    SELECT
        first(signal_id ORDER BY first_seen, signal_id) OVER (
            PARTITION BY place ORDER BY first_seen, signal_id
        ) AS from_id,
        signal_id AS to_id,
        'same_control' AS kind,
        place AS reason,
        count(*) OVER (PARTITION BY place) AS signals
    FROM (
        SELECT * FROM controlled ANTI JOIN known_place USING (place)
        QUALIFY row_number() OVER (PARTITION BY place, host_id ORDER BY first_seen, signal_id) = 1
    )
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
    UNION ALL SELECT * FROM same_content
    UNION ALL SELECT * FROM saved
    UNION ALL SELECT * FROM followed
    UNION ALL SELECT * FROM written
    UNION ALL SELECT * EXCLUDE (hosts) FROM visited WHERE hosts <= getvariable('most_hosts_of_a_file')
    UNION ALL SELECT * FROM same_message WHERE from_id != to_id
    UNION ALL SELECT * FROM repeated
    UNION ALL SELECT * FROM remote
    UNION ALL SELECT * FROM held_account
    UNION ALL SELECT * EXCLUDE (signals) FROM same_control WHERE from_id != to_id
    UNION ALL SELECT * FROM persisted
    UNION ALL SELECT * FROM contacted WHERE from_id != to_id
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
