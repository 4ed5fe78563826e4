-- dns_fact(site, host_id, bucket, time, query, registered_domain, failed, rcode, query_types, answers,
--          answered_with, process_guid, image, witnesses, evidence)
-- One fact per look-up: rows of one host and name, with gaps of at most five seconds, are A, AAAA,
-- repeats, or another witness. `failed`, `bucket`, `host_id`, `query` and `site` are keys of the
-- grouping, so a filter on them is pushed to the scan: failed ones cost a twentieth of all. A filter
-- on `time` is applied afterwards; where only a stretch of time is wanted, SET VARIABLE facts_from
-- and facts_to (TIMESTAMP) cut the scan itself.
-- Reads own_dns_activity and name.
WITH asked AS (
    SELECT
        site,
        host_id,
        bucket,
        time,
        query,
        coalesce(rcode = 'NXDOMAIN', false) AS failed,
        rcode,
        query_type,
        answers,
        answered_with,
        process_guid,
        image,
        source,
        vantage,
        file_id,
        record_no
    FROM own_dns_activity
    WHERE query <> ''
        AND (getvariable('facts_from') IS NULL OR time >= getvariable('facts_from')::TIMESTAMP)
        AND (getvariable('facts_to') IS NULL OR time < getvariable('facts_to')::TIMESTAMP)
),
spaced AS (
    SELECT
        *,
        lag(time) OVER (
            PARTITION BY site, host_id, bucket, query, failed ORDER BY time, file_id, record_no
        ) AS previous_time
    FROM asked
),
numbered AS (
    SELECT
        *,
        count(*) FILTER (previous_time IS NULL OR time - previous_time > lookup_gap()) OVER (
            PARTITION BY site, host_id, bucket, query, failed
            ORDER BY time, file_id, record_no
            ROWS UNBOUNDED PRECEDING
        ) AS fact_no
    FROM spaced
),
fact AS (
    SELECT
        site,
        host_id,
        bucket,
        query,
        failed,
        min(time) AS time,
        -- NOERROR before SERVFAIL and the rest: an answer to one type answers the look-up.
        CASE WHEN bool_or(rcode = 'NOERROR') THEN 'NOERROR' ELSE min(rcode) END AS rcode,
        list_sort(list_distinct(list(query_type) FILTER (query_type IS NOT NULL))) AS query_types,
        list_sort(list_distinct(flatten(list(answers) FILTER (answers IS NOT NULL)))) AS answers,
        max(answered_with) AS answered_with,
        max({'process_guid': process_guid, 'image': image})
            FILTER (process_guid IS NOT NULL OR image IS NOT NULL) AS asking,
        -- Not count(DISTINCT ...): that scans and groups everything twice, asked for or not.
        len(list_distinct(list(coalesce(source, '') || '/' || coalesce(vantage, ''))))::INTEGER
            AS witnesses,
        min({'time': time, 'file_id': file_id, 'record_no': record_no}) AS first_row
    FROM numbered
    GROUP BY
        site,
        host_id,
        bucket,
        query,
        failed,
        fact_no
)
SELECT
    fact.site,
    fact.host_id,
    fact.bucket,
    fact.time,
    fact.query,
    name.registered_domain,
    fact.failed,
    fact.rcode,
    fact.query_types,
    fact.answers,
    fact.answered_with,
    fact.asking.process_guid AS process_guid,
    fact.asking.image AS image,
    fact.witnesses,
    {
        'file_id': fact.first_row.file_id,
        'record_no': fact.first_row.record_no
    } AS evidence
FROM fact
LEFT JOIN name ON name.query = fact.query
