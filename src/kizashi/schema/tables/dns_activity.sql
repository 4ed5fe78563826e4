-- One DNS message pair, or the half of it that was logged. OCSF: DNS Activity.
CREATE TABLE dns_activity (
    uid VARCHAR,             -- the sensor's connection id
    client_port USMALLINT,   -- port of client_ip
    server_ip VARCHAR,       -- server that was asked
    server_port USMALLINT,   -- its port
    transport VARCHAR,       -- udp, tcp, tls, https, quic
    transaction_id USMALLINT, -- DNS header id
    query VARCHAR,           -- name asked, lower case, without the final dot
    query_type VARCHAR,      -- A, AAAA, SRV ...
    rcode VARCHAR,           -- NOERROR, NXDOMAIN, SERVFAIL ...; NULL when no response was logged
    answers VARCHAR[],       -- addresses and names answered, in order
    ttl_s UINTEGER[],        -- time to live of each answer, seconds
    rtt_ms FLOAT,            -- response time in milliseconds
    process_guid VARCHAR,    -- asking process, where the endpoint says
    process_id UINTEGER,     -- its pid
    image VARCHAR,           -- its program file
    "user" VARCHAR,          -- its account, as logged
    disposition VARCHAR      -- allowed, blocked, sinkholed, rewritten
);
