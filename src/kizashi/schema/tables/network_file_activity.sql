-- One file seen on the wire; client_ip is the machine that asked for or sent it. OCSF: Network File Activity.
CREATE TABLE network_file_activity (
    uid VARCHAR,             -- the sensor's connection id
    file_uid VARCHAR,        -- the sensor's file id
    server_ip VARCHAR,       -- other end
    protocol VARCHAR,        -- http, smb, ftp, smtp ...
    mime_type VARCHAR,       -- media type by content
    file_name VARCHAR,       -- name, where the protocol gave one
    bytes UBIGINT,           -- bytes seen
    is_upload BOOLEAN,       -- true when the client sent it
    md5 VARCHAR,             -- lower-case hex
    sha1 VARCHAR,            -- lower-case hex
    sha256 VARCHAR           -- lower-case hex
);
