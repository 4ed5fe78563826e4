-- A logon, logoff, ticket or sign-in. OCSF: Authentication.
CREATE TABLE authentication (
    activity VARCHAR,        -- logon, logoff, ticket, explicit, special
    success BOOLEAN,         -- it succeeded
    "user" VARCHAR,          -- account that signed in
    domain VARCHAR,          -- its domain or tenant
    logon_type USMALLINT,    -- Windows logon type
    logon_id VARCHAR,        -- session made, hex
    protocol VARCHAR,        -- NTLM, Kerberos, OAuth2 ...
    status VARCHAR,          -- result code as logged
    workstation VARCHAR,     -- caller's machine as logged
    server_ip VARCHAR,       -- machine signed in to, for records of a sensor
    target_server VARCHAR,   -- machine or service signed in to
    caller_user VARCHAR,     -- account that asked, where it differs
    process_id UINTEGER,     -- calling process
    image VARCHAR            -- its program file
);
