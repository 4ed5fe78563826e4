-- What people and hunts know of incidents, beside the manifest. A hunt adds; a person decides.
CREATE TABLE IF NOT EXISTS incident_case (
    incident_id TEXT PRIMARY KEY,         -- stays while the incident grows
    state TEXT NOT NULL DEFAULT 'new',    -- new, in work, true, benign, unsure
    assignee TEXT NOT NULL DEFAULT '',    -- who works on it
    merged_into TEXT,                     -- the incident that it became part of
    told TEXT NOT NULL DEFAULT '{}'       -- JSON: the incident as last told, its evidence with it
);
CREATE TABLE IF NOT EXISTS case_signal (
    signal_id TEXT PRIMARY KEY,
    incident_id TEXT NOT NULL,
    likeness TEXT NOT NULL                -- what another signal shares with this one
);
CREATE INDEX IF NOT EXISTS case_signal_incident ON case_signal (incident_id);
CREATE TABLE IF NOT EXISTS case_entry (
    incident_id TEXT NOT NULL,
    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    what TEXT NOT NULL,                   -- told, grew, merged, split, state, assignee, note
    said TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS exception (
    exception_id INTEGER PRIMARY KEY,
    detector TEXT NOT NULL,
    host_id TEXT,
    image TEXT,
    parent_image TEXT,
    destination TEXT,
    owner TEXT NOT NULL,
    reason TEXT NOT NULL,
    until TEXT NOT NULL                   -- last day that it holds for
);
