-- A registry key or value made, set, renamed or deleted. OCSF: Registry Value Activity.
CREATE TABLE registry_activity (
    activity VARCHAR,      -- create, set, delete, rename
    process_guid VARCHAR,  -- acting process
    process_id UINTEGER,   -- its pid
    image VARCHAR,         -- its program file
    key_path VARCHAR,      -- full path with value name, roots as HKLM and HKU
    value_data VARCHAR,    -- data as logged, at most 4,096 characters
    "user" VARCHAR         -- account, as logged
);
