-- Names that stand in predicted_name, looked up or spoken to, host by host and family by family.
WITH met AS (
    SELECT
        site,
        host_id,
        time,
        query,
        rcode = 'NOERROR' AND len(answers) > 0 AS is_resolved,
        FALSE AS is_reached,
        answers[1] AS server_ip,
        process_guid,
        image,
        file_id,
        record_no
    FROM dns_activity
    WHERE query IN (SELECT name FROM predicted_name)
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        host,
        FALSE,
        TRUE,
        server_ip,
        process_guid,
        image,
        file_id,
        record_no
    FROM http_activity
    WHERE host IN (SELECT name FROM predicted_name)
    UNION ALL
    SELECT
        site,
        host_id,
        time,
        sni,
        FALSE,
        TRUE,
        server_ip,
        NULL,
        NULL,
        file_id,
        record_no
    FROM tls_activity
    WHERE sni IN (SELECT name FROM predicted_name)
),
asked AS (
    SELECT
        met.site,
        met.host_id,
        met.time,
        met.query,
        coalesce(met.is_resolved, FALSE) AS is_resolved,
        met.is_reached,
        met.server_ip,
        met.process_guid,
        met.image,
        predicted_name.family,
        met.time::DATE >= predicted_name.first_day
        AND met.time::DATE <= predicted_name.last_day AS is_in_season,
        {'file_id': met.file_id, 'record_no': met.record_no} AS evidence
    FROM met
    JOIN predicted_name ON predicted_name.name = met.query
)
SELECT
    site,
    host_id,
    min(time) AS first_seen,
    max(time) AS last_seen,
    CASE WHEN count(DISTINCT process_guid) = 1 THEN max(process_guid) END AS process_guid,
    CASE WHEN count(DISTINCT image) = 1 THEN max(image) END AS image,
    arg_max(query, (is_reached, is_resolved, time)) AS destination,
    arg_max(server_ip, (is_reached, is_resolved, time)) FILTER (is_reached OR is_resolved) AS server_ip,
    family AS algorithm,
    count(DISTINCT query) AS names,
    count(time) FILTER (NOT is_reached) AS lookups,
    count(DISTINCT query) FILTER (is_resolved) AS resolved,
    count(DISTINCT query) FILTER (is_reached) AS reached,
    count(DISTINCT query) FILTER (is_in_season) AS in_season,
    (list_sort(list(DISTINCT query)))[:getvariable('sample_names')] AS sample,
    CASE
        WHEN bool_or(is_in_season) THEN getvariable('season_confidence')
        ELSE getvariable('other_confidence')
    END AS confidence,
    (list(evidence ORDER BY time, evidence.file_id, evidence.record_no))[:getvariable('max_evidence')]
        AS evidence
FROM asked
GROUP BY site, host_id, family
