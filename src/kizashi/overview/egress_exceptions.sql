-- Every exception for direct egress, what it covers now, and what goes on after its end.
WITH used AS (
    SELECT
        exempted.exemption,
        count(*) FILTER (egress_way.day <= exempted.last_day) AS covered,
        count(*) FILTER (egress_way.day > exempted.last_day) AS after_end,
        max(egress_way.time) AS last_seen
    FROM egress_way
    JOIN exempted
        ON exempted.detector = 'network_direct_egress'
        AND is_covered(
            egress_way.host_id, egress_way.image, egress_way.destination,
            exempted.host_id, exempted.image, exempted.destination, exempted.parent_image)
    WHERE egress_way.acts_for IS NULL
    GROUP BY exempted.exemption
)
SELECT
    exempted.exemption,
    exempted.host_id,
    exempted.image,
    exempted.destination,
    exempted.owner,
    exempted.reason,
    exempted.last_day,
    coalesce(used.covered, 0) AS covered,
    coalesce(used.after_end, 0) AS after_end,
    used.last_seen
FROM exempted
LEFT JOIN used USING (exemption)
WHERE exempted.detector = 'network_direct_egress'
ORDER BY after_end DESC, exempted.last_day, exempted.exemption
