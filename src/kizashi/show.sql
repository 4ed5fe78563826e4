-- What a lake knows of one thing (variables `sought`, lower case, and `as_child`, the same after a dot):
-- a name with its children, an address, a host, a user, a program, a file or a hash.
-- day, what, host, process, user, said and answer, with how often, the first and the last time.
WITH fact AS (
    SELECT
        time,
        host_id,
        'dns ' || coalesce(rcode, 'no answer logged') AS what,
        image,
        "user",
        query AS said,
        array_to_string(answers[:5], ', ') AS answer
    FROM dns_activity
    WHERE query = getvariable('sought')
        OR ends_with(query, getvariable('as_child'))
        OR list_contains(answers, getvariable('sought'))
        OR is_about(host_id, client_ip, image, "user")
    UNION ALL
    SELECT
        time,
        host_id,
        'http ' || coalesce(method, 'request'),
        image,
        "user",
        coalesce(host, server_ip) || coalesce(split_part(uri, '?', 1)[:120], ''),
        concat_ws(' ', status_code, server_ip)
    FROM http_activity
    WHERE host = getvariable('sought')
        OR ends_with(host, getvariable('as_child'))
        OR server_ip = getvariable('sought')
        OR is_about(host_id, client_ip, image, "user")
    UNION ALL
    SELECT
        time,
        host_id,
        'tls',
        NULL,
        NULL,
        coalesce(sni, server_ip),
        concat_ws(' ', server_ip, validation)
    FROM tls_activity
    WHERE sni = getvariable('sought')
        OR ends_with(sni, getvariable('as_child'))
        OR server_ip = getvariable('sought')
        OR is_about(host_id, client_ip, NULL, NULL)
    UNION ALL
    SELECT
        time,
        host_id,
        'connection',
        image,
        "user",
        coalesce(server_name, address_and_port(server_ip, server_port)),
        concat_ws(' ', state, disposition)
    FROM network_activity
    WHERE server_ip = getvariable('sought')
        OR server_name = getvariable('sought')
        OR ends_with(server_name, getvariable('as_child'))
        OR is_about(host_id, client_ip, image, "user")
    UNION ALL
    SELECT
        time,
        host_id,
        'process ' || activity,
        image,
        "user",
        coalesce(target_image, command_line[:200]),
        parent_image
    FROM process_activity
    WHERE md5 = getvariable('sought')
        OR sha256 = getvariable('sought')
        OR is_program(parent_image)
        OR is_about(host_id, client_ip, image, "user")
    UNION ALL
    SELECT
        time,
        host_id,
        'file ' || activity,
        image,
        "user",
        path,
        NULL
    FROM file_activity
    WHERE is_program(path)
        OR md5 = getvariable('sought')
        OR sha256 = getvariable('sought')
        OR is_about(host_id, client_ip, image, "user")
    UNION ALL
    SELECT
        time,
        host_id,
        'file on the wire',
        NULL,
        NULL,
        coalesce(file_name, mime_type),
        server_ip
    FROM network_file_activity
    WHERE md5 = getvariable('sought')
        OR sha1 = getvariable('sought')
        OR sha256 = getvariable('sought')
        OR server_ip = getvariable('sought')
        OR is_program(file_name)
        OR is_about(host_id, client_ip, NULL, NULL)
    UNION ALL
    SELECT
        time,
        host_id,
        'registry ' || activity,
        image,
        "user",
        key_path,
        value_data[:120]
    FROM registry_activity
    WHERE is_about(host_id, client_ip, image, "user")
        OR is_program(value_data)
    UNION ALL
    SELECT
        time,
        host_id,
        'task ' || activity,
        NULL,
        "user",
        task_name,
        concat_ws(' ', command, arguments)[:200]
    FROM scheduled_job_activity
    WHERE is_program(command)
        OR is_program(task_name)
        OR is_about(host_id, client_ip, NULL, "user")
    UNION ALL
    SELECT
        time,
        host_id,
        'service ' || activity,
        NULL,
        "user",
        service_name,
        image_path
    FROM service_activity
    WHERE is_program(image_path)
        OR lower(service_name) = getvariable('sought')
        OR is_about(host_id, client_ip, NULL, "user")
    UNION ALL
    SELECT
        time,
        host_id,
        activity || CASE WHEN success THEN '' WHEN NOT success THEN ' failed' ELSE '' END,
        image,
        "user",
        coalesce(target_server, server_ip),
        concat_ws(' ', 'from', workstation, client_ip)
    FROM authentication
    WHERE server_ip = getvariable('sought')
        OR lower(workstation) = getvariable('sought')
        OR lower(target_server) = getvariable('sought')
        OR is_about(host_id, client_ip, image, "user")
    UNION ALL
    SELECT
        time,
        host_id,
        'mail',
        NULL,
        array_to_string(to_addresses[:3], ', '),
        subject,
        from_address
    FROM email_activity
    WHERE from_address = getvariable('sought')
        OR return_path = getvariable('sought')
        OR reply_to = getvariable('sought')
        OR ends_with(from_address, '@' || getvariable('sought'))
        OR list_contains(to_addresses, getvariable('sought'))
        OR sender_ip = getvariable('sought')
        OR len(list_filter(attachments, lambda a:
            a.md5 = getvariable('sought')
            OR a.sha256 = getvariable('sought')
            OR lower(a.name) = getvariable('sought')
        )) > 0
        OR len(list_filter(links, lambda url:
            host_of_url(url) = getvariable('sought')
            OR ends_with(host_of_url(url), getvariable('as_child'))
        )) > 0
    UNION ALL
    SELECT
        time,
        host_id,
        'alert ' || coalesce(product, ''),
        NULL,
        "user",
        coalesce(title, rule),
        coalesce(server_ip, file_name)
    FROM alert
    WHERE server_ip = getvariable('sought')
        OR sha256 = getvariable('sought')
        OR is_program(file_name)
        OR is_about(host_id, client_ip, NULL, "user")
    UNION ALL
    SELECT
        time,
        host_id,
        'address given',
        NULL,
        NULL,
        client_ip,
        NULL
    FROM dhcp_activity
    WHERE is_about(host_id, client_ip, NULL, NULL)
)
SELECT
    time::DATE AS day,
    what,
    host_id AS host,
    image AS process,
    "user",
    said,
    answer,
    count(*) AS times,
    min(time) AS first_seen,
    max(time) AS last_seen
FROM fact
GROUP BY
    ALL
ORDER BY
    first_seen,
    what,
    said
