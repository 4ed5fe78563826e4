-- Exceptions that people made: things that together are known and wanted until a day.
CREATE TABLE exempted (
    exemption INTEGER,     -- its number
    detector VARCHAR,      -- whose signals
    host_id VARCHAR,       -- site and host; NULL for any
    image VARCHAR,         -- program, whole path; NULL for any
    parent_image VARCHAR,  -- its parent; NULL for any
    destination VARCHAR,   -- name spoken to; NULL for any
    owner VARCHAR,         -- who answers for it
    reason VARCHAR,        -- why it is wanted
    last_day DATE          -- last day on which it holds
);
