-- One TLS or QUIC handshake. OCSF: Network Activity with TLS.
CREATE TABLE tls_activity (
    uid VARCHAR,             -- the sensor's connection id
    client_port USMALLINT,   -- port of client_ip
    server_ip VARCHAR,       -- address of the server
    server_port USMALLINT,   -- its port
    version VARCHAR,         -- protocol version
    cipher VARCHAR,          -- cipher suite
    sni VARCHAR,             -- server name asked for, lower case
    established BOOLEAN,     -- handshake finished
    resumed BOOLEAN,         -- session resumed
    alpn VARCHAR,            -- next protocol
    ja3 VARCHAR,             -- client fingerprint as the sensor wrote it
    ja3s VARCHAR,            -- server fingerprint as the sensor wrote it
    ja4 VARCHAR,             -- client fingerprint as the sensor wrote it
    subject VARCHAR,         -- subject of the server certificate
    issuer VARCHAR,          -- its issuer
    validation VARCHAR,      -- the sensor's validation result
    certificate VARCHAR,     -- the server certificate's fingerprint or file id, as certificate_activity has it
    not_before TIMESTAMP,    -- from when it is valid, UTC
    not_after TIMESTAMP,     -- until when
    certificate_names VARCHAR[], -- its alternative names
    is_open BOOLEAN          -- logged before the connection ended; a later row of the same uid replaces it
);
