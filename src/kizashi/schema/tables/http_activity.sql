-- One HTTP request with its response. OCSF: HTTP Activity.
CREATE TABLE http_activity (
    uid VARCHAR,               -- the sensor's connection id
    client_port USMALLINT,     -- port of client_ip
    server_ip VARCHAR,         -- address that answered
    server_port USMALLINT,     -- its port
    method VARCHAR,            -- GET, POST, CONNECT ...
    host VARCHAR,              -- Host header, lower case, port cut off
    uri VARCHAR,               -- request target
    referrer VARCHAR,          -- Referer header
    user_agent VARCHAR,        -- User-Agent header
    cookie VARCHAR,            -- Cookie header, as logged
    header_names VARCHAR[],    -- names of the request's headers, in the order sent
    request_body_bytes UBIGINT,  -- length of the request body
    response_body_bytes UBIGINT, -- length of the response body
    status_code USMALLINT,          -- response status
    request_mime VARCHAR,      -- media type of the request body, as the sensor saw it
    response_mime VARCHAR,     -- media type of the response body, as the sensor saw it
    file_uids VARCHAR[],       -- sensor's ids of the files carried
    forwarded_for VARCHAR,     -- the client that a proxy asked for, as it said: the last of X-Forwarded-For
    proxied BOOLEAN,           -- true when the request went to or came through a proxy
    process_guid VARCHAR,      -- requesting process, where known
    process_id UINTEGER,       -- its pid
    image VARCHAR,             -- its program file
    "user" VARCHAR,            -- account, as logged
    disposition VARCHAR,       -- allowed, blocked, sinkholed, rewritten
    is_open BOOLEAN            -- logged before the exchange ended; a later row of the same uid replaces it
);
