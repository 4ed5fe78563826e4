-- What is looked for by its value: hunt --indicators.
CREATE TABLE indicator (
    kind VARCHAR,          -- name, address, network, url, hash, mail, file
    value VARCHAR,         -- as logs write it, lower case
    low HUGEINT,           -- network of IPv4: its first address as a number
    high HUGEINT,          -- and its last
    said VARCHAR,          -- as the file wrote it
    title VARCHAR,         -- what the file says it is
    known_from TIMESTAMP,  -- since when, UTC
    known_until TIMESTAMP  -- until when its source vouches for it, UTC
);
