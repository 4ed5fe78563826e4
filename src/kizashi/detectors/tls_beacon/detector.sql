-- Rhythms of TLS sessions.
SELECT
    judged_rhythm.* EXCLUDE (protocol, unit, destinations, strength, ceiling, is_regular, hits),
    len(judged_rhythm.destinations) AS names,
    nullif(judged_rhythm.bytes_out, 0) // judged_rhythm.hits AS sent_each,
    nullif(judged_rhythm.bytes_in, 0) // judged_rhythm.hits AS received_each,
    rhythm_proof.process_guid,
    rhythm_proof."user",
    rhythm_proof.evidence
FROM judged_rhythm
JOIN rhythm_proof USING (protocol, host_id, unit_kind, unit)
WHERE protocol = 'tls'
