-- A scheduled task made, changed, run or deleted. OCSF: Scheduled Job Activity.
CREATE TABLE scheduled_job_activity (
    activity VARCHAR,      -- create, update, delete, run, enable, disable
    task_name VARCHAR,     -- task path
    command VARCHAR,       -- program that it runs
    arguments VARCHAR,     -- its arguments
    content VARCHAR,       -- task definition as logged, at most 16,384 characters
    process_id UINTEGER,   -- client process that made it (4698), where logged
    logon_id VARCHAR,      -- logon session of the caller, hex
    "user" VARCHAR         -- caller's account, as logged
);
