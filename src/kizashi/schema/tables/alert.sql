-- A finding of another product, a sensor's notice, a sandbox verdict. OCSF: Detection Finding.
CREATE TABLE alert (
    product VARCHAR,     -- who says so
    rule VARCHAR,        -- its rule or signature
    title VARCHAR,       -- what it says, at most 998 characters
    severity VARCHAR,    -- in its own words
    category VARCHAR,    -- in its own words
    uid VARCHAR,         -- the sensor's connection id
    client_port USMALLINT, -- port of client_ip
    server_ip VARCHAR,   -- other end
    server_port USMALLINT, -- its port
    file_name VARCHAR,   -- file judged
    image VARCHAR,       -- program that acted, where the record names one
    sha256 VARCHAR,      -- lower-case hex
    url VARCHAR,         -- URL judged
    "user" VARCHAR,      -- account
    disposition VARCHAR  -- allowed, blocked
);
