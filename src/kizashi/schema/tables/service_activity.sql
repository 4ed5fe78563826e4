-- A service installed or changed. OCSF: Windows Service Activity.
CREATE TABLE service_activity (
    activity VARCHAR,      -- create, start, stop, change
    service_name VARCHAR,  -- service
    image_path VARCHAR,    -- command that it runs
    start_type VARCHAR,    -- as logged
    account VARCHAR,       -- account it runs under
    process_id UINTEGER,   -- process that asked for it (4697 client process), where logged
    logon_id VARCHAR,      -- logon session of the caller, hex
    "user" VARCHAR         -- caller's account, as logged
);
