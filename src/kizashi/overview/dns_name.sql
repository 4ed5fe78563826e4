-- dns_name: what each name brings to the hours in which it is asked for. Reads name and registered_lately.
SELECT
    name.query,
    name.first_seen,
    name.domain_label IS NOT NULL AS is_registrable,
    length(name.domain_label) AS label_length,
    is_odd_label(name.domain_label)::INTEGER AS is_odd,
    registered_lately.registered,
    registered_lately.domain IS NOT NULL AS is_listed
FROM name
LEFT JOIN registered_lately ON registered_lately.domain = name.registered_domain
