-- An account or group made or changed. OCSF: Account Change, Group Management.
CREATE TABLE account_change (
    activity VARCHAR,   -- create, enable, disable, delete, password_change, group_add, group_remove, change
    "user" VARCHAR,     -- account changed
    "group" VARCHAR,    -- group changed
    actor VARCHAR,      -- account that did it
    logon_id VARCHAR    -- its session, hex
);
