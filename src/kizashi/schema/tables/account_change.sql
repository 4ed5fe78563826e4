-- An account or group made or changed. OCSF: Account Change, Group Management.
CREATE TABLE account_change (
    activity VARCHAR,   -- create, enable, disable, delete, password_change, group_add, group_remove, mailbox_rule, mailbox_forward, change
    "user" VARCHAR,     -- account changed
    "group" VARCHAR,    -- group changed
    actor VARCHAR,      -- account that did it
    logon_id VARCHAR,   -- its session, hex
    operation VARCHAR,  -- command or operation, as logged
    parameters VARCHAR, -- JSON of what it was given, such as an inbox rule's conditions and actions
    success BOOLEAN     -- it succeeded
);
