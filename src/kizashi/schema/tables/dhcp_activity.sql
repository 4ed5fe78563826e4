-- An address leased; client_ip is the address. OCSF: DHCP Activity.
CREATE TABLE dhcp_activity (
    activity VARCHAR,    -- lease, renew, release, deny
    mac VARCHAR,         -- hardware address, lower case with colons
    host_name VARCHAR,   -- name the client gave, lower case, domain cut off
    domain VARCHAR,      -- domain given to it
    server_ip VARCHAR,   -- DHCP server
    lease_s UINTEGER     -- lease time in seconds
);
