-- How Windows writes things, and how the tables want them. Made once per connection.

-- Text of a time to UTC. A plain cast drops any offset but Z, so an offset takes the longer way.
CREATE OR REPLACE TEMP MACRO windows_time(text) AS
    CASE
        WHEN length(text) > 19 AND text NOT LIKE '%Z' AND regexp_matches(text, '[+-]\d\d:?\d\d$')
            THEN TRY_CAST(text AS TIMESTAMPTZ) AT TIME ZONE 'UTC'
        ELSE TRY_CAST(text AS TIMESTAMP)
    END;

-- Seconds east of Greenwich of a local time beside a time in UTC of about the same moment: whole
-- quarters of an hour, as zones are; NULL where the two are too far apart to tell.
CREATE OR REPLACE TEMP MACRO windows_east_s(local, utc) AS
    CASE
        WHEN abs(epoch(local) - epoch(utc)) <= 14 * 3600 + 120
            AND abs(epoch(local) - epoch(utc) - 900 * round((epoch(local) - epoch(utc)) / 900)) <= 120
            THEN (900 * round((epoch(local) - epoch(utc)) / 900))::BIGINT
    END;

-- EventID may carry qualifiers: {"#attributes": {"Qualifiers": 32768}, "#text": 6011}.
CREATE OR REPLACE TEMP MACRO windows_event_id(text) AS
    TRY_CAST(CASE WHEN text LIKE '{%' THEN text::JSON->>'$."#text"' ELSE text END AS INTEGER);

CREATE OR REPLACE TEMP MACRO windows_device(computer) AS
    CASE
        WHEN regexp_matches(computer, '^[0-9.]+$') THEN computer
        ELSE nullif(lower(split_part(computer, '.', 1)), '')
    END;

CREATE OR REPLACE TEMP MACRO windows_key_of(device, channel, own_number, time) AS
    CASE WHEN own_number IS NOT NULL THEN hash(device, lower(channel), own_number, time) END;

-- A field that two events spell in two ways: structs in DuckDB cannot hold both spellings.
CREATE OR REPLACE TEMP MACRO windows_spelling(text, name) AS
    coalesce(text->>('$.Event.EventData.' || name), text->>('$.' || name));

CREATE OR REPLACE TEMP MACRO windows_text(text) AS
    nullif(nullif(text, '-'), '');

CREATE OR REPLACE TEMP MACRO windows_guid(text) AS
    nullif(nullif(upper(trim(text, '{}')), ''), '00000000-0000-0000-0000-000000000000');

CREATE OR REPLACE TEMP MACRO windows_user(domain, name) AS
    CASE
        WHEN windows_text(name) IS NULL THEN NULL
        WHEN windows_text(domain) IS NULL THEN name
        ELSE domain || '\' || name
    END;

-- An address: IPv4 inside IPv6 unwrapped, the first run of zero groups shortened.
CREATE OR REPLACE TEMP MACRO windows_ip(text) AS
    CASE
        WHEN text NOT LIKE '%:%' THEN nullif(windows_text(text), 'LOCAL')
        WHEN regexp_matches(text, '(?i)^(::|0:0:0:0:0:)ffff:\d+\.\d+\.\d+\.\d+$')
            THEN regexp_extract(text, '[0-9.]+$')
        ELSE lower(regexp_replace(text, '(^|:)0(:0)+(:|$)', '::'))
    END;

-- One digest out of "SHA1=...,MD5=...", found as text: a pattern costs several times as much.
CREATE OR REPLACE TEMP MACRO windows_digest(hashes, name, digits) AS
    CASE WHEN strpos(hashes, name) > 0
        THEN lower(substr(hashes, strpos(hashes, name) + length(name), digits)) END;

CREATE OR REPLACE TEMP MACRO windows_md5(hashes) AS windows_digest(hashes, 'MD5=', 32);

CREATE OR REPLACE TEMP MACRO windows_sha256(hashes) AS windows_digest(hashes, 'SHA256=', 64);

CREATE OR REPLACE TEMP MACRO windows_xml_text(text) AS
    replace(replace(replace(replace(replace(
        text, '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&apos;', ''''), '&amp;', '&');

-- Full registry path with the short root that Sysmon writes.
CREATE OR REPLACE TEMP MACRO windows_key(text) AS
    CASE
        WHEN text LIKE 'HK__\%' THEN text
        WHEN text LIKE 'HK%' OR text LIKE '\%'
            THEN regexp_replace(regexp_replace(
                text,
                '(?i)^(\\REGISTRY\\MACHINE|HKEY_LOCAL_MACHINE)\b', 'HKLM'),
                '(?i)^(\\REGISTRY\\USER|HKEY_USERS)\b', 'HKU')
        ELSE text
    END;

-- The fields of a rendered Sysmon message as JSON. Of two equal names the first counts: a command
-- line with a line break in it could otherwise rewrite the fields that stand before it.
CREATE OR REPLACE TEMP MACRO windows_message(text) AS
    CAST('{' || array_to_string(list_transform(
        regexp_extract_all(text, '(?m)^[A-Za-z0-9]+: [^\r\n]*'),
        lambda line: concat(
            to_json(split_part(line, ': ', 1)), ':',
            to_json(line[strpos(line, ': ') + 2:]))), ',') || '}' AS JSON);
