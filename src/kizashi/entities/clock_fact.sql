-- clock_fact(clock_a, clock_b, kind, key, time_a, time_b, difference_s, delay_spread_s,
--            evidence_a, evidence_b)
-- One thing that two clocks timed. kind: tuple (addresses and ports of a connection), name (a look-up
-- of a host), record (two clocks in one record). clock_b is the one to go by: a sensor before an
-- endpoint, an exporter before Sysmon's own clock. difference_s = time_a - time_b. Tuples are TCP only:
-- a connect sends its first packet at once, while a UDP socket may wait ten seconds for it.
-- delay_spread_s: for records, how much longer some took to write than others around that time.
-- Reads network_activity, dns_activity, process_activity.
WITH endpoint_connection AS (
    SELECT
        site,
        client_ip,
        client_port,
        server_ip,
        server_port,
        transport,
        clock_id,
        time,
        CASE
            WHEN time_alt IS NOT NULL AND process_guid IS NOT NULL THEN sysmon_network_clock(device)
        END AS clock_alt,
        time_alt,
        file_id,
        record_no
    FROM network_activity
    WHERE vantage = 'endpoint'
        AND transport = 'tcp'
        AND client_port IS NOT NULL
        AND server_port IS NOT NULL
        AND is_own_address(client_ip)
        AND is_own_address(server_ip)
),
sensor_connection AS (
    SELECT
        site,
        client_ip,
        client_port,
        server_ip,
        server_port,
        transport,
        clock_id,
        time,
        vantage,
        file_id,
        record_no
    FROM network_activity
    SEMI JOIN endpoint_connection USING (client_ip, client_port, server_ip, server_port)
    WHERE vantage <> 'endpoint'
        AND transport = 'tcp'
),
connection AS (
    SELECT
        site,
        client_ip,
        client_port,
        server_ip,
        server_port,
        transport,
        clock_id,
        time,
        clock_rank('endpoint') AS rank,
        file_id,
        record_no
    FROM endpoint_connection
    UNION ALL
    SELECT
        site,
        client_ip,
        client_port,
        server_ip,
        server_port,
        transport,
        clock_alt,
        time_alt,
        clock_rank('endpoint') + 1,
        file_id,
        record_no
    FROM endpoint_connection
    WHERE clock_alt IS NOT NULL
    UNION ALL
    SELECT
        site,
        client_ip,
        client_port,
        server_ip,
        server_port,
        transport,
        clock_id,
        time,
        clock_rank(vantage),
        file_id,
        record_no
    FROM sensor_connection
),
endpoint_lookup AS (
    SELECT
        site,
        host_id,
        query,
        clock_id,
        time,
        CASE
            WHEN time_alt IS NOT NULL AND process_guid IS NOT NULL THEN sysmon_network_clock(device)
        END AS clock_alt,
        time_alt,
        file_id,
        record_no
    FROM dns_activity
    WHERE vantage = 'endpoint'
        AND query <> ''
),
lookup AS (
    SELECT
        site,
        host_id,
        query,
        clock_id,
        time,
        clock_rank('endpoint') AS rank,
        file_id,
        record_no
    FROM endpoint_lookup
    UNION ALL
    SELECT
        site,
        host_id,
        query,
        clock_alt,
        time_alt,
        clock_rank('endpoint') + 1,
        file_id,
        record_no
    FROM endpoint_lookup
    WHERE clock_alt IS NOT NULL
    UNION ALL
    -- A and AAAA of one look-up are one fact of the sensor: the first of them.
    SELECT
        site,
        host_id,
        query,
        clock_id,
        min(time),
        min(clock_rank(vantage)),
        min_by(file_id, time),
        min_by(record_no, time)
    FROM dns_activity
    SEMI JOIN endpoint_lookup USING (host_id, query)
    WHERE vantage <> 'endpoint'
    GROUP BY
        site,
        host_id,
        query,
        clock_id,
        time_bucket(lookup_gap(), time)
),
reading AS (
    SELECT
        'tuple' AS kind,
        concat_ws(
            '|', site, transport, client_ip, client_port, server_ip, server_port
        ) AS key,
        clock_id,
        rank,
        time,
        {'file_id': file_id, 'record_no': record_no} AS evidence
    FROM connection
    WHERE time IS NOT NULL
        AND clock_id IS NOT NULL
    UNION ALL
    SELECT
        'name',
        concat_ws('|', host_id, query),
        clock_id,
        rank,
        time,
        {'file_id': file_id, 'record_no': record_no}
    FROM lookup
    WHERE time IS NOT NULL
        AND clock_id IS NOT NULL
),
rare AS (
    SELECT *
    FROM reading
    QUALIFY count(*) OVER (PARTITION BY kind, key, clock_id) <= most_repeats()
),
met AS (
    SELECT
        a.clock_id AS clock_a,
        b.clock_id AS clock_b,
        a.kind,
        a.key,
        a.time AS time_a,
        b.time AS time_b,
        a.evidence AS evidence_a,
        b.evidence AS evidence_b
    FROM rare AS a
    JOIN rare AS b
        ON b.kind = a.kind
        AND b.key = a.key
        AND (b.rank < a.rank OR (b.rank = a.rank AND b.clock_id < a.clock_id))
    -- Two clocks of one device are compared record by record, below.
    WHERE a.rank = b.rank OR b.rank < clock_rank('endpoint')
    QUALIFY row_number() OVER (
        PARTITION BY a.clock_id, b.clock_id, date_trunc('hour', a.time)
        ORDER BY md5_number_lower(a.key), a.time, b.time
    ) <= facts_an_hour()
),
-- Only Sysmon gives a process_guid; another product's time_alt is when a collector got the record.
two_clocks AS (
    SELECT
        sysmon_network_clock(device) AS clock_a,
        clock_id AS clock_b,
        time_alt,
        time,
        file_id,
        record_no
    FROM network_activity
    WHERE vantage = 'endpoint'
        AND time_alt IS NOT NULL
        AND process_guid IS NOT NULL
    UNION ALL
    SELECT
        sysmon_network_clock(device),
        clock_id,
        time_alt,
        time,
        file_id,
        record_no
    FROM dns_activity
    WHERE vantage = 'endpoint'
        AND time_alt IS NOT NULL
        AND process_guid IS NOT NULL
    UNION ALL
    SELECT
        sysmon_clock(device),
        clock_id,
        time_alt,
        time,
        file_id,
        record_no
    FROM process_activity
    WHERE vantage = 'endpoint'
        AND time_alt IS NOT NULL
        AND process_guid IS NOT NULL
),
-- The record is written after the event, never before: the smallest delay of a slot is nearest.
in_record AS (
    SELECT
        clock_a,
        clock_b,
        time_bucket(lookup_gap(), time_alt) AS slot,
        min({
            'delay': time - time_alt,
            'time_a': time_alt,
            'time_b': time,
            'file_id': file_id,
            'record_no': record_no
        }) AS nearest,
        (max(epoch_us(time - time_alt)) - min(epoch_us(time - time_alt))) / 1000000.0
            AS delay_spread_s
    FROM two_clocks
    WHERE clock_b IS NOT NULL
        AND time IS NOT NULL
    GROUP BY
        clock_a,
        clock_b,
        time_bucket(lookup_gap(), time_alt)
),
fact AS (
    SELECT
        clock_a,
        clock_b,
        kind,
        key,
        time_a,
        time_b,
        0 AS delay_spread_s,
        evidence_a,
        evidence_b
    FROM met
    UNION ALL
    SELECT
        clock_a,
        clock_b,
        'record',
        slot::VARCHAR,
        nearest.time_a,
        nearest.time_b,
        delay_spread_s,
        {'file_id': nearest.file_id, 'record_no': nearest.record_no},
        {'file_id': nearest.file_id, 'record_no': nearest.record_no}
    FROM in_record
)
SELECT
    clock_a,
    clock_b,
    kind,
    key,
    time_a,
    time_b,
    (epoch_us(time_a) - epoch_us(time_b)) / 1000000.0::DOUBLE AS difference_s,
    delay_spread_s::DOUBLE AS delay_spread_s,
    evidence_a,
    evidence_b
FROM fact
ORDER BY
    clock_a,
    clock_b,
    time_a,
    kind,
    key,
    time_b
