-- Script text that an engine ran. OCSF: Script Activity.
CREATE TABLE script_activity (
    engine VARCHAR,       -- powershell ...
    script_id VARCHAR,    -- id that joins the parts of one script
    part USMALLINT,       -- number of this part, from 1
    parts USMALLINT,      -- number of parts
    path VARCHAR,         -- script file, where there is one
    text VARCHAR,         -- script text, at most 65,536 characters
    process_id UINTEGER,  -- host process
    "user" VARCHAR        -- account or SID, as logged
);
