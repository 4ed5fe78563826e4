-- Episodes of a Sigma correlation, as `sigma_rule.py` found them.
SELECT
    site,
    host_id,
    first_seen,
    last_seen,
    "group",
    amount,
    getvariable('confidence') AS confidence,
    evidence
FROM sigma_episode
ORDER BY first_seen, host_id
