-- Sets of failing names that are replaced as a whole at a week's beginning (or a month's inside it), or each
-- day. A name that fails in two periods is a fault and of no set. A set is either many names of one length and
-- alphabet whose labels look drawn, a good part of what fails in that
-- period, or names that are asked again within their period and never after it. Hosts
-- that look up what mail brings fail on other senders each day, and are left out.
WITH mailing AS (
    SELECT
        dns_activity.site,
        dns_activity.host_id
    FROM dns_activity
    JOIN name USING (query)
    WHERE is_mail_lookup(name.query)
    GROUP BY dns_activity.site, dns_activity.host_id
    HAVING count(DISTINCT name.query) >= getvariable('mail_lookups')
),
periods AS (
    SELECT
        unnest(['week', 'day']) AS period,
        unnest(['週', '日']) AS period_ja
),
asked AS (
    SELECT
        failed_lookup.site,
        failed_lookup.host_id,
        coalesce(failed_lookup.parent, '') AS parent,
        failed_lookup.unit,
        failed_lookup.label,
        failed_lookup.time,
        failed_lookup.process_guid,
        failed_lookup.image,
        failed_lookup.evidence,
        periods.period,
        periods.period_ja,
        CASE periods.period
            WHEN 'week'
                THEN greatest(date_trunc('week', failed_lookup.time), date_trunc('month', failed_lookup.time))
            ELSE date_trunc('day', failed_lookup.time)
        END AS begins,
        CASE periods.period
            WHEN 'week' THEN date_trunc('day', failed_lookup.time)
            ELSE date_trunc('hour', failed_lookup.time)
        END AS part
    FROM failed_lookup
    ANTI JOIN mailing USING (site, host_id)
    CROSS JOIN periods
    WHERE length(failed_lookup.label) >= getvariable('min_length')
),
-- One row a name, where it belongs to one period alone.
passing AS (
    SELECT
        site,
        host_id,
        parent,
        unit,
        period,
        any_value(period_ja) AS period_ja,
        any_value(label) AS label,
        min(begins) AS begins,
        min(time) AS first_seen,
        max(time) AS last_seen,
        max(process_guid) AS process_guid,
        max(image) AS image,
        count(DISTINCT part) >= getvariable('kept_parts') AS is_kept,
        arg_min(evidence, (time, evidence)) AS evidence
    FROM asked
    GROUP BY site, host_id, parent, unit, period
    HAVING count(DISTINCT begins) = 1
),
graded AS (
    SELECT
        one.label,
        alphabet_class(one.label) AS alphabet,
        length(one.label) AS label_length,
        label_grade.letter_odds AS odds
    FROM (
        SELECT
            label,
            grade_of(label) AS grade
        FROM (SELECT DISTINCT label FROM passing)
    ) AS one
    JOIN label_grade USING (grade)
),
member AS (
    SELECT
        passing.site,
        passing.host_id,
        passing.parent,
        passing.unit,
        passing.period,
        passing.period_ja,
        passing.begins,
        passing.first_seen,
        passing.last_seen,
        passing.process_guid,
        passing.image,
        passing.evidence,
        graded.alphabet,
        graded.label_length,
        graded.odds,
        count(*) OVER (
            PARTITION BY passing.site, passing.host_id, passing.parent, passing.period, passing.begins
        ) AS period_names,
        unnest(
            CASE WHEN is_kept THEN ['kept', 'shape'] ELSE ['shape'] END
        ) AS kind
    FROM passing
    JOIN graded USING (label)
),
-- Kept names are one set whatever their lengths; others one for each length and alphabet.
one_set AS (
    SELECT
        site,
        host_id,
        parent,
        period,
        kind,
        CASE kind WHEN 'shape' THEN alphabet ELSE '' END AS set_alphabet,
        CASE kind WHEN 'shape' THEN label_length ELSE 0 END AS set_length,
        begins,
        any_value(period_ja) AS period_ja,
        count(*) AS names,
        avg(odds) AS odds,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        min(label_length) AS label_length_min,
        max(label_length) AS label_length_max,
        list_sort(list(DISTINCT alphabet)) AS alphabets,
        max(process_guid) AS process_guid,
        max(image) AS image,
        list_sort(list(unit)) AS units,
        list(evidence ORDER BY first_seen, evidence.file_id, evidence.record_no) AS evidence
    FROM member
    GROUP BY ALL
    HAVING
        count(*) >= CASE kind WHEN 'shape' THEN getvariable('shape_names') ELSE getvariable('kept_names') END
        AND (kind = 'kept' OR avg(odds) >= getvariable('made_odds'))
        AND (kind = 'kept' OR count(*) >= getvariable('least_share') * max(period_names))
),
told AS (
    SELECT
        site,
        host_id,
        parent,
        period,
        kind,
        any_value(period_ja) AS period_ja,
        count(*) AS sets,
        sum(names) AS names,
        list(names ORDER BY begins) AS set_names,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        min(label_length_min) AS label_length_min,
        max(label_length_max) AS label_length_max,
        list_sort(list_distinct(flatten(list(alphabets)))) AS alphabets,
        CASE WHEN count(DISTINCT process_guid) = 1 THEN max(process_guid) END AS process_guid,
        CASE WHEN count(DISTINCT image) = 1 THEN max(image) END AS image,
        arg_max(units, begins)[:getvariable('sample_names')] AS sample,
        flatten(list(units ORDER BY begins DESC))[:getvariable('most_siblings')] AS siblings,
        flatten(list(evidence ORDER BY begins))[:getvariable('max_evidence')] AS evidence
    FROM one_set
    GROUP BY site, host_id, parent, period, kind, set_alphabet, set_length
    HAVING
        count(*) >= CASE period WHEN 'week' THEN getvariable('week_sets') ELSE getvariable('day_sets') END
        -- Sets of kept names keep their shape from period to period.
        AND max(label_length_max) - min(label_length_max) <= getvariable('length_slack')
        AND max(label_length_min) - min(label_length_min) <= getvariable('length_slack')
        AND count(DISTINCT alphabets) = 1
)
SELECT
    site,
    host_id,
    first_seen,
    last_seen,
    process_guid,
    image,
    period,
    period_ja,
    kind,
    sets,
    names,
    set_names,
    label_length_min,
    label_length_max,
    concat_ws('-', label_length_min, nullif(label_length_max, label_length_min)) AS label_lengths,
    array_to_string(alphabets, ', ') AS alphabet,
    sample,
    siblings,
    least(
        getvariable('max_confidence'),
        CASE kind WHEN 'kept' THEN getvariable('kept_confidence') ELSE getvariable('shape_confidence') END
        + getvariable('more_confidence')
        * (sets - CASE period WHEN 'week' THEN getvariable('week_sets') ELSE getvariable('day_sets') END)
    ) AS confidence,
    evidence
FROM told
QUALIFY
    row_number() OVER (
        PARTITION BY site, host_id, parent
        ORDER BY confidence DESC, names DESC, period DESC, kind, label_length_min, alphabet
    ) = 1
ORDER BY first_seen, host_id
