-- One message. OCSF: Email Activity.
CREATE TABLE email_activity (
    message_id VARCHAR,        -- Message-ID without brackets
    uid VARCHAR,               -- the sensor's connection id, or the gateway's own id, which its records of one message share
    subject VARCHAR,           -- decoded subject, at most 998 characters
    from_address VARCHAR,      -- address in From, lower case
    from_name VARCHAR,         -- display name in From
    reply_to VARCHAR,          -- address in Reply-To, lower case
    return_path VARCHAR,       -- envelope sender, lower case
    to_addresses VARCHAR[],    -- recipients, lower case
    spf VARCHAR,               -- pass, fail, softfail, neutral, none, temperror, permerror
    spf_domain VARCHAR,        -- domain that SPF judged
    dkim VARCHAR,              -- pass, fail, none ...
    dkim_domain VARCHAR,       -- signing domain that passed, else the first
    dmarc VARCHAR,             -- pass, fail, none, bestguesspass ...
    compauth VARCHAR,          -- Microsoft's composite verdict
    arc VARCHAR,               -- ARC chain verdict
    sender_ip VARCHAR,         -- address that handed the message to the gateway
    received_hops USMALLINT,   -- number of Received headers
    links VARCHAR[],           -- URLs in the body, at most 200
    attachments STRUCT(name VARCHAR, mime_type VARCHAR, bytes UBIGINT, md5 VARCHAR, sha256 VARCHAR)[], -- at most 100
    findings VARCHAR[],        -- what a look at attachments and links found without running them, as "finding: file"
    members VARCHAR[],         -- names inside attached archives, at most 100
    bytes UBIGINT,             -- size of the message
    disposition VARCHAR,       -- allowed, blocked
    truncated BOOLEAN          -- a limit was reached; the rest of the message was not read
);
