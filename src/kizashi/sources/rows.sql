-- SELECT of the records of a text log without their wrapping: `body` is the product's own text, `json` its own
-- object. What the wrapping said stays beside it: time, host and program of a syslog header or of a
-- collector's envelope. Reads text_line(record_no, line).
--
-- Every line passes here, so each step first asks the cheapest question that most lines answer with no;
-- a header is matched without the text after it, which is then cut off by its length.
WITH object AS (
    SELECT
        record_no,
        line,
        CASE WHEN starts_with(line, '{') THEN TRY_CAST(line AS JSON) END AS whole
    FROM text_line
),
unpacked AS (
    SELECT
        record_no,
        line,
        CASE
            WHEN whole IS NULL THEN NULL
            WHEN NOT regexp_matches(whole, '"(_source|result)"') THEN whole
            ELSE coalesce(
                CASE WHEN json_type(whole, '$._source') = 'OBJECT' THEN whole->'$._source' END,
                CASE WHEN json_type(whole, '$.result') = 'OBJECT' THEN whole->'$.result' END,
                whole)
        END AS outer_json
    FROM object
),
enveloped AS (
    SELECT
        *,
        CASE WHEN outer_json IS NOT NULL
            THEN json_extract_string(outer_json, [
                '$._raw', '$.event.original', '$.message', '$.MESSAGE', '$.log', '$.rawMessage',
                '$."@timestamp"', '$.time', '$._time', '$.host.name', '$.host', '$.hostname'])
        END AS said
    FROM unpacked
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
        CASE
            WHEN NOT contains(text, '<') THEN text
            WHEN strpos(text[6:120], '<') > 0 THEN regexp_replace(text,
                '^(?:<\d{1,3}>)?[^<>"{}=|]{0,110}(<\d{1,3}>(?:\d{1,2} )? ?(?:[A-Z][a-z]{2} {1,2}\d|\d{4}-\d))', '\1')
            ELSE text
        END AS text
    FROM texted
),
matched AS (
    SELECT
        *,
        CASE
            WHEN NOT regexp_matches(text, '^(?:<\d|:? ?(?:[A-Z][a-z]{2} |\d{4}-)|1 \d)') THEN NULL
            -- RFC 5424
            WHEN regexp_matches(text, '^(<\d{1,3}>\d{1,2}|1) \d{4}-\S+ \S+ \S+ \S+ \S+ (-|\[)')
                THEN regexp_extract(text,
                    '^((?:<\d{1,3}>\d{1,2}|1) (\S+) (\S+) (\S+) \S+ \S+ (?:-|(?:\[[^\s=\]":]+(?: +[^\s=\]":]+="(?:[^"\\]|\\.)*")* *\])+)? ?(?:\x{FEFF})?)',
                    ['whole', 'time', 'host', 'app'], 's')
            -- RFC 3164, with or without priority, year or the ISO date of later daemons
            WHEN regexp_matches(text, '^(<\d{1,3}>)?:? ?([A-Z][a-z]{2} {1,2}\d{1,2} (\d{4} )?\d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+ \S+ [^ :=]+: )|^<\d{1,3}>:?(\d{1,2})? ?\d{4}-\d\d-\d\dT\S+ ')
                THEN regexp_extract(text,
                    '^((?:<\d{1,3}>)?:?(?:\d{1,2} )? ?([A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?|\d{4}-\d\d-\d\dT\S+?)(?: [A-Z]{3,4})?(?::? +\[?([^\s,=|"{}\[\]<>%]+?)\]?)?(?: ?:)? +(?:([A-Za-z][\w./-]*)(?:\[[^\]]*\])?: +)?)',
                    ['whole', 'time', 'host', 'app'], 's')
            WHEN regexp_matches(text, '^<\d{1,3}>')
                THEN {'whole': regexp_extract(text, '^<\d{1,3}>'), 'time': '', 'host': '', 'app': ''}
        END AS header
    FROM relayed
),
headed AS (
    SELECT
        *,
        CASE
            WHEN header IS NULL THEN text
            WHEN header.whole = '' THEN ''
            ELSE text[length(header.whole) + 1:]
        END AS rest
    FROM matched
)
SELECT
    record_no,
    line,
    coalesce(nullif(header.time, ''), outer_time) AS said_time,
    coalesce(nullif(header.host, ''), outer_host) AS said_host,
    nullif(header.app, '') AS app,
    CASE
        -- Junos says what happened in the header itself.
        WHEN contains(text, '[junos@') THEN text
        WHEN starts_with(rest, ' ') OR suffix(rest, ' ') THEN coalesce(nullif(trim(rest), ''), text, line)
        ELSE coalesce(nullif(rest, ''), text, line)
    END AS body,
    CASE
        WHEN contains(rest, '{') THEN CASE
            WHEN ltrim(rest)[1] = '{' AND json_valid(rest) THEN rest::JSON
            -- A tag or two may stand before it.
            WHEN outer_json IS NULL AND strpos(rest[:48], '{') > 0 AND rtrim(rest)[-1] = '}'
                AND json_valid(rest[strpos(rest, '{'):])
                THEN rest[strpos(rest, '{'):]::JSON
            ELSE outer_json
        END
        ELSE outer_json
    END AS json
FROM headed
