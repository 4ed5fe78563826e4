-- Destinations of few hosts whose sessions are odd in two ways or more: a fingerprint that hardly any
-- host has, no server name, a name that this host never asked for, a certificate that signs itself or
-- stands for another name. The
-- fingerprints are the sensor's; behind an intercepting proxy all are the proxy's, so none is rare.
WITH session AS (
    SELECT
        site,
        host_id,
        time,
        coalesce(sni, server_ip) AS destination,
        sni,
        server_ip,
        coalesce(ja4, ja3) AS fingerprint,
        coalesce(regexp_matches(validation, getvariable('self_signed')), FALSE)
        OR coalesce(subject = issuer, FALSE) AS is_self_signed,
        lower(ltrim(regexp_extract(subject, getvariable('common_name'), 1), '*.')) AS certified,
        {'file_id': file_id, 'record_no': record_no} AS evidence
    FROM tls_activity
    WHERE NOT regexp_matches(server_ip, getvariable('inside'))
),
fleet AS (
    SELECT count(DISTINCT host_id) AS hosts
    FROM session
),
rare AS (
    SELECT
        destination,
        count(DISTINCT host_id) AS destination_hosts
    FROM session
    GROUP BY destination
    HAVING count(DISTINCT host_id) <= getvariable('few_hosts')
),
client AS (
    SELECT
        fingerprint,
        count(DISTINCT host_id) AS fingerprint_hosts
    FROM session
    WHERE fingerprint IS NOT NULL
    GROUP BY fingerprint
),
asked AS (
    SELECT DISTINCT
        host_id,
        query
    FROM dns_activity
),
asker AS (
    SELECT DISTINCT host_id
    FROM dns_activity
),
judged AS (
    SELECT
        session.site,
        session.host_id,
        session.time,
        session.destination,
        session.server_ip,
        session.evidence,
        rare.destination_hosts,
        fleet.hosts,
        session.is_self_signed,
        session.sni IS NULL AS is_nameless,
        -- Names of one organisation share their last labels; a common name without a dot is no host.
        coalesce(
            contains(session.certified, '.')
            AND list_slice(string_split(session.certified, '.'), -getvariable('domain_labels'), -1)
            <> list_slice(string_split(session.sni, '.'), -getvariable('domain_labels'), -1),
            FALSE
        ) AS is_for_another,
        coalesce(client.fingerprint_hosts <= getvariable('few_hosts'), FALSE) AS is_rare_client,
        -- Only a host whose look-ups are logged can be said not to have asked.
        session.sni IS NOT NULL
        AND session.host_id IN (SELECT host_id FROM asker)
        AND asked.query IS NULL AS is_unasked
    FROM session
    JOIN rare USING (destination)
    CROSS JOIN fleet
    LEFT JOIN client USING (fingerprint)
    LEFT JOIN asked ON asked.host_id = session.host_id AND asked.query = session.sni
    WHERE fleet.hosts >= getvariable('min_fleet')
),
counted AS (
    SELECT
        site,
        host_id,
        destination,
        min(time) AS first_seen,
        max(time) AS last_seen,
        mode(server_ip) AS server_ip,
        count(time) AS sessions,
        any_value(destination_hosts) AS destination_hosts,
        any_value(hosts) AS hosts,
        list_filter([
            CASE WHEN bool_or(is_rare_client) THEN 'a client fingerprint that hardly any host has' END,
            CASE WHEN bool_and(is_nameless) THEN 'no server name' END,
            CASE WHEN bool_and(is_unasked) THEN 'a name that this host never asked for' END,
            CASE WHEN bool_or(is_self_signed) THEN 'a certificate that signs itself' END,
            CASE WHEN bool_and(is_for_another) THEN 'a certificate for another name' END
        ], lambda oddity: oddity IS NOT NULL) AS found,
        list_filter([
            CASE WHEN bool_or(is_rare_client) THEN 'ほぼ他に無いクライアント指紋' END,
            CASE WHEN bool_and(is_nameless) THEN 'サーバー名が無い' END,
            CASE WHEN bool_and(is_unasked) THEN 'このホストが問い合わせていない名前' END,
            CASE WHEN bool_or(is_self_signed) THEN '自己署名の証明書' END,
            CASE WHEN bool_and(is_for_another) THEN '別の名前の証明書' END
        ], lambda oddity: oddity IS NOT NULL) AS found_ja,
        (list(evidence ORDER BY time, evidence.file_id, evidence.record_no))
            [:getvariable('max_evidence')] AS evidence
    FROM judged
    GROUP BY site, host_id, destination
    HAVING count(time) >= getvariable('min_sessions')
)
SELECT
    site,
    host_id,
    first_seen,
    last_seen,
    destination,
    server_ip,
    sessions,
    destination_hosts,
    hosts,
    array_to_string(found, '; ') AS oddities,
    array_to_string(found_ja, '、') AS oddities_ja,
    CASE
        WHEN len(found) > getvariable('least_oddities') THEN getvariable('more_confidence')
        ELSE getvariable('two_confidence')
    END AS confidence,
    evidence
FROM counted
WHERE len(found) >= getvariable('least_oddities')
