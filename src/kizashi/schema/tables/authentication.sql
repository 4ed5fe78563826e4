-- A logon, logoff, ticket, sign-in, or a step of one. OCSF: Authentication.
CREATE TABLE authentication (
    activity VARCHAR,        -- logon, logoff, ticket, explicit, special, prompt (a second factor was asked), policy, report (the person did)
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
    image VARCHAR,           -- its program file
    application VARCHAR,     -- client application that signed in, as a cloud service names it
    application_id VARCHAR,  -- its id
    user_agent VARCHAR,      -- client
    device_id VARCHAR,       -- the client's device, as a cloud service knows it
    session_id VARCHAR,      -- session of a cloud service; its tokens share it
    assigned_ip VARCHAR,     -- address inside that the session was given, as by a VPN gateway
    country VARCHAR,         -- where client_ip is, as the service says: code or name
    latitude DOUBLE,         -- the same, degrees
    longitude DOUBLE,        -- the same, degrees
    asn UINTEGER,            -- number of the network that client_ip belongs to
    mfa VARCHAR,             -- second factor: passed, denied, timeout, fraud, phishing, failed
    risk VARCHAR,            -- the service's own verdict: none, low, medium, high
    risk_state VARCHAR,      -- what became of that verdict, as logged
    anonymous BOOLEAN,       -- the service calls client_ip a proxy or anonymiser
    behaviours VARCHAR       -- what the service calls new for this account, as logged
);
