-- lease(site, client_ip, device, mac, "user", first_seen, last_seen, confidence)
-- Which device held an address, and when. Intervals of one address do not overlap: the next owner's
-- first_seen ends the one before. device is NULL where only a hardware address is known.
-- Reads dhcp_activity, network_activity, authentication; needs neither host_id nor bucket.
WITH given AS (
    SELECT
        site,
        client_ip,
        CASE WHEN activity = 'release' THEN NULL ELSE nullif(host_name, '') END AS device,
        mac,
        NULL::VARCHAR AS "user",
        CASE
            WHEN activity = 'release' THEN 'released'
            ELSE coalesce(nullif(host_name, ''), mac, '')
        END AS owner,
        time AS first_seen,
        CASE
            WHEN activity = 'release' THEN time
            ELSE time + coalesce(to_seconds(nullif(lease_s, 0)), default_lease())
        END AS last_seen,
        'dhcp' AS evidence,
        1 AS sightings
    FROM dhcp_activity
    WHERE activity IN ('lease', 'renew', 'release')
        AND client_ip IS NOT NULL
        AND time IS NOT NULL
        AND is_own_address(client_ip)
),
endpoint_row AS (
    SELECT
        site,
        client_ip,
        device,
        -- Accounts of the machine itself say nothing about who sits there.
        CASE
            WHEN NOT regexp_matches(
                "user", '^(NT AUTHORITY|NT SERVICE|Window Manager|Font Driver Host)\\|\$$'
            ) THEN "user"
        END AS account,
        time
    FROM network_activity
    WHERE vantage = 'endpoint'
        AND initiated
        AND device <> ''
        AND client_ip IS NOT NULL
        AND time IS NOT NULL
        AND is_own_address(client_ip)
),
spoken AS (
    SELECT
        site,
        client_ip,
        device,
        NULL::VARCHAR AS mac,
        account AS "user",
        device AS owner,
        min(time) AS first_seen,
        max(time) + sighting_hold() AS last_seen,
        'endpoint' AS evidence,
        count(*) AS sightings
    FROM endpoint_row
    GROUP BY
        site,
        client_ip,
        device,
        account,
        date_trunc('hour', time)
),
known AS (
    SELECT
        site,
        client_ip
    FROM given
    UNION
    SELECT
        site,
        client_ip
    FROM spoken
),
claimed AS (
    SELECT
        site,
        client_ip,
        split_part(ltrim(lower(workstation), '\'), '.', 1) AS device,
        NULL::VARCHAR AS mac,
        min("user") AS "user",
        split_part(ltrim(lower(workstation), '\'), '.', 1) AS owner,
        min(time) AS first_seen,
        max(time) + sighting_hold() AS last_seen,
        'authentication' AS evidence,
        count(*) AS sightings
    FROM authentication
    ANTI JOIN known USING (site, client_ip)
    WHERE success
        AND regexp_full_match(workstation, '\\*[A-Za-z0-9_][A-Za-z0-9_.-]*')
        AND NOT regexp_full_match(workstation, '[0-9.]+')
        -- A remote desktop's record names the machine signed in to, beside the caller's address.
        AND split_part(ltrim(lower(workstation), '\'), '.', 1)
            IS DISTINCT FROM split_part(lower(device), '.', 1)
        AND client_ip IS NOT NULL
        AND is_own_address(client_ip)
    GROUP BY
        site,
        client_ip,
        split_part(ltrim(lower(workstation), '\'), '.', 1),
        date_trunc('hour', time)
),
-- What a VPN gateway gave to a person's session.
assigned AS (
    SELECT
        site,
        assigned_ip AS client_ip,
        nullif(split_part(ltrim(lower(workstation), '\'), '.', 1), '') AS device,
        NULL::VARCHAR AS mac,
        "user",
        CASE WHEN activity = 'logoff' THEN 'released' ELSE lower("user") END AS owner,
        time AS first_seen,
        CASE WHEN activity = 'logoff' THEN time ELSE time + default_lease() END AS last_seen,
        'authentication' AS evidence,
        1 AS sightings
    FROM authentication
    WHERE success
        AND assigned_ip IS NOT NULL
        AND "user" <> ''
        AND time IS NOT NULL
        AND is_own_address(assigned_ip)
        AND NOT EXISTS (
            FROM known
            WHERE known.site IS NOT DISTINCT FROM authentication.site
                AND known.client_ip = authentication.assigned_ip
        )
),
sighting AS (
    SELECT * FROM given
    UNION ALL BY NAME
    SELECT * FROM assigned
    UNION ALL BY NAME
    SELECT * FROM spoken
    UNION ALL BY NAME
    SELECT * FROM claimed
),
turn AS (
    SELECT
        *,
        coalesce(owner <> lag(owner) OVER address, true) AS is_new_owner
    FROM sighting
    WINDOW address AS (PARTITION BY site, client_ip ORDER BY first_seen, last_seen, owner, "user")
),
run AS (
    SELECT
        *,
        sum(is_new_owner::INTEGER) OVER (
            PARTITION BY site, client_ip
            ORDER BY first_seen, last_seen, owner, "user"
            ROWS UNBOUNDED PRECEDING
        ) AS run_no
    FROM turn
),
user_count AS (
    SELECT
        site,
        client_ip,
        run_no,
        "user",
        sum(sightings) AS sightings
    FROM run
    WHERE "user" IS NOT NULL
    GROUP BY ALL
),
main_user AS (
    SELECT
        site,
        client_ip,
        run_no,
        "user"
    FROM user_count
    QUALIFY row_number() OVER (
        PARTITION BY site, client_ip, run_no ORDER BY sightings DESC, "user"
    ) = 1
),
interval_of_run AS (
    SELECT
        site,
        client_ip,
        run_no,
        any_value(owner) AS owner,
        any_value(device) AS device,
        max(mac) AS mac,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        max(evidence = 'dhcp') AS by_dhcp,
        max(evidence = 'endpoint') AS by_endpoint
    FROM run
    GROUP BY
        site,
        client_ip,
        run_no
),
followed AS (
    SELECT
        *,
        lead(first_seen) OVER (PARTITION BY site, client_ip ORDER BY run_no) AS next_first_seen
    FROM interval_of_run
)
SELECT
    followed.site,
    followed.client_ip,
    followed.device,
    followed.mac,
    main_user."user",
    followed.first_seen,
    least(followed.last_seen, coalesce(followed.next_first_seen, followed.last_seen)) AS last_seen,
    owner_confidence(
        CASE WHEN by_dhcp THEN 'dhcp' WHEN by_endpoint THEN 'endpoint' ELSE 'authentication' END,
        coalesce(followed.last_seen > followed.next_first_seen, false)
    )::DOUBLE AS confidence
FROM followed
LEFT JOIN main_user
    ON main_user.site IS NOT DISTINCT FROM followed.site
    AND main_user.client_ip = followed.client_ip
    AND main_user.run_no = followed.run_no
WHERE followed.owner <> 'released'
ORDER BY
    followed.site,
    followed.client_ip,
    followed.first_seen
