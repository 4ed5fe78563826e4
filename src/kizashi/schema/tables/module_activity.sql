-- A library or driver loaded. OCSF: Module Activity.
CREATE TABLE module_activity (
    process_guid VARCHAR,  -- loading process
    process_id UINTEGER,   -- its pid
    image VARCHAR,         -- its program file
    module_path VARCHAR,   -- file loaded
    signed BOOLEAN,        -- carries a signature
    signature VARCHAR,     -- signer's name
    md5 VARCHAR,           -- lower-case hex
    sha256 VARCHAR,        -- lower-case hex
    "user" VARCHAR         -- account, as logged
);
