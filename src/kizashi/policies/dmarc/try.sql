-- Mails for which neither SPF nor DKIM passes for the domain in From; a domain counts for its children.
WITH received AS (
    SELECT
        time,
        host_id,
        from_address,
        split_part(from_address, '@', -1) AS domain,
        unnest(to_addresses) AS recipient,
        reply_to,
        lower(spf) AS spf,
        lower(spf_domain) AS spf_domain,
        lower(dkim) AS dkim,
        lower(dkim_domain) AS dkim_domain,
        lower(dmarc) AS dmarc,
        coalesce(lower(arc) = 'pass', FALSE) OR coalesce(lower(compauth) = 'pass', FALSE) AS vouched_for,
        coalesce(json_valid(unmapped) AND json_extract_string(unmapped, '$.list_id') IS NOT NULL, FALSE)
            AS from_list,
        coalesce(regexp_matches(sender_ip, getvariable('inside')), FALSE) AS from_inside,
        coalesce(disposition, '') AS disposition
    FROM message
    WHERE
        time > getvariable('since')
        AND from_address IS NOT NULL
        AND coalesce(spf, dkim, dmarc) IS NOT NULL
),
failing AS (
    SELECT
        received.*,
        list_contains(getvariable('own_domains'), domain)
        OR len(list_filter(getvariable('own_domains'), lambda own: ends_with(domain, '.' || own))) > 0
            AS is_own
    FROM received
    WHERE
        disposition != 'blocked'
        AND NOT coalesce(dmarc IN ('pass', 'bestguesspass'), FALSE)
        AND NOT coalesce(
            spf = 'pass'
            AND (
                spf_domain = domain OR ends_with(spf_domain, '.' || domain) OR ends_with(domain, '.' || spf_domain)
            ),
            FALSE
        )
        AND NOT coalesce(
            dkim = 'pass'
            AND (
                dkim_domain = domain OR ends_with(dkim_domain, '.' || domain)
                OR ends_with(domain, '.' || dkim_domain)
            ),
            FALSE
        )
),
regular AS (
    SELECT domain
    FROM failing
    GROUP BY domain
    HAVING count(DISTINCT CAST(time AS DATE)) >= getvariable('regular_days')
)
SELECT
    time,
    host_id,
    recipient AS "user",
    CAST(NULL AS VARCHAR) AS program,
    from_address AS partner,
    domain AS entry,
    CASE
        WHEN is_own AND from_inside THEN 'own'
        WHEN from_list THEN 'list'
        WHEN vouched_for THEN 'forwarded'
        WHEN
            is_own
            OR (
                reply_to IS NOT NULL AND split_part(reply_to, '@', -1) != domain
                AND NOT ends_with(split_part(reply_to, '@', -1), '.' || domain)
            )
            THEN 'hostile'
        WHEN domain IN (SELECT regular.domain FROM regular) THEN 'regular'
        ELSE 'unclear'
    END AS reason,
    'gateway''s own verdicts' AS told_by
FROM failing
