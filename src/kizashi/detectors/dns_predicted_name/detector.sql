-- Look-ups of names that stand in predicted_name, host by host and family by family.
WITH asked AS (
    SELECT
        event.site,
        event.host_id,
        event.time,
        event.query,
        event.rcode,
        event.answers,
        event.process_guid,
        event.image,
        predicted_name.family,
        event.time::DATE >= predicted_name.first_day
        AND event.time::DATE <= predicted_name.last_day AS is_in_season,
        {'file_id': event.file_id, 'record_no': event.record_no} AS evidence
    FROM dns_activity AS event
    JOIN predicted_name ON predicted_name.name = event.query
)
SELECT
    site,
    host_id,
    min(time) AS first_seen,
    max(time) AS last_seen,
    CASE WHEN count(DISTINCT process_guid) = 1 THEN max(process_guid) END AS process_guid,
    CASE WHEN count(DISTINCT image) = 1 THEN max(image) END AS image,
    arg_max(query, (rcode = 'NOERROR' AND len(answers) > 0, time)) AS destination,
    max(answers[1]) FILTER (rcode = 'NOERROR') AS server_ip,
    family,
    count(DISTINCT query) AS names,
    count(time) AS lookups,
    count(DISTINCT query) FILTER (rcode = 'NOERROR' AND len(answers) > 0) AS resolved,
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
