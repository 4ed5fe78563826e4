-- Rhythms of web requests. A program asks for one thing, or for an order and its acknowledgement: that
-- one or two paths are asked for again and again is evidence of its own.
WITH heard AS (
    SELECT
        judged_rhythm.* EXCLUDE (confidence),
        rhythm_proof.process_guid,
        rhythm_proof."user",
        rhythm_proof.evidence,
        rhythm_proof.requests >= getvariable('alike_requests')
        AND rhythm_proof.paths <= getvariable('alike_paths') AS is_alike
    FROM judged_rhythm
    JOIN rhythm_proof USING (protocol, host_id, unit_kind, unit)
    WHERE protocol = 'http'
)
SELECT
    * EXCLUDE (protocol, unit, destinations, strength, ceiling, is_regular, hits),
    len(destinations) AS names,
    least(
        ceiling,
        strength + CASE WHEN is_alike AND NOT is_old THEN getvariable('alike_bonus') ELSE 0 END
    ) AS confidence
FROM heard
