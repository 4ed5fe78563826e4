-- SELECT of the records of a text log without their wrapping: `body` is the product's own text, `json` its own
-- object. What the wrapping said stays beside it: time, host and program of a syslog header or of a
-- collector's envelope. Reads text_line(record_no, line).
WITH object AS (
    SELECT
        record_no,
        line,
        CASE
            WHEN line[1] = '{' AND json_valid(line)
                THEN coalesce(
                    CASE WHEN json_type(line, '$._source') = 'OBJECT' THEN line->'$._source' END,
                    CASE WHEN json_type(line, '$.result') = 'OBJECT' THEN line->'$.result' END,
                    line::JSON)
        END AS outer_json
    FROM text_line
),
enveloped AS (
    SELECT
        *,
        CASE WHEN outer_json IS NOT NULL
            THEN json_extract_string(outer_json, [
                '$._raw', '$.event.original', '$.message', '$.MESSAGE', '$.log', '$.rawMessage',
                '$."@timestamp"', '$.time', '$._time', '$.host.name', '$.host', '$.hostname'])
        END AS said
    FROM object
),
texted AS (
    SELECT
        record_no,
        line,
        outer_json,
        coalesce(said[7], said[8], said[9]) AS outer_time,
        nullif(coalesce(said[10], said[11], said[12]), '') AS outer_host,
        CASE
            WHEN outer_json IS NULL THEN line
            ELSE coalesce(said[1], said[2], said[3], said[4], said[5], said[6])
        END AS text
    FROM enveloped
),
relayed AS (
    SELECT
        * EXCLUDE (text),
        -- A relay put its own header before the device's.
        CASE WHEN strpos(text[6:120], '<') > 0
            THEN regexp_replace(text,
                '^(?:<\d{1,3}>)?[^<>"{}=|]{0,110}(<\d{1,3}>(?:\d{1,2} )? ?(?:[A-Z][a-z]{2} {1,2}\d|\d{4}-\d))', '\1')
            ELSE text
        END AS text
    FROM texted
),
headed AS (
    SELECT
        *,
        CASE
            -- RFC 5424
            WHEN regexp_matches(text, '^(<\d{1,3}>\d{1,2}|1) \d{4}-\S+ \S+ \S+ \S+ \S+ (-|\[)')
                THEN regexp_extract(text,
                    '^(?:<\d{1,3}>\d{1,2}|1) (\S+) (\S+) (\S+) \S+ \S+ (?:-|(?:\[[^\s=\]":]+(?: +[^\s=\]":]+="(?:[^"\\]|\\.)*")* *\])+)? ?(?:\x{FEFF})?(.*)$',
                    ['time', 'host', 'app', 'body'], 's')
            -- RFC 3164, with or without priority, year or the ISO date of later daemons
            WHEN regexp_matches(text, '^(<\d{1,3}>)?:? ?([A-Z][a-z]{2} {1,2}\d{1,2} (\d{4} )?\d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+ \S+ [^ :=]+: )')
                OR regexp_matches(text, '^<\d{1,3}>:?(\d{1,2})? ?\d{4}-\d\d-\d\dT\S+ ')
                THEN regexp_extract(text,
                    '^(?:<\d{1,3}>)?:?(?:\d{1,2} )? ?([A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?|\d{4}-\d\d-\d\dT\S+?)(?: [A-Z]{3,4})?(?::? +\[?([^\s,=|"{}\[\]<>%]+?)\]?)?(?: ?:)? +(?:([A-Za-z][\w./-]*)(?:\[[^\]]*\])?: +)?(.*)$',
                    ['time', 'host', 'app', 'body'], 's')
            WHEN regexp_matches(text, '^<\d{1,3}>')
                THEN {'time': '', 'host': '', 'app': '', 'body': regexp_replace(text, '^<\d{1,3}>', '')}
            ELSE {'time': '', 'host': '', 'app': '', 'body': text}
        END AS header
    FROM relayed
)
SELECT
    record_no,
    line,
    coalesce(nullif(header.time, ''), outer_time) AS said_time,
    coalesce(nullif(header.host, ''), outer_host) AS said_host,
    nullif(header.app, '') AS app,
    -- Junos says what happened in the header itself.
    coalesce(
        CASE WHEN contains(text, '[junos@') THEN text END,
        nullif(trim(header.body), ''), text, line) AS body,
    text,
    CASE
        WHEN ltrim(header.body)[1] = '{' AND json_valid(header.body) THEN header.body::JSON
        -- A tag or two may stand before it.
        WHEN outer_json IS NULL AND strpos(header.body[:48], '{') > 0 AND rtrim(header.body)[-1] = '}'
            AND json_valid(header.body[strpos(header.body, '{'):])
            THEN header.body[strpos(header.body, '{'):]::JSON
        ELSE outer_json
    END AS json
FROM headed
