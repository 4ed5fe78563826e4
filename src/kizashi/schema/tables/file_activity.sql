-- A file created, deleted, renamed, or given a stream. OCSF: File System Activity.
CREATE TABLE file_activity (
    activity VARCHAR,      -- create, delete, rename, stream, time_change
    process_guid VARCHAR,  -- acting process
    process_id UINTEGER,   -- its pid
    image VARCHAR,         -- its program file
    path VARCHAR,          -- file acted on
    md5 VARCHAR,           -- lower-case hex
    sha256 VARCHAR,        -- lower-case hex
    content VARCHAR,       -- stream: its text, such as a mark of the web, at most 4,096 characters
    "user" VARCHAR         -- account, as logged
);
