-- A host's failed names of a day, judged together. Each label adds or takes away evidence: the log10 of
-- how much likelier an algorithm makes a label of its grade than an owner does, once for algorithms
-- that draw letters and once for those that join words; the better maker speaks. What the names share
-- (suffix, length, alphabet, labels under several suffixes) and that there are more than this host
-- usually fails on add to it. Groups are the whole day, one suffix, and one length and alphabet.
-- Two windows, half a window apart, cover every instant, so that no set is cut at an edge.
WITH placed AS (
    SELECT
        site,
        host_id,
        time,
        query,
        unit,
        coalesce(parent, '') AS parent,
        label,
        substr(unit, length(label) + 1) AS suffix,
        process_guid,
        image,
        answered_with,
        evidence,
        unnest([
            time_bucket(to_hours(getvariable('window_hours')), time),
            time_bucket(
                to_hours(getvariable('window_hours')),
                time,
                to_minutes(CAST(getvariable('window_hours') * 60 / getvariable('halves') AS BIGINT))
            )
        ]) AS window_start
    FROM failed_lookup
    WHERE length(label) >= getvariable('min_length')
),
-- One row a unit and window; what was asked again adds nothing.
asked AS (
    SELECT
        site,
        host_id,
        parent,
        window_start,
        unit,
        any_value(label) AS label,
        any_value(suffix) AS suffix,
        min(time) AS first_seen,
        max(time) AS last_seen,
        max(process_guid) AS process_guid,
        max(image) AS image,
        max(answered_with) AS answered_with,
        arg_min(query, (time, evidence)) AS query,
        arg_min(evidence, (time, evidence)) AS evidence
    FROM placed
    GROUP BY site, host_id, parent, window_start, unit
),
crowded AS (
    SELECT
        site,
        host_id,
        parent,
        window_start,
        unit,
        label,
        suffix,
        first_seen,
        last_seen,
        process_guid,
        image,
        answered_with,
        query,
        evidence
    FROM asked
    QUALIFY
        count(unit) OVER (PARTITION BY site, host_id, parent, window_start) >= getvariable('min_labels')
),
-- What a host fails on, on an ordinary day of its own; a day without failures counts as none.
own_day AS (
    SELECT
        site,
        host_id,
        count(DISTINCT day) AS days
    FROM uptime
    GROUP BY site, host_id
),
window_count AS (
    SELECT
        site,
        host_id,
        window_start,
        count(unit) AS units
    FROM asked
    GROUP BY site, host_id, window_start
),
habit AS (
    SELECT
        window_count.site,
        window_count.host_id,
        CASE
            WHEN own_day.days < getvariable('habit_days') THEN getvariable('usual_names')
            -- Fewer windows with failures than half of the host's days: on most days it has none.
            WHEN count(units) <= own_day.days THEN 0
            ELSE median(units)
        END AS usual
    FROM window_count
    JOIN own_day USING (site, host_id)
    GROUP BY window_count.site, window_count.host_id, own_day.days
),
shape AS (
    SELECT
        graded.label,
        alphabet_class(graded.label) AS alphabet,
        length(graded.label) AS label_length,
        greatest(
            -getvariable('max_doubt'), least(getvariable('max_odds'), label_grade.letter_odds)
        ) AS letter_weight,
        greatest(
            -getvariable('max_doubt'), least(getvariable('max_odds'), label_grade.word_odds)
        ) AS word_weight
    FROM (
        SELECT
            label,
            grade_of(label) AS grade
        FROM (SELECT DISTINCT label FROM crowded)
    ) AS graded
    JOIN label_grade USING (grade)
),
-- How common a suffix is among the domains that resolve here; half of all until some have been seen.
resolving AS (
    SELECT DISTINCT registered_domain
    FROM name
    WHERE lookups > failures AND registered_domain IS NOT NULL
),
suffix_share AS (
    SELECT
        substr(registered_domain, length(label_of(registered_domain)) + 1) AS suffix,
        count(registered_domain) AS domains
    FROM resolving
    GROUP BY ALL
),
suffix_rarity AS (
    SELECT
        asked_suffix.suffix,
        (coalesce(suffix_share.domains, 0) + getvariable('suffix_prior') / getvariable('halves'))
        / (resolving_count.domains + getvariable('suffix_prior')) AS share_here,
        resolving_count.domains >= getvariable('enough_domains')
        AND coalesce(suffix_share.domains, 0) <= getvariable('few_domains') AS is_rare
    FROM (SELECT DISTINCT suffix FROM crowded) AS asked_suffix
    LEFT JOIN suffix_share USING (suffix)
    CROSS JOIN (SELECT count(*) AS domains FROM resolving) AS resolving_count
),
-- One label under several suffixes counts its shape once and its rotation besides.
labelled AS (
    SELECT
        crowded.site,
        crowded.host_id,
        crowded.parent,
        crowded.window_start,
        crowded.unit,
        crowded.label,
        crowded.suffix,
        crowded.first_seen,
        crowded.last_seen,
        crowded.process_guid,
        crowded.image,
        crowded.answered_with,
        crowded.query,
        crowded.evidence,
        shape.alphabet,
        shape.label_length,
        coalesce(habit.usual, getvariable('usual_names')) AS usual,
        CASE WHEN row_number() OVER of_label = 1 THEN letter_weight ELSE 0 END AS letter_weight,
        CASE WHEN row_number() OVER of_label = 1 THEN word_weight ELSE 0 END AS word_weight,
        share_here,
        is_rare,
        count(unit) OVER (
            PARTITION BY crowded.site, crowded.host_id, crowded.parent, crowded.window_start
        ) AS window_names,
        CAST(row_number() OVER of_label > 1 AS INTEGER) AS is_rotated,
        letter_weight > 0 AS is_odd
    FROM crowded
    JOIN shape USING (label)
    JOIN suffix_rarity USING (suffix)
    LEFT JOIN habit USING (site, host_id)
    WINDOW of_label AS (
        PARTITION BY crowded.site, crowded.host_id, crowded.parent, crowded.window_start, crowded.label
        ORDER BY crowded.first_seen, crowded.unit
    )
),
grouped AS (
    SELECT
        site,
        host_id,
        parent,
        window_start,
        GROUPING(suffix) AS any_suffix,
        GROUPING(label_length) AS any_length,
        suffix AS group_suffix,
        alphabet AS group_alphabet,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        count(DISTINCT label) AS labels,
        count(unit) AS names,
        count(DISTINCT suffix) AS suffixes,
        list_sort(list(DISTINCT suffix)) AS suffix_list,
        count(DISTINCT label) FILTER (is_odd) AS odd_labels,
        count(DISTINCT label) FILTER (is_rotated > 0) AS rotated_labels,
        min(label_length) AS label_length_min,
        max(label_length) AS label_length_max,
        list_sort(list(DISTINCT alphabet)) AS alphabets,
        sum(word_weight) > sum(letter_weight) AS is_of_words,
        round(
            greatest(sum(letter_weight), sum(word_weight))
            -- Beyond what as many names of the host share by chance.
            + CASE
                WHEN GROUPING(label_length) = 0
                    THEN
                        getvariable('length_weight') * greatest(
                            0,
                            count(DISTINCT label) - getvariable('length_share') * max(window_names)
                        )
                WHEN GROUPING(suffix) = 0
                    THEN
                        least(getvariable('max_suffix'), -log10(max(share_here)))
                        / getvariable('halves')
                        * greatest(0, count(DISTINCT label) - max(share_here) * max(window_names))
                ELSE
                    least(
                        count(DISTINCT label) FILTER (is_rotated > 0)
                        * getvariable('rotation_weight'),
                        getvariable('max_rotation')
                    )
                    + getvariable('rare_weight') * greatest(
                        0,
                        count(DISTINCT label) FILTER (is_rare)
                        - getvariable('rare_share') * count(DISTINCT label)
                    )
            END
            + least(
                getvariable('max_volume'),
                getvariable('volume_weight')
                * greatest(
                    0,
                    count(DISTINCT label)
                    - getvariable('usual_names') - getvariable('halves') * max(usual)
                )
            ),
            CAST(getvariable('score_digits') AS INTEGER)
        ) AS score,
        list_max(
            list_transform(
                map_entries(histogram(process_guid)), lambda e: {'times': e.value, 'asker': e.key}
            )
        ).asker AS process_guid,
        list_max(
            list_transform(
                map_entries(histogram(image)), lambda e: {'times': e.value, 'asker': e.key}
            )
        ).asker AS image,
        list(DISTINCT answered_with) FILTER (answered_with IS NOT NULL) AS answered_with,
        list_sort(list(DISTINCT query))[:getvariable('sample_names')] AS sample,
        list_sort(list(DISTINCT query))[:getvariable('most_siblings')] AS siblings,
        list(unit ORDER BY unit) AS units,
        list(evidence ORDER BY first_seen, evidence.file_id, evidence.record_no)
            [:getvariable('max_evidence')] AS evidence
    FROM labelled
    GROUP BY GROUPING SETS (
        (site, host_id, parent, window_start),
        (site, host_id, parent, window_start, suffix),
        (site, host_id, parent, window_start, alphabet, label_length)
    )
),
-- The best group of a window, then the best of windows that overlap.
best AS (
    SELECT
        site,
        host_id,
        parent,
        window_start,
        first_seen,
        last_seen,
        labels,
        names,
        suffixes,
        suffix_list,
        odd_labels,
        rotated_labels,
        label_length_min,
        label_length_max,
        alphabets,
        score,
        process_guid,
        image,
        answered_with,
        sample,
        siblings,
        units,
        is_of_words,
        evidence
    FROM grouped
    WHERE
        labels >= getvariable('min_labels')
        AND score >= getvariable('min_score')
    QUALIFY
        row_number() OVER (
            PARTITION BY site, host_id, parent, window_start
            ORDER BY score DESC, names DESC, any_suffix DESC, any_length DESC, group_suffix, group_alphabet
        ) = 1
),
-- Each name votes for the best of the windows that hold it; a window that wins half of its own stays.
voted AS (
    SELECT
        site,
        host_id,
        parent,
        window_start,
        count(unit) AS votes
    FROM (
        SELECT
            site,
            host_id,
            parent,
            unit,
            arg_max(window_start, (score, -epoch(window_start))) AS window_start
        FROM (
            SELECT
                site,
                host_id,
                parent,
                window_start,
                score,
                unnest(units) AS unit
            FROM best
        )
        GROUP BY site, host_id, parent, unit
    )
    GROUP BY site, host_id, parent, window_start
),
kept AS (
    SELECT
        best.site,
        best.host_id,
        best.parent,
        best.first_seen,
        best.last_seen,
        best.labels,
        best.names,
        best.suffixes,
        best.suffix_list,
        best.odd_labels,
        best.rotated_labels,
        best.label_length_min,
        best.label_length_max,
        best.alphabets,
        best.score,
        best.process_guid,
        best.image,
        best.answered_with,
        best.sample,
        best.siblings,
        best.is_of_words,
        best.evidence
    FROM best
    JOIN voted USING (site, host_id, parent, window_start)
    WHERE voted.votes * getvariable('halves') >= best.names
),
-- Names that did resolve on this host, new and asked for by hardly anybody else.
resolved AS (
    SELECT
        own_dns_activity.site,
        own_dns_activity.host_id,
        own_dns_activity.time,
        own_dns_activity.query,
        own_dns_activity.answers,
        label_of(own_dns_activity.query) AS label,
        substr(own_dns_activity.query, length(label_of(own_dns_activity.query)) + 1) AS suffix,
        own_dns_activity.query = name.registered_domain AS is_registered,
        name.first_seen AS name_first_seen
    FROM own_dns_activity
    SEMI JOIN kept USING (site, host_id)
    JOIN name USING (query)
    WHERE
        own_dns_activity.rcode = 'NOERROR'
        AND length(own_dns_activity.answers) > 0
        AND name.hosts <= getvariable('few_hosts')
),
resolved_label AS (
    SELECT
        graded.label,
        label_grade.letter_odds
    FROM (
        SELECT
            label,
            grade_of(label) AS grade
        FROM (SELECT DISTINCT label FROM resolved)
    ) AS graded
    JOIN label_grade USING (grade)
),
-- Of the same length and alphabet. A suffix of the set, or any where the set changes suffixes and the
-- label itself looks drawn.
answered AS (
    SELECT
        kept.site,
        kept.host_id,
        kept.parent,
        kept.first_seen,
        arg_min(resolved.query, (abs(epoch(resolved.time) - epoch(kept.last_seen)), resolved.query))
            AS destination,
        arg_min(
            resolved.answers[1],
            (abs(epoch(resolved.time) - epoch(kept.last_seen)), resolved.query)
        ) AS server_ip,
        arg_min(
            resolved.answers,
            (abs(epoch(resolved.time) - epoch(kept.last_seen)), resolved.query)
        ) AS addresses
    FROM resolved
    JOIN resolved_label USING (label)
    JOIN kept
        ON
            resolved.site = kept.site
            AND resolved.host_id = kept.host_id
            AND resolved.time >= kept.first_seen
            AND resolved.time <= kept.last_seen + to_minutes(getvariable('follow_minutes'))
            AND resolved.name_first_seen
            >= kept.first_seen - to_days(getvariable('new_days'))
            AND length(resolved.label) >= kept.label_length_min
            AND length(resolved.label) <= kept.label_length_max
            AND list_contains(kept.alphabets, alphabet_class(resolved.label))
            AND (
                list_contains(kept.suffix_list, resolved.suffix)
                OR (kept.suffixes >= getvariable('many_suffixes') AND resolved.is_registered)
            )
            AND (kept.is_of_words OR resolved_label.letter_odds > 0)
    GROUP BY kept.site, kept.host_id, kept.parent, kept.first_seen
)
SELECT
    kept.site,
    kept.host_id,
    kept.first_seen,
    kept.last_seen,
    kept.process_guid,
    kept.image,
    answered.destination,
    answered.server_ip,
    answered.addresses,
    kept.names,
    kept.labels,
    kept.odd_labels,
    kept.rotated_labels,
    kept.suffixes,
    kept.label_length_min,
    kept.label_length_max,
    array_to_string(kept.alphabets, ', ') AS alphabet,
    kept.score,
    kept.sample,
    kept.siblings,
    rewriting_said(kept.answered_with) AS rewriting,
    rewriting_said_ja(kept.answered_with) AS rewriting_ja,
    least(
        getvariable('max_confidence'),
        getvariable('base_confidence') + getvariable('score_confidence') * kept.score
    ) AS confidence,
    kept.evidence
FROM kept
LEFT JOIN answered USING (site, host_id, parent, first_seen)
ORDER BY kept.first_seen, kept.host_id
