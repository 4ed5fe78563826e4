-- Names that a published algorithm makes around the days of the logs.
CREATE TABLE predicted_name (
    name VARCHAR,     -- full name, lower case
    family VARCHAR,   -- package of names.predicted
    first_day DATE,   -- first day on which its set is in use
    last_day DATE     -- last one
);
