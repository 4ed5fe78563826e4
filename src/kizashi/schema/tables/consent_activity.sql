-- A person or administrator granted an application rights (OAuth consent).
CREATE TABLE consent_activity (
    activity VARCHAR,    -- consent, grant, credential_add
    "user" VARCHAR,      -- who granted
    application VARCHAR, -- application's name
    application_id VARCHAR, -- its id
    scopes VARCHAR[],    -- rights granted
    success BOOLEAN,     -- it succeeded
    for_everyone BOOLEAN -- an administrator granted it for all accounts
);
