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
-- Hosts that look up what mail brings: senders that do not exist, block lists, signing keys.
mail_name AS (
    SELECT query
    FROM name
    WHERE is_mail_lookup(query)
),
mailing AS (
    SELECT
        site,
        host_id,
        getvariable('mail_score') AS mail_score
    FROM dns_activity
    SEMI JOIN mail_name USING (query)
    SEMI JOIN crowded USING (site, host_id)
    GROUP BY site, host_id
    HAVING count(DISTINCT query) >= getvariable('mail_lookups')
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
        letter_weight > 0 AS is_odd,
        epoch(crowded.first_seen - lag(crowded.first_seen) OVER of_window) AS gap_s
    FROM crowded
    JOIN shape USING (label)
    JOIN suffix_rarity USING (suffix)
    LEFT JOIN habit USING (site, host_id)
    WINDOW of_label AS (
        PARTITION BY crowded.site, crowded.host_id, crowded.parent, crowded.window_start, crowded.label
        ORDER BY crowded.first_seen, crowded.unit
    ),
    of_window AS (
        PARTITION BY crowded.site, crowded.host_id, crowded.parent, crowded.window_start
        ORDER BY crowded.first_seen, crowded.unit
    )
),
run AS (
    SELECT
        site,
        host_id,
        parent,
        window_start,
        unit,
        gap_s,
        count(*) FILTER (gap_s > getvariable('run_gap_minutes') * 60) OVER (
            PARTITION BY site, host_id, parent, window_start
            ORDER BY first_seen, unit
            ROWS UNBOUNDED PRECEDING
        ) AS run_no
    FROM labelled
),
-- How steadily one name follows another: gaps within a factor of two of their median.
paced AS (
    SELECT
        site,
        host_id,
        parent,
        window_start,
        run_no,
        count(gap_s) AS gaps,
        count(gap_s) FILTER (
            gap_s * getvariable('pace_factor') >= median_s AND gap_s <= median_s * getvariable('pace_factor')
        ) / CAST(count(gap_s) AS DOUBLE) AS steady_share
    FROM (
        SELECT
            site,
            host_id,
            parent,
            window_start,
            run_no,
            gap_s,
            median(gap_s) OVER (PARTITION BY site, host_id, parent, window_start, run_no) AS median_s
        FROM run
        WHERE gap_s <= getvariable('run_gap_minutes') * 60
    )
    WHERE median_s > 0
    GROUP BY site, host_id, parent, window_start, run_no
),
pace AS (
    SELECT
        site,
        host_id,
        parent,
        window_start,
        run_no,
        least(
            getvariable('max_pace'),
            gaps * log_odds_against_chance(steady_share, getvariable('chance_of_pace'))
        ) AS pace_weight
    FROM paced
),
grouped AS (
    SELECT
        site,
        host_id,
        parent,
        window_start,
        GROUPING(suffix) AS any_suffix,
        GROUPING(label_length) AS any_length,
        GROUPING(run_no) AS any_time,
        run_no AS group_run,
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
        CASE WHEN GROUPING(run_no) = 0 THEN round(coalesce(max(pace.pace_weight), 0), 1) END AS pace_weight,
        median(run.gap_s) AS gap_s,
        round(
            CASE
                WHEN GROUPING(run_no) = 0
                    THEN
                        greatest(
                            sum(letter_weight),
                            sum(word_weight),
                            CASE
                                WHEN
                                    count(DISTINCT label) >= getvariable('min_run')
                                    AND count(DISTINCT suffix)
                                    > getvariable('spread_share') * count(DISTINCT label)
                                    THEN -getvariable('imitation_doubt')
                            END
                        ) + coalesce(max(pace.pace_weight), 0)
                ELSE greatest(sum(letter_weight), sum(word_weight))
            END
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
                    + count(DISTINCT label) * greatest(
                        log_odds_against_chance(
                            count(DISTINCT label) FILTER (is_rare) / CAST(count(DISTINCT label) AS DOUBLE),
                            getvariable('rare_share')
                        ),
                        log_odds_against_chance(
                            least(1, count(DISTINCT suffix) / CAST(count(DISTINCT label) AS DOUBLE)),
                            getvariable('spread_share')
                        )
                    )
            END
            - coalesce(max(mailing.mail_score), 0)
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
        -- The program behind most of the set; other programs fail on a name meanwhile, too.
        list_max(
            list_transform(
                list_filter(
                    map_entries(histogram(process_guid)),
                    lambda e: e.value * getvariable('halves') >= count(unit)
                ),
                lambda e: {'times': e.value, 'asker': e.key}
            )
        ).asker AS main_asker,
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
    JOIN run USING (site, host_id, parent, window_start, unit)
    LEFT JOIN pace USING (site, host_id, parent, window_start, run_no)
    LEFT JOIN mailing USING (site, host_id)
    GROUP BY GROUPING SETS (
        (site, host_id, parent, window_start),
        (site, host_id, parent, window_start, run_no),
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
        pace_weight,
        gap_s,
        main_asker,
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
            ORDER BY score DESC, names DESC, any_suffix DESC, any_length DESC, any_time DESC, group_run, group_suffix, group_alphabet
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
        best.pace_weight,
        best.gap_s,
        best.main_asker,
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
        dns_activity.site,
        dns_activity.host_id,
        dns_activity.time,
        dns_activity.query,
        dns_activity.answers,
        dns_activity.process_guid,
        label_of(dns_activity.query) AS label,
        substr(dns_activity.query, length(label_of(dns_activity.query)) + 1) AS suffix,
        dns_activity.query = name.registered_domain AS is_registered,
        name.first_seen AS name_first_seen
    FROM dns_activity
    SEMI JOIN kept USING (site, host_id)
    JOIN name USING (query)
    WHERE
        dns_activity.rcode = 'NOERROR'
        AND length(dns_activity.answers) > 0
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
-- Whom these hosts spoke to, and since when anybody did.
spoken AS (
    SELECT
        contact.site,
        contact.host_id,
        contact.destination,
        any_value(contact.server_ip) AS server_ip,
        min(contact.first_seen) AS first_seen,
        max(contact.last_seen) AS last_seen
    FROM contact
    SEMI JOIN kept USING (site, host_id)
    GROUP BY contact.site, contact.host_id, contact.destination
),
known_place AS (
    SELECT
        contact.destination,
        min(contact.first_seen) AS first_seen,
        count(DISTINCT contact.host_id) AS hosts
    FROM contact
    SEMI JOIN spoken USING (destination)
    GROUP BY contact.destination
),
-- The set's own asker, where it asks for little else: a browser or the resolver service asks for all.
candidate AS (
    SELECT
        kept.site,
        kept.host_id,
        kept.parent,
        kept.first_seen,
        resolved.query,
        resolved.time,
        resolved.answers,
        kept.main_asker IS NOT NULL AND resolved.process_guid IS NOT NULL AS has_process,
        coalesce(resolved.process_guid = kept.main_asker, FALSE)
        AND count(DISTINCT resolved.query) FILTER (resolved.process_guid = kept.main_asker) OVER (
            PARTITION BY kept.site, kept.host_id, kept.parent, kept.first_seen
        ) <= getvariable('few_answers') AS is_asker,
        spoken.destination IS NOT NULL AS is_reached,
        resolved.time >= kept.last_seen
        AND resolved.time <= kept.last_seen
        + to_seconds(getvariable('next_factor') * coalesce(kept.gap_s, 0) + getvariable('next_s'))
            AS is_next,
        abs(epoch(resolved.time) - epoch(kept.last_seen)) AS distance_s,
        -- Of the same length and alphabet. A suffix of the set, or any where the set changes suffixes and
        -- the label itself looks drawn.
        length(resolved.label) >= kept.label_length_min
        AND length(resolved.label) <= kept.label_length_max
        AND list_contains(kept.alphabets, alphabet_class(resolved.label))
        AND (
            list_contains(kept.suffix_list, resolved.suffix)
            OR (kept.suffixes >= getvariable('many_suffixes') AND resolved.is_registered)
        )
        AND (kept.is_of_words OR resolved_label.letter_odds > 0) AS fits
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
    LEFT JOIN spoken
        ON
            spoken.site = kept.site
            AND spoken.host_id = kept.host_id
            AND spoken.destination = resolved.query
            AND spoken.last_seen >= resolved.time - lookup_gap()
),
-- By the set's own asker first, then by shape, then as the next new name that the host went to.
answered AS (
    SELECT
        site,
        host_id,
        parent,
        first_seen,
        query AS destination,
        answers[1] AS server_ip,
        answers AS addresses,
        CASE
            WHEN is_asker THEN 'asked by the same process'
            WHEN fits THEN 'of the same shape'
            ELSE 'the next new name that it went to'
        END AS named_by,
        CASE
            WHEN is_asker THEN '同じプロセスが問い合わせ'
            WHEN fits THEN '同じ形'
            ELSE '次に通信した新しい名前'
        END AS named_by_ja
    FROM candidate
    WHERE
        (is_asker OR NOT has_process)
        AND (is_asker OR fits OR (is_next AND is_reached))
    QUALIFY
        row_number() OVER (
            PARTITION BY site, host_id, parent, first_seen
            ORDER BY
                is_asker DESC,
                CAST(fits AS INTEGER) + CAST(fits AND is_reached AS INTEGER) + CAST(is_next AS INTEGER) DESC,
                distance_s,
                query
        ) = 1
),
-- Where answers were not logged: the next place that nobody here had been to before.
reached AS (
    SELECT
        kept.site,
        kept.host_id,
        kept.parent,
        kept.first_seen,
        arg_min(spoken.destination, (spoken.first_seen, spoken.destination)) AS destination,
        arg_min(spoken.server_ip, (spoken.first_seen, spoken.destination)) AS server_ip
    FROM kept
    JOIN spoken USING (site, host_id)
    JOIN known_place USING (destination)
    ANTI JOIN resolved USING (site, host_id)
    WHERE
        known_place.hosts <= getvariable('few_hosts')
        AND known_place.first_seen >= kept.first_seen
        AND spoken.first_seen >= kept.last_seen
        AND spoken.first_seen <= kept.last_seen + to_minutes(getvariable('next_minutes'))
    GROUP BY kept.site, kept.host_id, kept.parent, kept.first_seen
),
-- Who else asked for a name of the set, or for the one that resolved.
told_name AS (
    SELECT
        kept.site,
        kept.host_id,
        kept.parent,
        kept.first_seen,
        unnest(list_append(kept.siblings, coalesce(answered.destination, reached.destination))) AS query
    FROM kept
    LEFT JOIN answered USING (site, host_id, parent, first_seen)
    LEFT JOIN reached USING (site, host_id, parent, first_seen)
),
shared_name AS (
    SELECT
        told_name.site,
        told_name.host_id,
        told_name.parent,
        told_name.first_seen,
        told_name.query
    FROM told_name
    JOIN name USING (query)
    WHERE name.hosts > 1
),
also AS (
    SELECT
        shared_name.site,
        shared_name.host_id,
        shared_name.parent,
        shared_name.first_seen,
        list_sort(list(DISTINCT dns_activity.host_id))[:getvariable('most_others')] AS other_hosts
    FROM shared_name
    JOIN dns_activity ON dns_activity.query = shared_name.query
    WHERE dns_activity.host_id <> shared_name.host_id
    GROUP BY shared_name.site, shared_name.host_id, shared_name.parent, shared_name.first_seen
)
SELECT
    kept.site,
    kept.host_id,
    kept.first_seen,
    kept.last_seen,
    kept.process_guid,
    kept.image,
    coalesce(answered.destination, reached.destination) AS destination,
    coalesce(answered.server_ip, reached.server_ip) AS server_ip,
    answered.addresses,
    CASE
        WHEN answered.destination IS NOT NULL THEN answered.named_by
        WHEN reached.destination IS NOT NULL THEN 'answers were not logged: the next new connection'
        ELSE 'none'
    END AS named_by,
    CASE
        WHEN answered.destination IS NOT NULL THEN answered.named_by_ja
        WHEN reached.destination IS NOT NULL THEN '応答の記録が無いため、次の新しい接続先'
        ELSE 'なし'
    END AS named_by_ja,
    also.other_hosts,
    kept.names,
    kept.labels,
    kept.odd_labels,
    kept.rotated_labels,
    kept.suffixes,
    kept.label_length_min,
    kept.label_length_max,
    concat_ws('-', kept.label_length_min, nullif(kept.label_length_max, kept.label_length_min)) AS label_lengths,
    array_to_string(kept.alphabets, ', ') AS alphabet,
    kept.score,
    kept.pace_weight,
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
LEFT JOIN reached USING (site, host_id, parent, first_seen)
LEFT JOIN also USING (site, host_id, parent, first_seen)
ORDER BY kept.first_seen, kept.host_id
