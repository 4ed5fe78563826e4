-- given_role(site, role, address)
-- What people said of addresses in kizashi.toml. Made once; filled by the pipeline.
CREATE TABLE IF NOT EXISTS given_role (
    site VARCHAR,
    role VARCHAR,
    address VARCHAR
);
