-- A process started, stopped, opened another or injected into it. OCSF: Process Activity.
CREATE TABLE process_activity (
    activity VARCHAR,            -- start, stop, access, inject
    process_guid VARCHAR,        -- the endpoint's unique process id, upper case, without braces
    process_id UINTEGER,         -- pid
    image VARCHAR,               -- program file
    original_file_name VARCHAR,  -- name in the version resource
    command_line VARCHAR,        -- command line
    working_dir VARCHAR,         -- current directory
    "user" VARCHAR,              -- account, DOMAIN\name as logged
    logon_id VARCHAR,            -- logon session, hex as logged
    integrity VARCHAR,           -- integrity level
    parent_guid VARCHAR,         -- parent's process_guid
    parent_id UINTEGER,          -- parent's pid
    parent_image VARCHAR,        -- parent's program file
    parent_command_line VARCHAR, -- parent's command line
    md5 VARCHAR,                 -- lower-case hex, of image
    sha256 VARCHAR,              -- lower-case hex, of image
    target_guid VARCHAR,         -- access, inject: process acted on
    target_id UINTEGER,          -- its pid
    target_image VARCHAR,        -- its program file
    granted_access VARCHAR       -- access: rights, hex as logged
);
