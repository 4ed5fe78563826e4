-- What failures are answered with is nobody's address: no signal names it as where a host went.
UPDATE signal
SET server_ip = NULL
WHERE EXISTS (
    SELECT 1
    FROM failure_answer
    WHERE
        failure_answer.site = coalesce(signal.site, '')
        AND list_contains(failure_answer.addresses, signal.server_ip)
);
-- The same with its port, as destinations without a name are written.
UPDATE signal
SET destination = NULL
WHERE EXISTS (
    SELECT 1
    FROM failure_answer
    WHERE
        failure_answer.site = coalesce(signal.site, '')
        AND list_bool_or(list_transform(
            failure_answer.addresses,
            lambda a: signal.destination = a
                OR starts_with(signal.destination, a || ':')
                OR starts_with(signal.destination, '[' || a || ']')))
);
