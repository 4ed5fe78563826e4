-- Destinations of few hosts whose sessions are odd in two ways or more: a fingerprint or a protocol that
-- hardly any host has, no server name, a name that this host never asked for, a certificate that signs
-- itself, stands for another name or was made shortly before. The fingerprints are the sensor's; those of
-- a proxy judge nobody.
WITH proxy AS (
    SELECT DISTINCT address
    FROM role
    WHERE role = 'proxy'
),
-- Some sensors log certificates apart from the sessions that showed them.
certificate AS (
    SELECT
        certificate,
        min(subject) AS subject,
        min(issuer) AS issuer,
        min(not_before) AS not_before,
        any_value(certificate_names ORDER BY time) AS certificate_names
    FROM certificate_activity
    GROUP BY certificate
),
shown AS (
    SELECT
        tls_activity.site,
        tls_activity.host_id,
        tls_activity.time,
        tls_activity.sni,
        tls_activity.server_ip,
        tls_activity.validation,
        tls_activity.alpn,
        tls_activity.file_id,
        tls_activity.record_no,
        coalesce(tls_activity.ja4, tls_activity.ja3) AS fingerprint,
        coalesce(tls_activity.subject, certificate.subject) AS subject,
        coalesce(tls_activity.issuer, certificate.issuer) AS issuer,
        coalesce(tls_activity.not_before, certificate.not_before) AS not_before,
        coalesce(tls_activity.certificate_names, certificate.certificate_names) AS certificate_names
    FROM tls_activity
    LEFT JOIN certificate USING (certificate)
    WHERE
        NOT regexp_matches(tls_activity.server_ip, getvariable('inside'))
        AND coalesce(tls_activity.client_ip, '') NOT IN (SELECT address FROM proxy)
),
session AS (
    SELECT
        site,
        host_id,
        time,
        coalesce(sni, server_ip) AS destination,
        sni,
        server_ip,
        fingerprint,
        alpn,
        not_before,
        coalesce(regexp_matches(validation, getvariable('self_signed')), FALSE)
        OR coalesce(subject = issuer, FALSE) AS is_self_signed,
        list_filter(
            list_transform(
                list_concat(
                    [regexp_extract(subject, getvariable('common_name'), 1)], certificate_names
                ),
                lambda name: lower(ltrim(name, '*.'))
            ),
            -- A common name without a dot is no host.
            lambda name: contains(name, '.')
        ) AS certified,
        {'file_id': file_id, 'record_no': record_no} AS evidence
    FROM shown
),
fleet AS (
    SELECT count(DISTINCT host_id) AS hosts
    FROM session
),
rare AS (
    SELECT
        destination,
        count(DISTINCT host_id) AS destination_hosts,
        min(time) AS first_known
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
protocol AS (
    SELECT
        alpn,
        count(DISTINCT host_id) AS protocol_hosts
    FROM session
    WHERE alpn IS NOT NULL
    GROUP BY alpn
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
        session.not_before,
        session.sni IS NULL AS is_nameless,
        -- Names of one organisation share their last labels.
        coalesce(
            len(session.certified) > 0
            AND NOT list_contains(
                list_transform(
                    session.certified,
                    lambda name: list_slice(string_split(name, '.'), -getvariable('domain_labels'), -1)
                ),
                list_slice(string_split(session.sni, '.'), -getvariable('domain_labels'), -1)
            ),
            FALSE
        ) AS is_for_another,
        coalesce(
            session.not_before BETWEEN rare.first_known - to_days(getvariable('fresh_days'))
            AND rare.first_known + to_days(getvariable('fresh_days')),
            FALSE
        ) AS is_fresh,
        coalesce(protocol.protocol_hosts <= getvariable('few_hosts'), FALSE) AS is_rare_protocol,
        coalesce(client.fingerprint_hosts <= getvariable('few_hosts'), FALSE) AS is_rare_client,
        unasked_name.host_id IS NOT NULL AS is_unasked
    FROM session
    JOIN rare USING (destination)
    CROSS JOIN fleet
    LEFT JOIN client USING (fingerprint)
    LEFT JOIN protocol USING (alpn)
    LEFT JOIN unasked_name
        ON unasked_name.host_id = session.host_id AND unasked_name.destination = session.sni
    WHERE fleet.hosts >= getvariable('min_fleet')
),
counted AS (
    SELECT
        site,
        host_id,
        destination,
        min(time) AS first_seen,
        max(time) AS last_seen,
        min(not_before) AS certificate_since,
        mode(server_ip) AS server_ip,
        count(time) AS sessions,
        any_value(destination_hosts) AS destination_hosts,
        any_value(hosts) AS hosts,
        list_filter([
            CASE WHEN bool_or(is_rare_client) THEN 'a client fingerprint that hardly any host has' END,
            CASE WHEN bool_and(is_nameless) THEN 'no server name' END,
            CASE WHEN bool_and(is_unasked) THEN 'a name that this host never asked for' END,
            CASE WHEN bool_or(is_self_signed) THEN 'a certificate that signs itself' END,
            CASE WHEN bool_and(is_for_another) THEN 'a certificate for another name' END,
            CASE WHEN bool_or(is_fresh) THEN 'a certificate made in the week of the first contact' END,
            CASE WHEN bool_or(is_rare_protocol) THEN 'a protocol that hardly any host speaks' END
        ], lambda oddity: oddity IS NOT NULL) AS found,
        list_filter([
            CASE WHEN bool_or(is_rare_client) THEN 'ほぼ他に無いクライアント指紋' END,
            CASE WHEN bool_and(is_nameless) THEN 'サーバー名が無い' END,
            CASE WHEN bool_and(is_unasked) THEN 'このホストが問い合わせていない名前' END,
            CASE WHEN bool_or(is_self_signed) THEN '自己署名の証明書' END,
            CASE WHEN bool_and(is_for_another) THEN '別の名前の証明書' END,
            CASE WHEN bool_or(is_fresh) THEN '初回接続と同じ週に作られた証明書' END,
            CASE WHEN bool_or(is_rare_protocol) THEN 'ほぼ他のホストが使わないプロトコル' END
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
    certificate_since,
    array_to_string(found, '; ') AS oddities,
    array_to_string(found_ja, '、') AS oddities_ja,
    CASE
        WHEN len(found) > getvariable('least_oddities') THEN getvariable('more_confidence')
        ELSE getvariable('two_confidence')
    END AS confidence,
    evidence
FROM counted
WHERE len(found) >= getvariable('least_oddities')
