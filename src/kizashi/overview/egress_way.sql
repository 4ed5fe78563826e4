-- egress_way(site, host_id, day, time, server_ip, destination, image, way, acts_for, is_named, is_ech)
-- Every connection of `outward` and the way that it took: web, quic, dns, dot, doq, doh or relay. acts_for
-- is the role of a machine that goes out for others. Reads outward, role and given_role.
SELECT
    outward.site,
    outward.host_id,
    outward.day,
    outward.time,
    outward.server_ip,
    outward.destination,
    outward.image,
    CASE
        WHEN outward.is_dns OR outward.server_port = 53 THEN 'dns'
        WHEN outward.server_port IN (853, 784, 8853)
            THEN CASE WHEN outward.transport = 'udp' THEN 'doq' ELSE 'dot' END
        WHEN
            list_bool_or(list_transform(
                getvariable('relays'),
                lambda n: outward.destination = n OR ends_with(outward.destination, '.' || n)))
            THEN 'relay'
        WHEN
            outward.is_dns_form
            OR list_contains(getvariable('addresses'), outward.server_ip)
            OR list_bool_or(list_transform(
                getvariable('names'),
                lambda n: outward.destination = n OR ends_with(outward.destination, '.' || n)))
            THEN 'doh'
        WHEN outward.transport = 'udp' THEN 'quic'
        ELSE 'web'
    END AS way,
    own.role AS acts_for,
    outward.name IS NOT NULL AS is_named,
    coalesce(
        ends_with(outward.name, getvariable('outer_name')) OR starts_with(outward.name, 'ech.'), FALSE
    ) AS is_ech
FROM outward
LEFT JOIN (
    SELECT
        site,
        address,
        min(role) AS role
    FROM role
    GROUP BY site, address
) AS own
    ON own.site = coalesce(outward.site, '') AND own.address = outward.client_ip
WHERE
    is_of_page(outward.site, outward.host_id)
    -- What a person named as a resolver is the organisation's, wherever it stands.
    AND NOT EXISTS (
        SELECT 1
        FROM given_role
        WHERE given_role.role = 'resolver' AND given_role.address = outward.server_ip
    )
