-- egress_name(query): names in connections outside.
SELECT DISTINCT name AS query
FROM outward
WHERE contains(name, '.') AND NOT is_any_address(name)
