-- rhythm_unit(unit_no, host_no, site, host_id, unit_kind, unit, destination, destinations, server_ip,
--             image, protocol, first_seen, last_seen, days, hits, bytes_out, bytes_in, fleet_hosts,
--             first_known, hosts)
-- What may beat: contacts of a host with a rare name, or with several that share an address, a program or
-- a shape, with enough ticks. Reads contact and insider.
-- One row a pair, server and program, before any group is made: contact is read once.
WITH met AS (
    SELECT
        any_value(site) AS site,
        host_id,
        destination,
        server_ip,
        image,
        min(protocol) AS protocol,
        list(day) AS days,
        sum(len(times)) AS ticks,
        sum(hits) AS hits,
        sum(bytes_out)::UBIGINT AS bytes_out,
        sum(bytes_in)::UBIGINT AS bytes_in,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen
    FROM contact
    GROUP BY
        host_id,
        destination,
        server_ip,
        image
),
known AS (
    SELECT
        met.*,
        insider.host_no
    FROM met
    JOIN insider USING (host_id)
),
rare AS (
    SELECT
        destination,
        count(DISTINCT host_no) AS fleet_hosts,
        min(first_seen) AS first_known
    FROM known
    GROUP BY destination
    HAVING count(DISTINCT host_no) <= most_hosts_of_a_rhythm()
),
pair AS (
    SELECT
        known.*,
        rare.fleet_hosts,
        rare.first_known
    FROM known
    JOIN rare USING (destination)
),
part AS (
    SELECT
        *,
        'name' AS unit_kind,
        destination AS unit
    FROM pair
    UNION ALL
    SELECT
        *,
        'address',
        server_ip
    FROM pair
    WHERE server_ip IS NOT NULL
    UNION ALL
    SELECT
        *,
        'program',
        image
    FROM pair
    WHERE image IS NOT NULL
    UNION ALL
    SELECT
        *,
        'shape',
        alphabet_class(label_of(destination)) || ' ' || length(label_of(destination)) || ' '
        || substr(destination, length(label_of(destination)) + 1)
    FROM pair
    WHERE contains(destination, '.') AND NOT contains(destination, ':')
)
SELECT
    row_number() OVER (ORDER BY host_no, unit_kind, unit)::INTEGER - 1 AS unit_no,
    host_no,
    any_value(site) AS site,
    host_id,
    unit_kind,
    unit,
    arg_max(destination, (last_seen, destination)) AS destination,
    list_sort(list(DISTINCT destination)) AS destinations,
    arg_max(server_ip, last_seen) AS server_ip,
    CASE WHEN count(DISTINCT image) = 1 THEN max(image) END AS image,
    min(protocol) AS protocol,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen,
    len(list_distinct(flatten(list(days)))) AS days,
    sum(hits) AS hits,
    sum(bytes_out)::UBIGINT AS bytes_out,
    sum(bytes_in)::UBIGINT AS bytes_in,
    max(fleet_hosts) AS fleet_hosts,
    min(first_known) AS first_known,
    (SELECT count(*) FROM insider) AS hosts
FROM part
GROUP BY
    host_no,
    host_id,
    unit_kind,
    unit
HAVING sum(ticks) >= fewest_beats()
    -- What has one name only is told by that name; what has very many is a service of its own.
    AND (
        unit_kind = 'name'
        OR count(DISTINCT destination) BETWEEN 2 AND most_names_of_a_unit()
    )
