CREATE TABLE event (
    time TIMESTAMP,        -- when it happened, as the record says, in UTC
    time_alt TIMESTAMP,    -- a second clock in the same record, such as Sysmon's UtcTime beside TimeCreated
    received TIMESTAMP,    -- when a collector or service took the record in, where the record says
    clock_id VARCHAR,      -- whose clock wrote `time`: product and machine, such as windows:pc-07
    site VARCHAR,          -- office or network; part of every key, because private addresses repeat
    source VARCHAR,        -- id of the source folder that read the record
    vantage VARCHAR,       -- who observed it: endpoint, resolver, forwarder, proxy, sensor, gateway, cloud
    device VARCHAR,        -- machine that the record is about, as logged, lower case, domain cut off
    client_ip VARCHAR,     -- address that began the exchange, or the machine's own address
    file_id UBIGINT,       -- content of the file that held the record (manifest: input_file)
    record_no UBIGINT,     -- line number in that file, or EventRecordID for EVTX
    natural_key UBIGINT,   -- hash of the record's own identity where it has one, so overlapping exports add nothing
    unmapped VARCHAR       -- JSON of the fields that no column takes, or of the whole record where its source keeps it
);
