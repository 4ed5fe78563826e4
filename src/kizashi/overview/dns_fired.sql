-- dns_fired(site, host_id, first_seen, detector, earliest): signals of failed names, and the earliest moment at which
-- each can have fired: that of the failure which completes the fewest that its detector asks for.
-- Reads signal, dns_activity and fewest_of.
WITH proof AS (
    SELECT
        signal_id,
        coalesce(signal.site, '') AS site,
        host_id,
        detector,
        first_seen,
        last_seen,
        fewest_of.fewest,
        unnest(evidence) AS event
    FROM signal
    JOIN fewest_of USING (detector)
    WHERE is_of_page(signal.site, signal.host_id)
),
timed AS (
    SELECT
        proof.signal_id,
        proof.site,
        proof.host_id,
        proof.detector,
        proof.first_seen,
        proof.last_seen,
        proof.fewest,
        list_sort(list(dns_activity.time)) AS times
    FROM proof
    JOIN dns_activity
        ON dns_activity.file_id = proof.event.file_id
        AND dns_activity.record_no = proof.event.record_no
    GROUP BY ALL
)
SELECT
    site,
    host_id,
    detector,
    first_seen,
    coalesce(times[fewest], last_seen) AS earliest,
    last_seen
FROM timed
