-- A cloud or share file, mailbox item or site read, written or shared. OCSF: Web Resources Activity.
CREATE TABLE web_resource_activity (
    activity VARCHAR,    -- read, write, delete, share, download, access
    "user" VARCHAR,      -- account
    resource VARCHAR,    -- path, URL or item
    share VARCHAR,       -- share or site
    service VARCHAR,     -- smb, sharepoint, exchange ...
    user_agent VARCHAR,  -- client
    bytes UBIGINT,       -- size, where logged
    items UINTEGER,      -- items that the record stands for, where it tells of several
    shared_with VARCHAR, -- whom it was shared with: an address, or anyone for a link that asks for no sign-in
    application_id VARCHAR, -- client application's id, as a cloud service names it
    session_id VARCHAR   -- session of a cloud service; its tokens share it
);
