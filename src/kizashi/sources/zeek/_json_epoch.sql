-- As _json_lists.sql, where the engine has parsed the time too: seconds since 1970.
CREATE OR REPLACE TEMP MACRO zeek_time(x) AS make_timestamp(TRY_CAST(x * 1e6 AS BIGINT));
CREATE OR REPLACE TEMP MACRO zeek_bool(x) AS TRY_CAST(x AS BOOLEAN);
CREATE OR REPLACE TEMP MACRO zeek_text(x) AS x;
CREATE OR REPLACE TEMP MACRO zeek_seconds(x) AS round(TRY_CAST(x AS DOUBLE), 6);
CREATE OR REPLACE TEMP MACRO zeek_list(x) AS x;
