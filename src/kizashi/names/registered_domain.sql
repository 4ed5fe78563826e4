-- registered_domains(relation): one row per distinct `query` of a relation.
--   query               as it stands in the relation
--   registered_domain   the part that somebody registered, lower case; NULL for addresses, names
--                       without a dot, names with an empty label, and names that are a suffix
--   label               leftmost label of the query
--   domain_label        leftmost label of the registered domain: what its owner chose
--   is_dynamic_dns      the registered domain is a child of a dynamic-DNS parent
-- The longest listed suffix wins; without one, the last label is the suffix (as publicsuffixlist).
CREATE OR REPLACE MACRO registered_domains(relation) AS TABLE
WITH suffix AS (
    SELECT
        suffix,
        CASE bool_or(kind = 'exception')
            WHEN true THEN any_value(depth) - 1
            ELSE any_value(depth) + bool_or(kind = 'wildcard')::INTEGER
        END AS labels_taken,
        bool_or(kind = 'dynamic_dns') AS is_dynamic_dns
    FROM (
        SELECT
            suffix,
            kind,
            len(string_split(suffix, '.')) AS depth
        FROM public_suffix
    )
    GROUP BY suffix
),
asked AS (
    SELECT DISTINCT query
    FROM query_table(relation)
    WHERE query IS NOT NULL
),
split AS (
    SELECT
        query,
        string_split(regexp_replace(lower(query), '\.$', ''), '.') AS labels
    FROM asked
),
tail AS (
    SELECT
        query,
        labels,
        labels[-1] AS tail1,
        labels[-2] || '.' || tail1 AS tail2,
        labels[-3] || '.' || tail2 AS tail3,
        labels[-4] || '.' || tail3 AS tail4,
        labels[-5] || '.' || tail4 AS tail5,
        labels[-6] || '.' || tail5 AS tail6,
        labels[-7] || '.' || tail6 AS tail7,
        labels[-8] || '.' || tail7 AS tail8
    FROM split
),
matched AS (
    SELECT
        tail.query,
        tail.labels,
        coalesce(
            suffix8.labels_taken,
            suffix7.labels_taken,
            suffix6.labels_taken,
            suffix5.labels_taken,
            suffix4.labels_taken,
            suffix3.labels_taken,
            suffix2.labels_taken,
            suffix1.labels_taken,
            1
        ) AS suffix_labels,
        coalesce(
            suffix8.is_dynamic_dns,
            suffix7.is_dynamic_dns,
            suffix6.is_dynamic_dns,
            suffix5.is_dynamic_dns,
            suffix4.is_dynamic_dns,
            suffix3.is_dynamic_dns,
            suffix2.is_dynamic_dns,
            suffix1.is_dynamic_dns,
            false
        ) AS is_dynamic_dns
    FROM tail
    LEFT JOIN suffix AS suffix1 ON suffix1.suffix = tail1
    LEFT JOIN suffix AS suffix2 ON suffix2.suffix = tail2
    LEFT JOIN suffix AS suffix3 ON suffix3.suffix = tail3
    LEFT JOIN suffix AS suffix4 ON suffix4.suffix = tail4
    LEFT JOIN suffix AS suffix5 ON suffix5.suffix = tail5
    LEFT JOIN suffix AS suffix6 ON suffix6.suffix = tail6
    LEFT JOIN suffix AS suffix7 ON suffix7.suffix = tail7
    LEFT JOIN suffix AS suffix8 ON suffix8.suffix = tail8
),
judged AS (
    SELECT
        query,
        labels,
        suffix_labels,
        is_dynamic_dns,
        len(labels) > suffix_labels
            AND NOT list_contains(labels, '')
            AND NOT contains(query, ':')
            AND NOT regexp_full_match(labels[-1], '[0-9]+') AS is_registered
    FROM matched
)
SELECT
    query,
    CASE WHEN is_registered THEN array_to_string(labels[-(suffix_labels + 1):], '.') END
        AS registered_domain,
    label_of(query) AS label,
    CASE WHEN is_registered THEN labels[-(suffix_labels + 1)] END AS domain_label,
    is_registered AND is_dynamic_dns AS is_dynamic_dns
FROM judged;
