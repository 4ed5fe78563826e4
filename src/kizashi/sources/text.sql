-- How text logs write things, and how the tables want them. Made once per connection.
--
-- The usual form is asked for first, by an expression without groups where one is needed: cutting out a group
-- costs four times as much as telling whether there is a match.

-- Numbers of seconds, milliseconds, microseconds or nanoseconds since 1970, told by their length.
CREATE OR REPLACE TEMP MACRO text_epoch(text) AS
    CASE
        WHEN length(split_part(text, '.', 1)) <= 10
            THEN make_timestamp((TRY_CAST(text AS DECIMAL(20, 6)) * 1000000)::BIGINT)
        WHEN length(split_part(text, '.', 1)) = 13
            THEN make_timestamp((TRY_CAST(text AS DECIMAL(20, 3)) * 1000)::BIGINT)
        WHEN length(text) = 16 THEN make_timestamp(TRY_CAST(text AS BIGINT))
        WHEN length(text) = 19 THEN make_timestamp(TRY_CAST(text AS BIGINT) // 1000)
        -- FILETIME: tenths of microseconds since 1601.
        WHEN length(text) = 18
            THEN make_timestamp(TRY_CAST(text AS BIGINT) // 10 - 11644473600000000)
    END;

-- "+0900", "-05:00", "Z" as seconds east of Greenwich.
CREATE OR REPLACE TEMP MACRO text_offset_s(text) AS
    CASE
        WHEN text IN ('Z', 'z', 'UTC', 'GMT', 'WET') THEN 0
        -- Abbreviations that mean one offset; CST, EST, IST and BST mean several, so the site's zone counts.
        WHEN regexp_full_match(text, '[A-Z]{3,4}') THEN 3600 * CASE text
            WHEN 'CET' THEN 1 WHEN 'CEST' THEN 2 WHEN 'WEST' THEN 1 WHEN 'EET' THEN 2 WHEN 'EEST' THEN 3
            WHEN 'MSK' THEN 3 WHEN 'TRT' THEN 3 WHEN 'JST' THEN 9 WHEN 'KST' THEN 9 WHEN 'SGT' THEN 8
            WHEN 'HKT' THEN 8 WHEN 'PST' THEN -8 WHEN 'PDT' THEN -7 WHEN 'MST' THEN -7 WHEN 'MDT' THEN -6
            WHEN 'CDT' THEN -5 WHEN 'EDT' THEN -4
        END
        WHEN regexp_full_match(text, '[+-]\d\d:?\d\d')
            THEN (CASE WHEN text[1] = '-' THEN -1 ELSE 1 END)
                * (text[2:3]::INTEGER * 3600 + text[-2:]::INTEGER * 60)
    END;

CREATE OR REPLACE TEMP MACRO text_in_year(y, text) AS
    coalesce(
        try_strptime(y || ' ' || text, '%Y %b %d %H:%M:%S.%f'),
        try_strptime(y || ' ' || text, '%Y %b %d %H:%M:%S'));

-- A date without a year: the last such day before the log arrived; a clock may be a day ahead, and
-- 29 February is not in every year.
CREATE OR REPLACE TEMP MACRO text_yearless(text, arrived) AS
    list_filter(
        list_transform([1, 0, -1, -2, -3, -4], lambda ahead: text_in_year(year(arrived) + ahead, text)),
        lambda t: t <= arrived + INTERVAL 1 DAY)[1];

CREATE OR REPLACE TEMP MACRO text_local_time(text, formats, arrived) AS
    CASE
        WHEN text SIMILAR TO '[A-Z][a-z][a-z] +[0-9]{1,2} [0-9:.]+' THEN text_yearless(text, arrived)
        WHEN regexp_matches(text, '^\d{4}-\d{1,2}-\d{1,2}[T ]')
            THEN TRY_CAST(replace(text, ',', '.') AS TIMESTAMP)
        ELSE try_strptime(text, formats)
    END;

-- A number of seconds, or a date and time as ISO 8601 has them with an offset.
CREATE OR REPLACE TEMP MACRO text_is_instant(text) AS
    regexp_full_match(text, '\d{9,19}(\.\d+)?|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)');

-- A time that says its own offset, to UTC; NULL for others.
CREATE OR REPLACE TEMP MACRO text_instant(text, zoned_formats) AS
    CASE
        WHEN text IS NULL THEN NULL
        WHEN regexp_full_match(text, '\d{9,19}(\.\d+)?') THEN text_epoch(text)
        WHEN text_is_instant(text)
            THEN TRY_CAST(replace(regexp_replace(regexp_replace(text, ' ?(UTC|GMT)$', 'Z'),
                ' ?([+-]\d\d):?(\d\d)$', '\1:\2'), ',', '.')
                AS TIMESTAMPTZ) AT TIME ZONE 'UTC'
        -- Trying formats in vain costs more than asking whether there is an offset at all.
        WHEN regexp_matches(text, '[ \d][+-]\d\d:?\d\d|Z$')
            THEN try_strptime(text, zoned_formats)::TIMESTAMPTZ AT TIME ZONE 'UTC'
    END;

-- A time that says none: `east_s` is the offset that another field of the record gives; `zone` is the
-- site's.
CREATE OR REPLACE TEMP MACRO text_utc(local, east_s, zone) AS
    CASE
        WHEN east_s IS NOT NULL THEN local - to_seconds(east_s)
        WHEN zone = 'UTC' THEN local
        ELSE timezone(zone, local) AT TIME ZONE 'UTC'
    END;

-- When a collector took a record in; a time without an offset as if it were UTC.
CREATE OR REPLACE TEMP MACRO text_received(text) AS
    coalesce(
        text_instant(text, ['%b %d %Y %H:%M:%S %z']),
        CASE WHEN NOT text_is_instant(text)
            THEN text_local_time(text, ['%Y/%m/%d %H:%M:%S', '%b %d %Y %H:%M:%S'], NULL::TIMESTAMP) END);

-- Neither a number of seconds nor a time with its offset.
CREATE OR REPLACE TEMP MACRO text_is_local(text) AS
    NOT regexp_matches(trim(text), '^\d{9,19}(\.\d+)?$|(Z|UTC|GMT|[+-]\d\d:?\d\d)$');

CREATE OR REPLACE TEMP MACRO text_value(text) AS
    CASE WHEN text NOT IN ('', '-', 'N/A', '(empty)', 'null', 'None', '0.0.0.0') THEN text END;

-- An address without brackets, zone or port.
CREATE OR REPLACE TEMP MACRO text_ip(text) AS
    CASE
        WHEN regexp_full_match(text, '\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}') THEN text
        ELSE nullif(regexp_extract(
            regexp_replace(lower(trim(text)), '^\[?(::ffff:)?', ''),
            '^(\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})', 1), '')
    END;

CREATE OR REPLACE TEMP MACRO text_mac(text) AS
    CASE
        WHEN regexp_full_match(text, '(?:[0-9a-f][0-9a-f]:){5}[0-9a-f][0-9a-f]') THEN text
        WHEN length(regexp_replace(text, '[^0-9A-Fa-f]', '', 'g')) = 12
            THEN rtrim(regexp_replace(
                lower(regexp_replace(text, '[^0-9A-Fa-f]', '', 'g')), '(..)', '\1:', 'g'), ':')
    END;

CREATE OR REPLACE TEMP MACRO text_device(text) AS
    CASE
        WHEN regexp_full_match(text, '[A-Za-z][^.:$]*') THEN lower(text)
        WHEN text_ip(text) = lower(text) THEN lower(text)
        ELSE nullif(split_part(lower(rtrim(text, '$')), '.', 1), '')
    END;

-- "(3)www(7)example(0)" is how Windows DNS writes a name.
CREATE OR REPLACE TEMP MACRO text_name(text) AS
    lower(
        CASE
            WHEN starts_with(text, '(') THEN trim(regexp_replace(text, '\(\d+\)', '.', 'g'), '.')
            WHEN starts_with(text, '.') OR suffix(text, '.') THEN trim(text, '.')
            ELSE text
        END);

-- The roots of a registry path as kernel, tools and vendors write them.
CREATE OR REPLACE TEMP MACRO text_key(text) AS
    regexp_replace(
        regexp_replace(
            text, '(?i)^\\?(?:registry\\machine|machine|hkey_local_machine)(?:\\|$)', 'HKLM\\'),
        '(?i)^\\?(?:registry\\user|user|hkey_users)(?:\\|$)', 'HKU\\');

CREATE OR REPLACE TEMP MACRO text_transport(text) AS
    CASE lower(text)
        WHEN 'tcp' THEN 'tcp' WHEN 'udp' THEN 'udp' WHEN '6' THEN 'tcp' WHEN '17' THEN 'udp' WHEN '1' THEN 'icmp' WHEN '58' THEN 'icmp'
        ELSE regexp_replace(lower(text), '^(tcp|udp|icmp)[_-]?(?:ip)?v?[46]$', '\1')
    END;

-- What became of it, in the words of many products.
CREATE OR REPLACE TEMP MACRO text_disposition(text) AS
    CASE
        WHEN regexp_matches(text, '(?i)sinkhole') THEN 'sinkholed'
        WHEN regexp_matches(text, '(?i)den(y|ied)|block|drop|reset|reject|prevent|quarantin|close-rst|遮断|拒否|破棄|ブロック')
            THEN 'blocked'
        WHEN regexp_matches(text, '(?i)allow|accept|permit|pass|forward|close|start|timeout|detect|monitor|alert|trust|(en|de)crypt|(client|server)-rst|^(dns|ip-conn)$|許可|通過|成功')
            THEN 'allowed'
    END;

CREATE OR REPLACE TEMP MACRO text_query_type(text) AS
    CASE coalesce(CASE WHEN text[1] BETWEEN '0' AND '9' THEN regexp_extract(text, '^\d+') END, text)
        WHEN '1' THEN 'A' WHEN '2' THEN 'NS' WHEN '5' THEN 'CNAME' WHEN '6' THEN 'SOA'
        WHEN '12' THEN 'PTR' WHEN '15' THEN 'MX' WHEN '16' THEN 'TXT' WHEN '28' THEN 'AAAA'
        WHEN '33' THEN 'SRV' WHEN '35' THEN 'NAPTR' WHEN '64' THEN 'SVCB' WHEN '65' THEN 'HTTPS'
        WHEN '255' THEN 'ANY'
        ELSE upper(text)
    END;

CREATE OR REPLACE TEMP MACRO text_rcode(text) AS
    CASE text
        WHEN '0' THEN 'NOERROR' WHEN '1' THEN 'FORMERR' WHEN '2' THEN 'SERVFAIL'
        WHEN 'NOERROR' THEN 'NOERROR' WHEN 'NXDOMAIN' THEN 'NXDOMAIN' WHEN 'SERVFAIL' THEN 'SERVFAIL'
        WHEN '3' THEN 'NXDOMAIN' WHEN '4' THEN 'NOTIMP' WHEN '5' THEN 'REFUSED'
        ELSE CASE WHEN regexp_full_match(text, '(?i)no ?error') THEN 'NOERROR' ELSE upper(text) END
    END;

-- A web address without port, user or upper case, and what a proxy's CONNECT names.
CREATE OR REPLACE TEMP MACRO text_is_web(text) AS regexp_matches(text, '^https?://[0-9a-z._-]+(?:/|$)');
CREATE OR REPLACE TEMP MACRO text_is_tunnel(text) AS regexp_full_match(text, '[0-9a-z._-]+:[0-9]+');

-- A part of a URL, with or without its scheme.
CREATE OR REPLACE TEMP MACRO text_url(text, part) AS
    CASE part
        WHEN 'host' THEN CASE
            WHEN text_is_web(text) THEN split_part(text, '/', 3)
            WHEN text_is_tunnel(text) THEN split_part(text, ':', 1)
            ELSE nullif(lower(regexp_extract(
                text, '^(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/@]*@)?(\[[^\]]*\]|[^/:?#]+)', 1)), '')
        END
        WHEN 'port' THEN CASE
            WHEN text_is_web(text) THEN NULL
            WHEN text_is_tunnel(text) THEN split_part(text, ':', 2)
            ELSE nullif(regexp_extract(
                text, '^(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/@]*@)?(?:\[[^\]]*\]|[^/:?#]+):(\d+)', 1), '')
        END
        ELSE CASE
            WHEN text_is_web(text) AND NOT contains(text, chr(10))
                THEN nullif(text[strpos(text, '/') + 2 + length(split_part(text, '/', 3)):], '')
            WHEN text_is_tunnel(text) THEN NULL
            ELSE nullif(regexp_extract(
                regexp_replace(text, '^[A-Za-z][A-Za-z0-9+.-]*://', ''), '^[^/?#]*([/?#].*)$', 1), '')
        END
    END;

-- Addresses and names of the records in an answer as BIND and Infoblox write it:
-- "www.example. 300 IN CNAME a.example.; a.example. 20 IN A 192.0.2.1;"
CREATE OR REPLACE TEMP MACRO text_record_answers(text) AS
    array_to_string(
        list_transform(
            regexp_extract_all(text, '\b(?:A|AAAA|CNAME|PTR|NS|MX \d+) ([\w.:-]+)', 1),
            lambda a: rtrim(lower(a), '.')),
        ',');

-- Two hex digits as a number.
CREATE OR REPLACE TEMP MACRO text_octet(hex) AS ('0x' || hex)::INTEGER;

-- IPv4 and IPv6 addresses of the A and AAAA records in a DNS message written as hex, with commas between.
-- Owner names are compressed (C0..) in every server's answers; class IN, length 4 or 16.
CREATE OR REPLACE TEMP MACRO text_packet_answers(hex) AS
    array_to_string(
        list_transform(
            regexp_extract_all(upper(hex), 'C0..00010001[0-9A-F]{8}0004([0-9A-F]{8})', 1),
            lambda a: concat_ws('.', text_octet(a[1:2]), text_octet(a[3:4]), text_octet(a[5:6]),
                text_octet(a[7:8])))
        || list_transform(
            regexp_extract_all(upper(hex), 'C0..001C0001[0-9A-F]{8}0010([0-9A-F]{32})', 1),
            lambda a: regexp_replace(
                rtrim(regexp_replace(lower(a), '(....)', '\1:', 'g'), ':'),
                '\b0{1,3}([0-9a-f])', '\1', 'g')),
        ',');

-- The values of a list column: JSON, or texts with a separator; NULL where there is none.
CREATE OR REPLACE TEMP MACRO text_list(text, separator) AS
    CASE
        WHEN text[1] = '[' AND json_valid(text) THEN TRY_CAST(text::JSON AS VARCHAR[])
        WHEN text IS NOT NULL THEN list_filter(
            list_transform(string_split(text, separator), lambda part: trim(part)),
            lambda part: part <> '')
    END;
