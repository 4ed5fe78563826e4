-- The step for each sending domain: for own domains what to publish, for others what to enforce.
WITH sent AS (
    SELECT
        split_part(from_address, '@', -1) AS domain,
        sum(len(to_addresses)) AS mails
    FROM message
    WHERE
        time > getvariable('since')
        AND from_address IS NOT NULL
        AND coalesce(spf, dkim, dmarc) IS NOT NULL
    GROUP BY domain
),
failed AS (
    SELECT
        entry AS domain,
        coalesce(sum(times) FILTER (list_contains(getvariable('honest'), reason)), 0) AS in_the_way,
        sum(times) AS failing
    FROM stopped
    GROUP BY entry
),
judged AS (
    SELECT
        sent.domain,
        sent.mails,
        coalesce(failed.failing, 0) AS failing,
        coalesce(failed.in_the_way, 0) AS in_the_way,
        list_contains(getvariable('own_domains'), sent.domain) AS is_own
    FROM sent
    LEFT JOIN failed ON failed.domain = sent.domain
)
SELECT
    'dmarc' AS kind,
    domain,
    CASE WHEN is_own THEN 'publish' ELSE 'enforce' END AS action,
    CASE
        WHEN getvariable('mode') = 'audit' THEN 'none'
        WHEN getvariable('mode') = 'block' THEN 'reject'
        WHEN mails < getvariable('least_mails') THEN 'none'
        WHEN in_the_way = 0 THEN 'reject'
        WHEN in_the_way <= getvariable('tolerated_share') * mails THEN 'quarantine'
        ELSE 'none'
    END AS step,
    CAST(mails AS BIGINT) AS mails,
    CAST(failing AS BIGINT) AS would_stop,
    CAST(in_the_way AS BIGINT) AS honest_or_unclear
FROM judged
WHERE is_own OR failing > 0
ORDER BY is_own DESC, failing DESC, domain
