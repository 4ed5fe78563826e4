-- Files written to a server outside that few hosts reach: PUT and WebDAV, sent by no page (a page's own
-- requests carry a referrer).
WITH asked AS (
    SELECT
        site,
        host_id,
        coalesce(nullif(host, ''), server_ip) AS destination,
        server_ip,
        time,
        method,
        request_body_bytes,
        user_agent,
        image,
        process_guid,
        "user",
        {'file_id': file_id, 'record_no': record_no} AS evidence
    FROM http_activity
    WHERE
        (list_contains(getvariable('writes'), method) OR list_contains(getvariable('looks'), method))
        AND referrer IS NULL
        AND coalesce(disposition, '') <> 'blocked'
        AND NOT is_inside_name(coalesce(nullif(host, ''), server_ip))
),
sent AS (
    SELECT
        site,
        host_id,
        destination,
        mode(server_ip) AS server_ip,
        min(time) AS first_seen,
        max(time) AS last_seen,
        count(time) FILTER (method = 'PUT') AS files,
        count(time) FILTER (method = 'MKCOL') AS folders,
        count(time) FILTER (list_contains(getvariable('looks'), method)) AS looks,
        count(DISTINCT time_bucket(to_hours(1), time)) AS active_hours,
        CAST(sum(request_body_bytes) AS BIGINT) AS sent_bytes,
        mode(user_agent) AS user_agent,
        CASE WHEN count(DISTINCT image) = 1 THEN max(image) END AS image,
        CASE WHEN count(DISTINCT process_guid) = 1 THEN max(process_guid) END AS process_guid,
        CASE WHEN count(DISTINCT "user") = 1 THEN max("user") END AS "user",
        arg_min(evidence, {'time': time, 'evidence': evidence}, most_evidence()) AS evidence
    FROM asked
    GROUP BY site, host_id, destination
    HAVING count(time) FILTER (list_contains(getvariable('writes'), method)) >= getvariable('min_writes')
)
SELECT
    sent.site,
    sent.host_id,
    sent.destination,
    sent.server_ip,
    sent.first_seen,
    sent.last_seen,
    sent.files,
    sent.folders,
    sent.looks,
    sent.active_hours,
    sent.sent_bytes,
    sent.user_agent,
    sent.image,
    sent.process_guid,
    sent."user",
    sent.evidence,
    fleet.fleet_hosts,
    organisation.hosts,
    is_new_here(fleet.first_known, insider.host_since) AS is_new,
    is_old_here(fleet.first_known, sent.last_seen, insider.host_since) AS is_old,
    getvariable('base_confidence')
    + odd_pair_strength(is_new, is_old, fleet.fleet_hosts, organisation.hosts, is_user_writable(sent.image)) AS confidence
FROM sent
JOIN fleet_contact AS fleet ON fleet.peer = sent.destination
JOIN insider USING (host_id)
CROSS JOIN (SELECT count(host_id) AS hosts FROM insider) AS organisation
WHERE fleet.fleet_hosts <= getvariable('few_hosts')
