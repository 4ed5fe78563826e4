-- Whether a row is of the host and site that the page is about.
CREATE OR REPLACE MACRO is_of_page(site, host_id) AS
    (getvariable('page_site') IS NULL OR coalesce(site, '') = getvariable('page_site'))
    AND (
        getvariable('page_host') IS NULL
        OR lower(host_id) = getvariable('page_host')
        OR ends_with(lower(host_id), '/' || getvariable('page_host'))
    );

-- How many fresh failed names are too many where so many are expected.
CREATE OR REPLACE MACRO upper_edge(expected) AS
    expected + getvariable('edge_width') * sqrt(expected + expected * expected);
