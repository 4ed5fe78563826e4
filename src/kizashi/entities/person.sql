-- person(name, person, domain)
-- Who stands behind the names of an account: mail address, UPN, DOMAIN\account and display name, all
-- lower case. `person` is the address that stands for all of them, else the name itself; `domain` is
-- whose organisation the address is of. Addresses with one local part are one person where their
-- domains share the label that the organisation chose, as in acme.example and acme.onmicrosoft.com.
-- A bare or Windows account, and a display name, join an own person only where one alone fits.
-- Reads authentication, account_change, consent_activity, web_resource_activity, process_activity and
-- email_activity.
WITH account AS (
    SELECT "user" AS name FROM authentication
    UNION
    SELECT "user" FROM account_change
    UNION
    SELECT actor FROM account_change
    UNION
    SELECT "user" FROM consent_activity
    UNION
    SELECT "user" FROM web_resource_activity
),
heard AS (
    SELECT
        lower(trim(name)) AS name,
        true AS signs_in
    FROM account
    UNION
    SELECT
        lower("user"),
        false
    FROM process_activity
    UNION
    SELECT
        lower(unnest(to_addresses)),
        false
    FROM email_activity
),
named AS (
    SELECT
        name,
        bool_or(signs_in) AS signs_in,
        regexp_full_match(name, '[^@\s\\]+@[^@\s\\]+') AS is_address,
        split_part(split_part(name, '\', -1), '@', 1) AS account,
        chosen_label(split_part(name, '@', 2)) AS label
    FROM heard
    WHERE name <> '' AND NOT ends_with(name, '$')
    GROUP BY name
),
-- Own are the organisations whose accounts sign in; without such logs, those that much mail is for.
mailed AS (
    SELECT
        label,
        count(*) AS mails
    FROM (
        SELECT chosen_label(split_part(unnest(to_addresses), '@', -1)) AS label
        FROM email_activity
    )
    GROUP BY label
),
signing AS (
    SELECT DISTINCT label
    FROM named
    WHERE is_address AND signs_in
),
own AS (
    FROM signing
    UNION
    SELECT label
    FROM mailed
    WHERE
        mails >= own_share() * (SELECT sum(mails) FROM mailed)
        AND NOT EXISTS (FROM signing)
),
address AS (
    SELECT
        name,
        account,
        label,
        first_value(name) OVER (
            PARTITION BY
                account,
                label
            ORDER BY
                ends_with(name, '.onmicrosoft.com'),
                length(name),
                name
        ) AS person
    FROM named
    WHERE is_address
),
sole AS (
    SELECT
        account,
        any_value(person) AS person
    FROM address
    WHERE label IN (SELECT label FROM own)
    GROUP BY account
    HAVING count(DISTINCT person) = 1
),
shown AS (
    SELECT
        lower(trim(from_name)) AS name,
        any_value(address.person) AS person
    FROM email_activity
    JOIN address ON address.name = lower(from_address)
    WHERE
        address.label IN (SELECT label FROM own)
        AND trim(from_name) <> ''
        AND NOT contains(from_name, '@')
    GROUP BY lower(trim(from_name))
    HAVING count(DISTINCT address.person) = 1
),
joined AS (
    SELECT
        named.name,
        coalesce(address.person, sole.person, shown.person, named.name) AS person
    FROM named
    LEFT JOIN address ON address.name = named.name
    LEFT JOIN sole
        ON NOT named.is_address
        AND sole.account = named.account
        AND NOT is_shared_account(named.account)
    LEFT JOIN shown ON NOT named.is_address AND shown.name = named.name
    UNION
    SELECT
        name,
        person
    FROM shown
    WHERE name NOT IN (SELECT named.name FROM named)
)
SELECT
    name,
    person,
    nullif(split_part(person, '@', 2), '') AS domain
FROM joined
