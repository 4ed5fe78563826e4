-- What the lake holds. One transaction adds a file's segments and rejects and says how far it was read.
CREATE TABLE IF NOT EXISTS input_file (
    file_id INTEGER PRIMARY KEY,   -- first 60 bits of the SHA-256 of the content when first read
    label TEXT NOT NULL,           -- path relative to the given root, a.zip!b for members
    source TEXT,                   -- id of the source; NULL when no source knew it
    site TEXT NOT NULL,            -- site it was read for
    start_digest TEXT NOT NULL,    -- SHA-256 of the first bytes, up to 256
    size INTEGER NOT NULL,         -- plain bytes read
    digest TEXT NOT NULL,          -- SHA-256 of those bytes
    lines INTEGER NOT NULL,        -- line ends in them
    read INTEGER NOT NULL,         -- records
    stored INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    duplicate INTEGER NOT NULL,
    tables TEXT NOT NULL,          -- JSON: table -> rows stored
    note TEXT NOT NULL DEFAULT ''  -- why reading ended early, or why nothing was read
);
CREATE INDEX IF NOT EXISTS input_file_start ON input_file (start_digest);
CREATE INDEX IF NOT EXISTS input_file_digest ON input_file (digest);
CREATE TABLE IF NOT EXISTS segment (
    path TEXT PRIMARY KEY,         -- relative to the lake
    table_name TEXT NOT NULL,
    day TEXT,                      -- settled segments: the day all rows lie in
    settled INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    min_time TEXT,
    max_time TEXT,
    clock_id TEXT,                 -- when all rows share one
    file_id INTEGER                -- unsettled segments: the file they came from
);
CREATE INDEX IF NOT EXISTS segment_table ON segment (table_name, settled);
CREATE TABLE IF NOT EXISTS arrival (
    file_id INTEGER NOT NULL,      -- a file that had grown since it was read last
    written TEXT NOT NULL,         -- when it was written last, UTC
    newest TEXT NOT NULL           -- time of the newest record that had been added, UTC
);
CREATE TABLE IF NOT EXISTS reject (
    file_id INTEGER NOT NULL,
    record_no INTEGER NOT NULL,
    reason TEXT NOT NULL,
    excerpt TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS fact (
    key TEXT PRIMARY KEY,          -- small facts of the lake: format version, last hunt ...
    value TEXT NOT NULL
);
