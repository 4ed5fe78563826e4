-- How a Zeek TSV writes values. Times and intervals are decimal seconds; text escapes bytes as \xNN.
CREATE OR REPLACE TEMP MACRO zeek_time(x) AS make_timestamp(TRY_CAST(TRY_CAST(x AS DOUBLE) * 1e6 AS BIGINT));
CREATE OR REPLACE TEMP MACRO zeek_bool(x) AS CASE x WHEN 'T' THEN true WHEN 'F' THEN false END;
CREATE OR REPLACE TEMP MACRO zeek_text(x) AS CASE
    WHEN x = '(empty)' THEN ''
    WHEN contains(x, '\x') THEN coalesce(TRY(decode(replace(x, '\\', '\x5C')::BLOB)), x)
    WHEN contains(x, '\\') THEN replace(x, '\\', '\')
    ELSE x
END;
CREATE OR REPLACE TEMP MACRO zeek_list(x) AS CASE
    WHEN x IS NULL THEN NULL
    WHEN x = '(empty)' THEN []::VARCHAR[]
    WHEN contains(x, '\x') THEN list_transform(string_split(x, ','), lambda part: zeek_text(part))
    ELSE string_split(x, ',')
END;
CREATE OR REPLACE TEMP MACRO zeek_seconds(x) AS round(TRY_CAST(x AS DOUBLE), 6);
