-- acting(signal_id, family, host_id, first_seen, depth, shape, line, own, of_system, account): the
-- processes of each signal, its own at depth 0, and upwards; `own` is software installed where accounts
-- cannot write and that did not come with Windows. deed(host_id, doer, shape, line, account, time): what
-- such processes started, and the same elsewhere. Reads signal and process_activity.
CREATE OR REPLACE TEMP MACRO line_shape(command) AS
    regexp_replace(
        regexp_replace(lower(command), '\\users\\[^\\" ]+', '\\users\\*', 'g'),
        '\{?[0-9a-f-]*[0-9][0-9a-f-]*\}?',
        '#',
        'g'
    );
CREATE OR REPLACE TEMP MACRO is_installed(shape) AS
    NOT is_user_writable(shape)
    AND NOT regexp_matches(shape, '^(c:)?\\windows\\|^\\(usr\\)?(s?bin|lib(64|exec)?)\\')
    AND contains(shape, '\');
CREATE OR REPLACE TEMP MACRO is_system_account(account) AS
    regexp_matches(account, '(?i)\\(system|local service|network service)$|^(system|root)$|\$$');
CREATE OR REPLACE TEMP TABLE acting AS
WITH RECURSIVE started AS (
    SELECT
        host_id,
        coalesce(process_guid, 'pid:' || process_id) AS program,
        coalesce(parent_guid, 'pid:' || parent_id) AS parent,
        program_shape(image) AS shape,
        program_shape(parent_image) AS parent_shape,
        line_shape(command_line) AS line,
        lower("user") AS account
    FROM process_activity
    WHERE activity = 'start' AND host_id IN (SELECT host_id FROM signal)
),
ancestry AS (
    SELECT
        signal.signal_id,
        signal.family,
        signal.host_id,
        signal.first_seen,
        0 AS depth,
        coalesce(signal.process_guid, 'pid:' || signal.process_id) AS program
    FROM signal
    WHERE coalesce(signal.process_guid, 'pid:' || signal.process_id) IS NOT NULL
    UNION
    SELECT a.signal_id, a.family, a.host_id, a.first_seen, a.depth + 1, s.parent
    FROM ancestry AS a
    JOIN started AS s ON s.host_id = a.host_id AND s.program = a.program
    WHERE a.depth < getvariable('lineage_depth') AND s.parent IS NOT NULL
),
-- A parent that was started before the logs begin is known by what its child says of it.
named AS (
    SELECT a.signal_id, a.family, a.host_id, a.first_seen, a.depth, s.shape, s.line, s.account, 0 AS guessed
    FROM ancestry AS a
    JOIN started AS s ON s.host_id = a.host_id AND s.program = a.program
    UNION ALL
    SELECT a.signal_id, a.family, a.host_id, a.first_seen, a.depth + 1, s.parent_shape, NULL, NULL, 1
    FROM ancestry AS a
    JOIN started AS s ON s.host_id = a.host_id AND s.program = a.program
    WHERE s.parent_shape IS NOT NULL
)
SELECT
    signal_id,
    family,
    host_id,
    first_seen,
    depth,
    shape,
    line,
    coalesce(is_installed(shape), false) AS own,
    coalesce(is_system_account(account), false) AS of_system,
    account
FROM named
QUALIFY row_number() OVER (PARTITION BY signal_id, depth ORDER BY guessed, shape, line) = 1;
CREATE OR REPLACE TEMP TABLE deed AS
-- Shapes are worked out once a path, since few programs make most of the starts.
WITH path AS (
    SELECT image AS path FROM process_activity WHERE activity = 'start'
    UNION
    SELECT parent_image FROM process_activity WHERE activity = 'start'
),
shaped AS (
    SELECT
        path,
        program_shape(path) AS shape,
        shape IN (SELECT shape FROM acting) AS met,
        shape IN (SELECT shape FROM acting WHERE own) AS own
    FROM path
    WHERE path IS NOT NULL
)
SELECT
    ran.host_id,
    doer.shape AS doer,
    program.shape,
    line_shape(ran.command_line) AS line,
    lower(ran."user") AS account,
    ran.time
FROM process_activity AS ran
LEFT JOIN shaped AS program ON program.path = ran.image
LEFT JOIN shaped AS doer ON doer.path = ran.parent_image
WHERE ran.activity = 'start'
  AND (
      doer.own
      OR program.own
      OR lower(ran."user") IN (SELECT account FROM acting WHERE depth = 0 AND NOT of_system)
      OR (program.met AND line_shape(ran.command_line) IN (SELECT line FROM acting))
  )
