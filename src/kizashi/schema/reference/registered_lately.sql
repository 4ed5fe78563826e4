-- Domains that a feed calls newly registered.
CREATE TABLE registered_lately (
    domain VARCHAR,   -- lower case
    registered DATE   -- when, where the feed says
);
