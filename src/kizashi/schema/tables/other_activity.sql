-- A readable record for which there is no table yet.
CREATE TABLE other_activity (
    provider VARCHAR,    -- product or event provider
    type VARCHAR,        -- log type or channel and event id
    uid VARCHAR,         -- the sensor's connection id
    server_ip VARCHAR,   -- other end, where the record has one
    "user" VARCHAR,      -- account, where the record has one
    fields VARCHAR       -- the record's fields as JSON, at most 65,536 characters
);
