-- Tests of `show`, each of one column, against the variables sought (lower case) and as_child, as_host,
-- as_user and as_mail, the same behind a dot, a slash, a backslash and an at sign. A NULL is no match.

-- A name or a child of it.
CREATE OR REPLACE MACRO is_name(name) AS
    name = getvariable('sought') OR ends_with(name, getvariable('as_child'));

-- A name among several, such as a certificate's, whose wildcards name the domain.
CREATE OR REPLACE MACRO is_one_name(names) AS
    len(list_filter(names, lambda name: is_name(ltrim(lower(name), '*.')))) > 0;

-- An address, a hardware address, a hash or a fingerprint, as our columns write them.
CREATE OR REPLACE MACRO is_address(address) AS address = getvariable('sought');
CREATE OR REPLACE MACRO is_hash(digest) AS digest = getvariable('sought');
CREATE OR REPLACE MACRO is_fingerprint(fingerprint) AS fingerprint = getvariable('sought');
CREATE OR REPLACE MACRO is_answer(answers) AS list_contains(answers, getvariable('sought'));

-- A machine by the lake's name of it, and by what a record calls it.
CREATE OR REPLACE MACRO is_host(host_id) AS
    host_id = getvariable('sought') OR ends_with(host_id, getvariable('as_host'));
CREATE OR REPLACE MACRO is_machine(name) AS lower(name) = getvariable('sought');

-- An account, with or without its domain before or behind it.
CREATE OR REPLACE MACRO is_account(account) AS
    lower(account) = getvariable('sought')
    OR ends_with(lower(account), getvariable('as_user'))
    OR starts_with(lower(account), getvariable('sought') || '@');

-- A program or file by its path or the path's last part.
CREATE OR REPLACE MACRO is_program(path) AS
    lower(path) = getvariable('sought')
    OR ends_with(lower(path), getvariable('as_user'))
    OR ends_with(lower(path), getvariable('as_host'));

-- A command line that names the program or file.
CREATE OR REPLACE MACRO is_command(command) AS
    is_program(rtrim(command, '" '))
    OR contains(lower(command), getvariable('as_user') || '" ')
    OR contains(lower(command), getvariable('as_user') || ' ');

-- A mail address, or one of the domain.
CREATE OR REPLACE MACRO is_mail(address) AS
    address = getvariable('sought') OR ends_with(address, getvariable('as_mail'));
CREATE OR REPLACE MACRO is_recipient(addresses) AS
    len(list_filter(addresses, lambda address: is_mail(address))) > 0;
CREATE OR REPLACE MACRO is_attached(attachments) AS
    len(list_filter(attachments, lambda a: lower(a.name) = getvariable('sought'))) > 0;
CREATE OR REPLACE MACRO is_hash_attached(attachments) AS
    len(list_filter(attachments, lambda a:
        is_hash(a.md5) OR is_hash(a.sha256))) > 0;

-- Links to the name or a child of it.
CREATE OR REPLACE MACRO host_of_url(url) AS
    regexp_extract(lower(url), '^[a-z][a-z0-9+.-]*://([^/?#@]*@)?([^/:?#]+)', 2);
CREATE OR REPLACE MACRO is_linked(links) AS
    len(list_filter(links, lambda url: is_name(host_of_url(url)))) > 0;
