-- As _json.sql, where the engine has parsed lists with the record.
CREATE OR REPLACE TEMP MACRO zeek_time(x) AS CASE
    WHEN contains(x, 'T') THEN TRY_CAST(x AS TIMESTAMP)
    ELSE make_timestamp(TRY_CAST(TRY_CAST(x AS DOUBLE) * 1e6 AS BIGINT))
END;
CREATE OR REPLACE TEMP MACRO zeek_bool(x) AS TRY_CAST(x AS BOOLEAN);
CREATE OR REPLACE TEMP MACRO zeek_text(x) AS x;
CREATE OR REPLACE TEMP MACRO zeek_seconds(x) AS round(TRY_CAST(x AS DOUBLE), 6);
CREATE OR REPLACE TEMP MACRO zeek_list(x) AS x;
