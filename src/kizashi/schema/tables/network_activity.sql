-- One connection or flow. OCSF: Network Activity.
CREATE TABLE network_activity (
    uid VARCHAR,             -- the sensor's connection id
    client_port USMALLINT,   -- port of client_ip
    server_ip VARCHAR,       -- address of the responder
    server_port USMALLINT,   -- its port
    server_name VARCHAR,     -- its name, where the record gives one
    transport VARCHAR,       -- tcp, udp, icmp
    service VARCHAR,         -- application protocol, as the sensor saw it
    duration_s DOUBLE,       -- length in seconds
    bytes_out UBIGINT,       -- payload from client to server
    bytes_in UBIGINT,        -- payload from server to client
    packets_out UBIGINT,     -- packets from client to server
    packets_in UBIGINT,      -- packets from server to client
    state VARCHAR,           -- connection state, Zeek's conn_state words
    history VARCHAR,         -- Zeek's history letters
    client_mac VARCHAR,      -- hardware address of the client, lower case with colons
    initiated BOOLEAN,       -- this device began the connection; false also for a flow that tells the way back
    process_guid VARCHAR,    -- process, where the endpoint says
    process_id UINTEGER,     -- its pid
    image VARCHAR,           -- its program file
    "user" VARCHAR,          -- its account, as logged
    disposition VARCHAR,     -- allowed, blocked
    is_open BOOLEAN          -- logged before the connection ended; a later row of the same uid replaces it
);
