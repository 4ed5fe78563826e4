-- destination_rank(site, host_id, rank, destination, score, regular, rare, new, small, steady, rhythm,
--                  rhythm_ja, days, contacts, bytes_out, bytes_in, fleet_hosts, hosts, first_seen,
--                  last_seen)
-- Where each host goes outside, what looks most like an implant's first. `score` is the sum of five
-- shares, 0 to 1 each: regular (what chance does not explain), rare (one over the hosts that go there),
-- new (began after the host was first seen), small (few bytes a contact) and steady (as many each day).
-- What the log cannot say counts half. Reads contact, insider and judged_rhythm.
WITH daily AS (
    SELECT
        any_value(site) AS site,
        host_id,
        destination,
        day,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        sum(hits) AS contacts,
        sum(bytes_out) AS bytes_out,
        sum(bytes_in) AS bytes_in,
        (sum(bytes_out) + sum(bytes_in)) / sum(hits) AS size
    FROM contact
    SEMI JOIN insider USING (host_id)
    WHERE NOT is_inside_name(destination)
    GROUP BY
        host_id,
        destination,
        day
),
pair AS (
    SELECT
        any_value(site) AS site,
        host_id,
        destination,
        count(*) AS days,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        sum(contacts)::BIGINT AS contacts,
        sum(bytes_out)::BIGINT AS bytes_out,
        sum(bytes_in)::BIGINT AS bytes_in,
        stddev_samp(size) / nullif(avg(size), 0) AS spread
    FROM daily
    GROUP BY
        host_id,
        destination
),
fleet AS (
    SELECT
        destination,
        count(*) AS fleet_hosts,
        min(first_seen) AS first_known
    FROM pair
    GROUP BY destination
),
beating AS (
    SELECT
        host_id,
        destination,
        max(least(1, log_chance / sure_log_chance())) AS regular,
        arg_min(rhythm, log_chance) AS rhythm,
        arg_min(rhythm_ja, log_chance) AS rhythm_ja
    FROM (
        SELECT
            * EXCLUDE (destination),
            unnest(destinations) AS destination
        FROM judged_rhythm
    )
    GROUP BY
        host_id,
        destination
),
judged AS (
    SELECT
        pair.*,
        fleet.fleet_hosts,
        organisation.hosts,
        beating.rhythm,
        beating.rhythm_ja,
        round(coalesce(beating.regular, 0), 2) AS regular,
        CASE
            WHEN organisation.hosts < least_fleet() THEN unsaid_share()
            ELSE round(1 / fleet.fleet_hosts, 2)
        END AS rare,
        CASE
            WHEN is_new_here(fleet.first_known, insider.host_since) THEN 1
            WHEN insider.host_until - insider.host_since < new_after() THEN unsaid_share()
            ELSE 0
        END AS new,
        CASE
            WHEN pair.bytes_out + pair.bytes_in = 0 THEN unsaid_share()
            ELSE round(
                least(1, small_exchange_bytes() * pair.contacts / (pair.bytes_out + pair.bytes_in)),
                2
            )
        END AS small,
        CASE
            WHEN pair.bytes_out + pair.bytes_in = 0 THEN unsaid_share()
            ELSE round(greatest(0, 1 - coalesce(pair.spread, 1)), 2)
        END AS steady
    FROM pair
    JOIN fleet USING (destination)
    JOIN insider USING (host_id)
    CROSS JOIN (SELECT count(*) AS hosts FROM insider) AS organisation
    LEFT JOIN beating USING (host_id, destination)
)
SELECT
    site,
    host_id,
    row_number() OVER (
        PARTITION BY host_id
        ORDER BY regular + rare + new + small + steady DESC, contacts DESC, destination
    ) AS rank,
    destination,
    round(regular + rare + new + small + steady, 2) AS score,
    regular,
    rare,
    new,
    small,
    steady,
    rhythm,
    rhythm_ja,
    days,
    contacts,
    bytes_out,
    bytes_in,
    fleet_hosts,
    hosts,
    first_seen,
    last_seen
FROM judged
