-- What names the thing sought, a row for each record and test.
CREATE TEMP TABLE found (
    file_id UBIGINT,
    record_no UBIGINT,
    time TIMESTAMP,
    host_id VARCHAR,
    what VARCHAR,
    image VARCHAR,
    "user" VARCHAR,
    said VARCHAR,
    answer VARCHAR
);
