-- A detector's statement about an entity, with its evidence. Written by detectors, read by chains.
CREATE TABLE signal (
    signal_id VARCHAR,     -- hash of detector, host and anchor event: the same finding keeps its id
    detector VARCHAR,      -- id of the detector's folder
    family VARCHAR,        -- detectors of one behaviour share it and count once
    stage VARCHAR,         -- ATT&CK tactic by its own name
    techniques VARCHAR[],  -- ATT&CK techniques
    site VARCHAR,          -- office or network
    host_id VARCHAR,       -- host that it is about
    first_seen TIMESTAMP,  -- first event of the behaviour
    last_seen TIMESTAMP,   -- last event of the behaviour
    "user" VARCHAR,        -- account, as logged
    process_guid VARCHAR,  -- acting process
    process_id UINTEGER,   -- its pid
    image VARCHAR,         -- its program file
    command_line VARCHAR,  -- its command line
    parent_guid VARCHAR,   -- its parent
    parent_image VARCHAR,  -- the parent's program file
    object VARCHAR,        -- file path, registry key, task or service that was made or used
    object_image VARCHAR,  -- program that the object runs
    destination VARCHAR,   -- name contacted or resolved
    server_ip VARCHAR,     -- address contacted
    message_id VARCHAR,    -- message
    recipient VARCHAR,     -- its recipient
    sender VARCHAR,        -- its sender
    file_names VARCHAR[],  -- attachments or downloaded files
    sha256 VARCHAR,        -- lower-case hex
    confidence DOUBLE,     -- 0 to 1, how sure the detector is of this one
    clock_id VARCHAR,      -- clock of the anchor event, once aligned
    shift_s DOUBLE,        -- seconds by which its record's own time was moved; once aligned
    zone_unsure BOOLEAN,   -- its clock's zone looks wrong, on no more proof than names; once aligned
    details VARCHAR,       -- JSON of the named evidence numbers
    evidence STRUCT(file_id UBIGINT, record_no UBIGINT)[] -- events, the anchor first, at most 20
);
