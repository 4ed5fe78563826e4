-- Stand-in for the lake's derived views, until kizashi.lake.derived is there.
CREATE VIEW split_name AS FROM registered_domains('dns_activity');
CREATE VIEW dns_fact AS
SELECT
    site, host_id, any_value(bucket) AS bucket, min(time) AS time, query,
    any_value(registered_domain) AS registered_domain,
    coalesce(bool_or(rcode = 'NXDOMAIN'), false) AS failed, max(rcode) AS rcode,
    list_sort(list_distinct(list(query_type))) AS query_types,
    flatten(list(coalesce(answers, []))) AS answers,
    max(process_guid) AS process_guid, max(image) AS image,
    count(DISTINCT vantage)::INTEGER AS witnesses,
    arg_min({'file_id': file_id, 'record_no': record_no}, (time, record_no)) AS evidence
FROM dns_activity JOIN split_name USING (query)
GROUP BY site, host_id, query, time_bucket(INTERVAL 5 SECOND, time);
CREATE VIEW name AS
SELECT
    query, registered_domain, split_part(coalesce(registered_domain, query), '.', 1) AS label,
    min(time) AS first_seen, max(time) AS last_seen,
    count(DISTINCT site || host_id)::UINTEGER AS hosts, count(*)::UBIGINT AS lookups,
    count(*) FILTER (failed)::UBIGINT AS failures
FROM dns_fact GROUP BY query, registered_domain;
CREATE VIEW contact AS
SELECT
    site, host_id, coalesce(host, server_ip) AS destination, any_value(server_ip) AS server_ip,
    image, time::DATE AS day, 'http' AS protocol, min(time) AS first_seen, max(time) AS last_seen,
    count(*)::UINTEGER AS hits,
    list((epoch(time) % 86400)::UINTEGER ORDER BY time) AS times,
    sum(request_body_bytes)::UBIGINT AS bytes_out, sum(response_body_bytes)::UBIGINT AS bytes_in
FROM http_activity GROUP BY ALL;
CREATE VIEW seen AS
SELECT site, host_id, time FROM dns_activity UNION ALL
SELECT site, host_id, time FROM http_activity UNION ALL
SELECT site, host_id, time FROM network_activity UNION ALL
SELECT site, host_id, time FROM process_activity;
CREATE VIEW uptime AS
SELECT
    site, host_id, time::DATE AS day,
    list_sort(list_distinct(list((epoch(time) % 86400 // 300)::USMALLINT))) AS bins
FROM seen GROUP BY ALL;
CREATE VIEW baseline AS
SELECT
    site, host_id, (dayofweek(time) * 24 + hour(time))::UTINYINT AS hour_of_week,
    count(*)::UBIGINT AS lookups, count(*) FILTER (failed)::UBIGINT AS failures,
    count(DISTINCT time::DATE)::UINTEGER AS days
FROM dns_fact GROUP BY ALL;
CREATE VIEW lease AS
SELECT
    ''::VARCHAR AS site, ''::VARCHAR AS client_ip, ''::VARCHAR AS device, ''::VARCHAR AS mac,
    ''::VARCHAR AS "user", now()::TIMESTAMP AS first_seen, now()::TIMESTAMP AS last_seen,
    1.0::DOUBLE AS confidence
WHERE false;
CREATE VIEW clock_offset AS
SELECT
    ''::VARCHAR AS clock_a, ''::VARCHAR AS clock_b, now()::TIMESTAMP AS from_time,
    now()::TIMESTAMP AS to_time, 0.0::DOUBLE AS offset_s, 0.0::DOUBLE AS uncertainty_s,
    0::UINTEGER AS facts
WHERE false;
