-- failure_answer(site, addresses, resolvers, domains, names, reason, is_sure)
-- Addresses with which failures are answered: a provider's search page, a filter's block page, a
-- sinkhole. Told by behaviour: many unrelated names that nobody asks for twice, one answer, and a sign
-- that there is no such name behind it. `reason` is the sign; it is not sure where only the labels tell,
-- since a crowded machine may hold made names. Reads dns_activity, tls_activity, role and public_suffix.
-- Cheap and rough: what answers few names goes before answers are compared as sets.
WITH busy AS (
    SELECT
        coalesce(site, '') AS site,
        list_min(answers) AS address
    FROM dns_activity
    WHERE query <> '' AND len(answers) BETWEEN 1 AND most_page_addresses()
    GROUP BY coalesce(site, ''), list_min(answers)
    HAVING approx_count_distinct(query) >= fewest_rewritten() // 2 AND is_any_address(list_min(answers))
),
crowded AS (
    SELECT
        busy.site,
        list_sort(list_distinct(dns_activity.answers)) AS addresses
    FROM dns_activity
    JOIN busy
        ON busy.site = coalesce(dns_activity.site, '') AND busy.address = list_min(dns_activity.answers)
    WHERE
        dns_activity.query <> ''
        AND len(dns_activity.answers) BETWEEN 1 AND most_page_addresses()
        AND coalesce(dns_activity.rcode, 'NOERROR') = 'NOERROR'
    GROUP BY busy.site, list_sort(list_distinct(dns_activity.answers))
    HAVING
        approx_count_distinct(dns_activity.query) >= fewest_rewritten() // 2
        AND list_bool_and(list_transform(addresses, lambda a: is_any_address(a)))
),
-- A proxy that stands for the whole web is asked for everything.
candidate AS (
    SELECT
        crowded.site,
        crowded.addresses
    FROM crowded
    ANTI JOIN role
        ON role.role = 'proxy' AND list_contains(crowded.addresses, role.address)
),
-- Not held: a flood of children of one domain is a row a child.
answered AS NOT MATERIALIZED (
    SELECT
        candidate.site,
        candidate.addresses,
        dns_activity.server_ip,
        dns_activity.host_id,
        dns_activity.time,
        dns_activity.query
    FROM dns_activity
    JOIN candidate
        ON candidate.site = coalesce(dns_activity.site, '')
        AND candidate.addresses = list_sort(list_distinct(dns_activity.answers))
    WHERE
        dns_activity.query <> ''
        AND len(dns_activity.answers) BETWEEN 1 AND most_page_addresses()
        AND coalesce(dns_activity.rcode, 'NOERROR') = 'NOERROR'
        AND NOT is_reverse_name(dns_activity.query)
),
-- A flood of children is one domain, which the others outvote; it is left out whole.
flood AS (
    SELECT
        site,
        addresses,
        parent_of(query) AS parent
    FROM answered
    GROUP BY site, addresses, parent_of(query)
    HAVING approx_count_distinct(query) > most_children()
),
asked AS (
    SELECT
        answered.site,
        answered.addresses,
        answered.query,
        count(DISTINCT answered.host_id) AS hosts,
        max(answered.time) - min(answered.time) AS lived,
        list_distinct(list(answered.server_ip)) AS resolvers
    FROM answered
    ANTI JOIN flood
        ON flood.site = answered.site
        AND flood.addresses = answered.addresses
        AND flood.parent = parent_of(answered.query)
    GROUP BY answered.site, answered.addresses, answered.query
),
fleet AS (
    SELECT
        coalesce(site, '') AS site,
        count(DISTINCT host_id) AS hosts
    FROM dns_activity
    GROUP BY coalesce(site, '')
),
named AS (
    SELECT
        asked.site,
        asked.addresses,
        asked.query,
        asked.resolvers,
        asked.lived <= rewritten_days()
        AND asked.hosts <= greatest(hosts_of_a_fault(), shared_part() * fleet.hosts) AS is_seldom,
        NOT contains(asked.query, '.') AS is_bare,
        unrelated_domain(split.registered_domain) AS domain,
        split.domain_label
    FROM asked
    JOIN fleet USING (site)
    LEFT JOIN registered_domains('asked') AS split ON split.query = asked.query
),
-- The same name failed in the same moment: for another type, or at another resolver. Hours apart it may
-- be the network that was down.
refused AS (
    SELECT DISTINCT
        answered.site,
        answered.query
    FROM dns_activity
    SEMI JOIN asked USING (query)
    JOIN answered
        ON answered.site = coalesce(dns_activity.site, '')
        AND answered.query = dns_activity.query
        AND answered.host_id = dns_activity.host_id
        AND abs(epoch(answered.time) - epoch(dns_activity.time)) <= epoch(lookup_gap())
    WHERE dns_activity.rcode = 'NXDOMAIN'
),
-- A session that names the name came to be: something answers there under it.
served AS (
    SELECT DISTINCT
        named.site,
        named.addresses,
        named.domain
    FROM tls_activity
    JOIN named
        ON named.query = tls_activity.sni
        AND named.site = coalesce(tls_activity.site, '')
        AND list_contains(named.addresses, tls_activity.server_ip)
    WHERE tls_activity.established
),
judged AS (
    SELECT
        named.site,
        named.addresses,
        list_sort(list_distinct(flatten(list(named.resolvers)))) AS resolvers,
        count(DISTINCT named.query) AS names,
        count(DISTINCT named.domain) AS domains,
        count(DISTINCT named.domain) FILTER (named.is_seldom) AS seldom,
        count(DISTINCT named.query) FILTER (named.is_bare) AS bare,
        count(DISTINCT refused.query) AS refused,
        count(DISTINCT served.domain) AS served,
        list_sort(list(DISTINCT named.domain_label))[:most_judged_labels()] AS labels
    FROM named
    LEFT JOIN refused ON refused.site = named.site AND refused.query = named.query
    LEFT JOIN served
        ON served.site = named.site
        AND served.addresses = named.addresses
        AND served.domain = named.domain
    GROUP BY named.site, named.addresses
    HAVING
        count(DISTINCT named.domain) >= fewest_rewritten()
        AND (
            count(DISTINCT named.domain) FILTER (named.is_seldom)
            >= seldom_share() * count(DISTINCT named.domain)
            OR is_nowhere(any_value(named.addresses))
        )
        AND count(DISTINCT served.domain) <= served_share() * count(DISTINCT named.domain)
),
-- What else is asked for once here: where failures are rewritten, hardly a name fails; where every name
-- has one answer, a portal or a proxy stands before the net.
elsewhere AS (
    SELECT
        coalesce(site, '') AS site,
        approx_count_distinct(query) FILTER (rcode = 'NXDOMAIN') AS failing,
        approx_count_distinct(query) FILTER (rcode = 'NOERROR' AND len(answers) > 0) AS answering
    FROM dns_activity
    WHERE
        coalesce(site, '') IN (SELECT site FROM judged)
        AND contains(query, '.')
        AND NOT fails_by_design(query)
    GROUP BY coalesce(site, '')
),
grade AS (
    SELECT
        label,
        greatest(label_grade.letter_odds, label_grade.word_odds) > 0 AS is_made
    FROM (
        SELECT
            label,
            grade_of(label) AS grade
        FROM (SELECT DISTINCT unnest(labels) AS label FROM judged)
        WHERE label IS NOT NULL
    )
    JOIN label_grade USING (grade)
),
made AS (
    SELECT
        site,
        addresses,
        avg(is_made::INTEGER) AS share
    FROM (
        SELECT
            site,
            addresses,
            unnest(labels) AS label
        FROM judged
    )
    JOIN grade USING (label)
    GROUP BY site, addresses
),
signed AS (
    SELECT
        judged.site,
        judged.addresses,
        judged.resolvers,
        judged.domains,
        judged.names,
        CASE
            WHEN is_nowhere(judged.addresses) THEN 'nowhere'
            WHEN judged.bare >= fewest_bare() THEN 'bare names'
            WHEN judged.refused >= fewest_refused() THEN 'fails elsewhere'
            WHEN
                elsewhere.failing < rare_failures() * judged.names
                AND judged.names >= rewritten_part() * elsewhere.answering
                AND elsewhere.answering - judged.names >= fewest_rewritten()
                THEN 'nothing fails'
            WHEN judged.domains >= fewest_made() AND made.share >= made_share() THEN 'made labels'
        END AS reason
    FROM judged
    JOIN elsewhere USING (site)
    LEFT JOIN made ON made.site = judged.site AND made.addresses = judged.addresses
)
SELECT
    site,
    addresses,
    resolvers,
    domains,
    names,
    reason,
    reason <> 'made labels' AS is_sure
FROM signed
WHERE reason IS NOT NULL
