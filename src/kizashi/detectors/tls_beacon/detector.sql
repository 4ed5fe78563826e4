-- Rhythms of TLS sessions.
SELECT
    judged_rhythm.* EXCLUDE (protocol, unit, destinations, strength, ceiling, is_regular),
    len(judged_rhythm.destinations) AS names,
    rhythm_proof.process_guid,
    rhythm_proof."user",
    rhythm_proof.evidence
FROM judged_rhythm
JOIN rhythm_proof USING (protocol, host_id, unit_kind, unit)
WHERE protocol = 'tls'
