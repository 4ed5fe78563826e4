-- One certificate seen on the wire, apart from the sessions that showed it. OCSF: the certificate object.
CREATE TABLE certificate_activity (
    certificate VARCHAR,     -- fingerprint or file id, by which tls_activity names it
    subject VARCHAR,         -- whom it stands for
    issuer VARCHAR,          -- who signed it
    not_before TIMESTAMP,    -- from when it is valid, UTC
    not_after TIMESTAMP,     -- until when
    certificate_names VARCHAR[] -- its alternative names
);
