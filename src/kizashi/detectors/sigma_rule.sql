-- Rows that meet a Sigma rule; those of one program under one parent on one host, none later than
-- collapse_minutes after the one before, are one signal. `sigma_rule.py` fills in the table, the condition
-- and the columns.
WITH met AS (
    SELECT
        site,
        host_id,
        time,
        file_id,
        record_no,
        concat_ws(' under ', $program) AS program$links
    FROM $table
    WHERE $condition
),
counted AS (
    SELECT
        *,
        count(DISTINCT site || host_id) OVER (PARTITION BY program) AS hosts_with_program,
        coalesce(
            time - lag(time) OVER same > to_minutes(getvariable('collapse_minutes')), TRUE
        ) AS begins
    FROM met
    WINDOW same AS (
        PARTITION BY site, host_id, program
        ORDER BY time, file_id, record_no
    )
),
behaviour AS (
    SELECT
        *,
        {'time': time, 'file_id': file_id, 'record_no': record_no} AS place,
        sum(CAST(begins AS INTEGER)) OVER (
            PARTITION BY site, host_id, program
            ORDER BY time, file_id, record_no
            ROWS UNBOUNDED PRECEDING
        ) AS run
    FROM counted
)
SELECT
    site,
    host_id,
    min(time) AS first_seen,
    max(time) AS last_seen$anchored,
    count(*) AS events,
    max(hosts_with_program) AS hosts_with_program,
    getvariable('confidence')
    * CASE
        WHEN max(hosts_with_program) >= getvariable('common_hosts')
            THEN getvariable('common_factor')
        ELSE 1
    END AS confidence,
    list({'file_id': file_id, 'record_no': record_no} ORDER BY time, file_id, record_no)
        AS evidence
FROM behaviour
GROUP BY site, host_id, program, run
ORDER BY first_seen, host_id
