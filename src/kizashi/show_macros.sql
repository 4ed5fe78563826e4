-- Tests of `show` against the variables sought, as_child, as_host and as_user; a NULL is no match.

-- A path or command line that names the program or file.
CREATE OR REPLACE MACRO is_program(path) AS
    coalesce(
        lower(path) = getvariable('sought')
        OR ends_with(rtrim(lower(path), '" '), getvariable('as_user'))
        OR contains(lower(path), getvariable('as_user') || '" ')
        OR contains(lower(path), getvariable('as_user') || ' '),
        false
    );

-- The machine, its address, the acting program or the account.
CREATE OR REPLACE MACRO is_about(host_id, client_ip, image, account) AS
    host_id = getvariable('sought')
    OR ends_with(host_id, getvariable('as_host'))
    OR client_ip = getvariable('sought')
    OR coalesce(
        lower(image) = getvariable('sought')
        OR ends_with(lower(image), getvariable('as_user'))
        OR lower(account) = getvariable('sought')
        OR ends_with(lower(account), getvariable('as_user'))
        OR starts_with(lower(account), getvariable('sought') || '@'),
        false
    );

-- Host name of a URL, lower case, without port and account.
CREATE OR REPLACE MACRO host_of_url(url) AS
    regexp_extract(lower(url), '^[a-z][a-z0-9+.-]*://([^/?#@]*@)?([^/:?#]+)', 2);
