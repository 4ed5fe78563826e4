-- What hosts, addresses and clocks are, spelled once. Constants are macros so that each has a reason.

-- One of 16 parts of the lake: by md5, so that Spark, a later engine and this one agree.
CREATE OR REPLACE MACRO bucket_of(host_id) AS (md5_number_lower(host_id) % 16)::UTINYINT;

-- Name of a host inside its site: its own name, else the lease's, else its address.
CREATE OR REPLACE MACRO host_id_of(site, device, leased_to, client_ip) AS
    coalesce(site, '') || '/'
    || coalesce(nullif(device, ''), nullif(leased_to, ''), nullif(client_ip, ''), '?');

-- Loopback, link-local and unspecified addresses belong to every machine at once; multicast to none.
CREATE OR REPLACE MACRO is_own_address(ip) AS
    NOT regexp_matches(
        lower(ip),
        '^(127\.|169\.254\.|0\.|22[4-9]\.|23[0-9]\.|255\.|::1$|::$|fe[89ab][0-9a-f]:|ff[0-9a-f]{2}:)'
    );

-- An endpoint that spoke from an address keeps it this long after its last word: a sensor sees the
-- same exchange a little later, and most leases last longer.
CREATE OR REPLACE MACRO sighting_hold() AS INTERVAL 1 HOUR;

-- A DHCP record without a lease time: half a day is the default of ISC's server.
CREATE OR REPLACE MACRO default_lease() AS INTERVAL 12 HOUR;

-- How sure an owner is, 0 to 1: the server that gives addresses knows; an endpoint may sit behind
-- NAT; a workstation name in a logon is whatever the caller wrote. A claim that another owner cut
-- short is doubtful.
CREATE OR REPLACE MACRO owner_confidence(evidence, is_cut) AS
    CASE evidence WHEN 'dhcp' THEN 0.95 WHEN 'endpoint' THEN 0.9 ELSE 0.5 END
    * CASE WHEN is_cut THEN 0.8 ELSE 1 END;

-- Five-minute bin of the day, 0 to 287.
CREATE OR REPLACE MACRO uptime_bin(moment) AS
    (date_part('hour', moment) * 12 + date_part('minute', moment) // 5)::USMALLINT;

-- The bins of each day in which the rows of an event table tell of a host, as 288 bits. A host_id holds
-- its site.
CREATE OR REPLACE MACRO bins_of(event_table) AS TABLE
    SELECT
        any_value(site) AS site,
        host_id,
        time::DATE AS day,
        bitstring_agg(uptime_bin(time), 0, 287) AS bits
    FROM query_table(event_table)
    WHERE host_id IS NOT NULL AND time IS NOT NULL
    GROUP BY
        host_id,
        time::DATE;

-- Hour of the week in UTC, 0 = Monday 00:00.
CREATE OR REPLACE MACRO hour_of_week(moment) AS
    ((isodow(moment) - 1) * 24 + date_part('hour', moment))::UTINYINT;

-- Whole seconds since midnight, cut and not rounded: a cast of epoch would reach 86,400.
CREATE OR REPLACE MACRO second_of_day(moment) AS (
    (date_part('hour', moment) * 60 + date_part('minute', moment)) * 60
    + date_part('second', moment)
)::UINTEGER;

-- The moment of a second of a day.
CREATE OR REPLACE MACRO second_of(day, second) AS day + to_seconds(second::BIGINT);

-- A, AAAA and repeats of one look-up come within this long.
CREATE OR REPLACE MACRO lookup_gap() AS INTERVAL 5 SECOND;

-- Where a server is known by its address alone.
CREATE OR REPLACE MACRO address_and_port(server_ip, server_port) AS
    CASE WHEN contains(server_ip, ':') THEN '[' || server_ip || ']' ELSE server_ip END
    || coalesce(':' || server_port::VARCHAR, '');

-- A time brought to the reference clock; shift_s comes from clock_shift, NULL means no shift known.
CREATE OR REPLACE MACRO aligned_time(moment, shift_s) AS
    moment - to_microseconds((coalesce(shift_s, 0) * 1000000)::BIGINT);

-- Sysmon's UtcTime is a clock of its own beside the exporter's. Its network and DNS events (3, 22) come
-- from a kernel trace whose clock may be days away from that of its process events, yet steady.
CREATE OR REPLACE MACRO sysmon_clock(device) AS 'sysmon:' || device;
CREATE OR REPLACE MACRO sysmon_network_clock(device) AS 'sysmon-network:' || device;

-- Which of two clocks is put right by the other: the lower rank is the reference.
CREATE OR REPLACE MACRO clock_rank(vantage) AS
    CASE vantage WHEN 'sensor' THEN 0 WHEN 'endpoint' THEN 2 ELSE 1 END;

-- A name or tuple that comes again and again pairs every sighting with every other: only rare ones tell.
CREATE OR REPLACE MACRO most_repeats() AS 3;

-- More facts an hour between two clocks than this add cost and no certainty.
CREATE OR REPLACE MACRO facts_an_hour() AS 120;

-- Fewer independent facts than this may agree by chance.
CREATE OR REPLACE MACRO fewest_facts() AS 5;

-- The best offset must hold this many times the facts of the next one.
CREATE OR REPLACE MACRO mode_lead() AS 2;

-- Width of a vote, seconds: wide first, so that an hour's drift stays in one bin; then as narrow as
-- the delay between a connection and its record.
CREATE OR REPLACE MACRO wide_vote_s() AS 60.0;
CREATE OR REPLACE MACRO narrow_vote_s() AS 0.5;

-- A stretch of this many facts gets an offset of its own, so that drift shows.
CREATE OR REPLACE MACRO facts_a_stretch() AS 8;

-- A narrow vote counts from this many facts, and is the clock's habit from a third of all.
CREATE OR REPLACE MACRO fewest_votes() AS 3;
CREATE OR REPLACE MACRO habit_share() AS 1.0 / 3;

-- Neighbouring stretches no further apart than this, seconds, are one.
CREATE OR REPLACE MACRO steady_step_s() AS 0.05;

-- Two clocks of one machine hold still while their differences spread no more than this, seconds:
-- what an exporter takes to write a record.
CREATE OR REPLACE MACRO still_s() AS 1.0;

-- No two loggers agree better than this, seconds.
CREATE OR REPLACE MACRO clock_floor_s() AS 0.01;

-- Offsets of whole half-hours, up to the width of the earth's zones, are likely zone errors; half a
-- minute allows for a clock that is also wrong.
CREATE OR REPLACE MACRO is_likely_zone_error(offset_s) AS
    abs(offset_s) BETWEEN 1770 AND 26 * 3600
    AND abs(offset_s - 1800 * round(offset_s / 1800)) <= 30;

-- A machine that so many others ask is a DNS server.
CREATE OR REPLACE MACRO clients_of_a_server() AS 2;

-- A proxy that names its clients does so for nearly every request; its own updates name none.
CREATE OR REPLACE MACRO naming_share() AS 0.9;

-- A server asks onward at once; half a minute allows for a sensor whose clock differs and for retries.
CREATE OR REPLACE MACRO forwarding_gap() AS INTERVAL 30 SECOND;

-- An IPv4 address as a number; NULL for anything else.
CREATE OR REPLACE MACRO ip_number(ip) AS
    CASE
        WHEN regexp_full_match(ip, '\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}')
            THEN list_reduce(
                list_transform(string_split(ip, '.'), lambda part: part::HUGEINT),
                lambda a, b: a * 256 + b)
    END;

-- A destination of more hosts is the organisation's habit, whatever its rhythm.
CREATE OR REPLACE MACRO most_hosts_of_a_rhythm() AS 10;

-- Seconds of rhythms count from here, since forged and broken clocks stand before 1970; days outside are
-- left out, as what their number would not hold.
CREATE OR REPLACE MACRO rhythm_epoch() AS DATE '1600-01-01';
CREATE OR REPLACE MACRO rhythm_second(day) AS (epoch(day) - epoch(rhythm_epoch()))::BIGINT;
CREATE OR REPLACE MACRO is_rhythm_day(day) AS day BETWEEN rhythm_epoch() AND DATE '3600-01-01';

-- Fewer beats than this repeat by chance.
CREATE OR REPLACE MACRO fewest_beats() AS 6;

-- Names that share an address, a program or a shape; more of them are a service of its own.
CREATE OR REPLACE MACRO most_names_of_a_unit() AS 100;

-- A bound on chance this small makes gaps a clock's.
CREATE OR REPLACE MACRO least_log_chance() AS -5;

-- Heard in so large a share of the hours that the host was on, for so long, with so little said each
-- time: a program that lives there, whatever its gaps.
CREATE OR REPLACE MACRO persistent_share() AS 0.6;
CREATE OR REPLACE MACRO persistent_hours() AS 24;
CREATE OR REPLACE MACRO persistent_days() AS 3;
CREATE OR REPLACE MACRO small_exchange_bytes() AS 8192;

-- What makes a rhythm matter, as parts of a probability (judged_rhythm). Rhythms of one host exist on
-- honest hosts; without a period only endurance speaks.
CREATE OR REPLACE MACRO regular_strength() AS 0.45;
CREATE OR REPLACE MACRO persistent_strength() AS 0.4;

-- What appears after the host has been watched for two days began then: services are there from the
-- first day, intrusions begin on some day. What begins with the host's log is likely older than it.
CREATE OR REPLACE MACRO new_after() AS INTERVAL 2 DAY;
CREATE OR REPLACE MACRO old_within() AS INTERVAL 4 HOUR;
CREATE OR REPLACE MACRO is_new_here(first_known, host_since) AS
    coalesce(first_known - host_since >= new_after(), false);
CREATE OR REPLACE MACRO is_old_here(first_seen, last_seen, host_since) AS
    coalesce(
        first_seen - host_since < old_within() AND last_seen - host_since >= new_after(), false);
CREATE OR REPLACE MACRO new_strength() AS 0.3;
CREATE OR REPLACE MACRO old_strength() AS -0.3;

-- Nobody else contacts it; among fewer hosts being the only one says nothing.
CREATE OR REPLACE MACRO sole_strength() AS 0.1;
CREATE OR REPLACE MACRO least_fleet() AS 5;

-- An intrusion begins on one to three hosts; four to ten are one department's product. In a small fleet
-- a quarter of the hosts is a habit.
CREATE OR REPLACE MACRO few_hosts_of_a_rhythm() AS 3;
CREATE OR REPLACE MACRO shared_part() AS 0.25;
CREATE OR REPLACE MACRO shared_ceiling() AS 0.25;

-- An address in place of a name: no product is sold so.
CREATE OR REPLACE MACRO bare_strength() AS 0.15;
CREATE OR REPLACE MACRO is_address(destination) AS
    regexp_matches(destination, '^\d{1,3}(\.\d{1,3}){3}(:\d+)?$|^\[');

-- A label as algorithms make them: digits between letters, digits alone, or five consonants in a row.
-- Shorter ones name machines.
CREATE OR REPLACE MACRO odd_strength() AS 0.1;
CREATE OR REPLACE MACRO is_odd_label(label) AS
    length(label) >= 7
    AND regexp_matches(
        label, '^[a-z]*[0-9]+[a-z]+[0-9a-z]*$|^[0-9]{5,}$|[bcdfghjklmnpqrstvwxz]{5}');

-- A program that an ordinary account can replace.
CREATE OR REPLACE MACRO writable_strength() AS 0.2;

-- What newness, rarity and the program's place add to any sign of data that leaves.
CREATE OR REPLACE MACRO odd_pair_strength(is_new, is_old, fleet_hosts, hosts, is_writable) AS
    CASE WHEN is_new THEN new_strength() WHEN is_old THEN old_strength() ELSE 0 END
    + CASE WHEN fleet_hosts = 1 AND hosts >= least_fleet() THEN sole_strength() ELSE 0 END
    + CASE WHEN is_writable THEN writable_strength() ELSE 0 END;

-- Hundreds of gaps of one length: chance has no part in it.
CREATE OR REPLACE MACRO strict_strength() AS 0.1;
CREATE OR REPLACE MACRO strict_log_chance() AS -100;

-- Heard in nearly every hour for longer than a person stays on a page; a program misses an hour now
-- and then.
CREATE OR REPLACE MACRO enduring_strength() AS 0.15;
CREATE OR REPLACE MACRO enduring_hours() AS 12;
CREATE OR REPLACE MACRO enduring_share() AS 0.9;

-- A host with many rhythms of the same age runs software that keeps time; one of many may still be the
-- implant.
CREATE OR REPLACE MACRO crowd_strength() AS 0.05;
CREATE OR REPLACE MACRO most_crowd() AS 0.3;

-- A name that the host never asked for came with the program, as a cached answer, or as a name only said.
CREATE OR REPLACE MACRO unasked_strength() AS 0.1;
-- A host is known to ask when it asks for so large a share of the names it meets.
CREATE OR REPLACE MACRO asking_share() AS 0.5;

-- Ten times more came back than went out: an updater fetches, an implant asks.
CREATE OR REPLACE MACRO fetching_factor() AS 10;

-- Once a day is a rhythm of people too; but people rest, and what comes on nine of ten days for two weeks,
-- to a place that is new and nobody else's, is a program. It may still be a backup: never more than this.
CREATE OR REPLACE MACRO daily_period_s() AS 64800;
CREATE OR REPLACE MACRO daily_ceiling() AS 0.3;
CREATE OR REPLACE MACRO tireless_share() AS 0.9;
CREATE OR REPLACE MACRO tireless_days() AS 14;
CREATE OR REPLACE MACRO tireless_ceiling() AS 0.6;

-- A rhythm alone is never proof.
CREATE OR REPLACE MACRO most_of_a_rhythm() AS 0.95;

-- Private addresses and names: what machines of one network do with each other keeps time by design.
CREATE OR REPLACE MACRO is_inside_name(destination) AS
    regexp_matches(
        destination,
        '^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[?f[cde][0-9a-f]{2}:)'
        || '|\.(local|lan|internal|intranet|corp|home|arpa)(:\d+)?$|^[^.:]+$');

-- Name, lease, time and neighbour services keep time by design.
CREATE OR REPLACE MACRO is_timed_port(server_port) AS
    coalesce(server_port IN (53, 67, 68, 123, 137, 138, 546, 547, 1900, 3702, 5353, 5355), false);

-- Contract of signals: at most 20 rows of evidence.
CREATE OR REPLACE MACRO most_evidence() AS 20;

-- A bound on chance this small is a whole share of regularity; what the log cannot say is half a share.
CREATE OR REPLACE MACRO sure_log_chance() AS -10;
CREATE OR REPLACE MACRO unsaid_share() AS 0.5;

-- A share as whole percent.
CREATE OR REPLACE MACRO percent(share) AS round(100 * share)::BIGINT;

-- An address that is not of a private network.
CREATE OR REPLACE MACRO is_public_address(host) AS
    regexp_matches(host, '^\d{1,3}(\.\d{1,3}){3}$|^[0-9a-f]*:[0-9a-f:]*$')
    AND NOT regexp_matches(
        host, '^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cd][0-9a-f]{2}:|fe80:|fec0:)');

-- Rows of an event table by source, host and hour.
CREATE OR REPLACE MACRO rows_of(event_table) AS TABLE
    SELECT
        source,
        host_id,
        vantage = 'endpoint' AS is_own,
        date_trunc('hour', time) AS hour,
        count(*) AS rows,
        max(time) AS last_seen
    FROM query_table(event_table)
    WHERE source IS NOT NULL AND time IS NOT NULL
    GROUP BY
        source,
        host_id,
        vantage = 'endpoint',
        date_trunc('hour', time);

-- Below a quarter of an hour nobody waits; a host is late beside the others at so many times theirs.
CREATE OR REPLACE MACRO late_s() AS 900.0;
CREATE OR REPLACE MACRO late_factor() AS 10.0;
CREATE OR REPLACE MACRO fewest_late_records() AS 20;

-- Records of an event table that say when they were taken in, and the seconds that took.
CREATE OR REPLACE MACRO lags_of(event_table) AS TABLE
    SELECT
        source,
        host_id,
        time::DATE AS day,
        epoch(received - time) AS lag_s
    FROM query_table(event_table)
    WHERE received IS NOT NULL AND source IS NOT NULL AND time IS NOT NULL;

-- A host's own log is missed when the network saw the host in this many hours after its last record,
-- and the log had been there in this share of the host's hours, on this many days.
CREATE OR REPLACE MACRO hours_missed() AS 6;
CREATE OR REPLACE MACRO usual_share() AS 0.5;
CREATE OR REPLACE MACRO usual_days() AS 3;

-- A clock whose offset changes by more than this between two stretches, seconds, was set.
CREATE OR REPLACE MACRO clock_step_s() AS 60;

-- The label that an organisation chose in a domain: acme of mail.acme.co.jp and of
-- acme.onmicrosoft.com, which Microsoft gives to its tenants.
CREATE OR REPLACE MACRO chosen_label(domain) AS
    CASE
        WHEN ends_with(lower(domain), '.onmicrosoft.com')
            THEN regexp_extract(lower(domain), '([^.]+)\.onmicrosoft\.com$', 1)
        ELSE regexp_extract(
            lower(domain),
            '([^.]+)\.(?:(?:ac|ad|co|com|ed|edu|go|gob|gov|gr|lg|mil|ne|net|or|org)\.[a-z]{2}|[^.]+)$',
            1)
    END;

-- A domain to which this share of all mail goes is the organisation's own.
CREATE OR REPLACE MACRO own_share() AS 0.2;

-- Names that every machine has are nobody's.
CREATE OR REPLACE MACRO is_shared_account(account) AS
    account IN (
        'administrator', 'admin', 'guest', 'root', 'system', 'local service', 'network service',
        'defaultaccount', 'user', 'test', 'anonymous logon', 'info', 'support', 'service'
    );

-- Browser and system of a user agent without versions, which change every month; a program by its name.
CREATE OR REPLACE MACRO client_of(user_agent) AS
    CASE
        WHEN user_agent IS NULL OR user_agent = '' THEN NULL
        WHEN NOT starts_with(user_agent, 'Mozilla/')
            THEN lower(regexp_extract(user_agent, '^([^/;:( ]+)', 1))
        ELSE coalesce(
                nullif(regexp_extract(
                    user_agent, '(iPhone|iPad|Android|Windows|Macintosh|CrOS|Linux)', 1), ''), 'other')
            || ' '
            || coalesce(
                nullif(regexp_extract(
                    user_agent, '(Edg|OPR|Firefox|Teams|Outlook|Electron|Chrome|CriOS|FxiOS|Safari|Trident)', 1), ''),
                'other')
    END;

-- Great-circle distance of two places given in degrees, km: haversine on a sphere of 6,371 km.
CREATE OR REPLACE MACRO distance_km(latitude_a, longitude_a, latitude_b, longitude_b) AS
    2 * 6371 * asin(sqrt(
        pow(sin(radians(latitude_b - latitude_a) / 2), 2)
        + cos(radians(latitude_a)) * cos(radians(latitude_b))
        * pow(sin(radians(longitude_b - longitude_a) / 2), 2)));

-- The lists of a message's records as one, in a fixed order; that of a single record as it stands.
CREATE OR REPLACE MACRO one_list(items, place) AS
    CASE
        WHEN count(items) <= 1 THEN any_value(items)
        ELSE list_sort(list_distinct(flatten(list(items ORDER BY place) FILTER (items IS NOT NULL))))
    END;

-- A host that fails on fewer units than this shows no set, no burst and no ratio.
CREATE OR REPLACE MACRO fewest_failures() AS 4;

-- A name that fails for so many hosts, for so long, is a fault they share: most algorithms change their
-- names daily or weekly.
CREATE OR REPLACE MACRO hosts_of_a_fault() AS 3;
CREATE OR REPLACE MACRO age_of_a_fault() AS INTERVAL 3 DAY;

-- A host that answers so many others asks on their behalf; a scan must not turn its target into one.
CREATE OR REPLACE MACRO clients_of_a_resolver() AS 3;

-- Children of one domain look made where there are some, of one or a few lengths, and hardly any other
-- host asks. Shorter ones are host names (www, srv1); longer ones are hashes of look-ups or tunnels.
CREATE OR REPLACE MACRO fewest_children() AS 4;
CREATE OR REPLACE MACRO most_children() AS 1000;
CREATE OR REPLACE MACRO spread_of_a_cluster() AS 3;
CREATE OR REPLACE MACRO hosts_of_a_cluster() AS 2;
CREATE OR REPLACE MACRO is_made_child_length(label) AS length(label) BETWEEN 6 AND 16;

-- What failures are answered with (failure_answer). A page has an address or a few; ten names without
-- anything in common are no visit. Names of an algorithm live a week at most; a crowd of hosts, or a
-- longer life, makes a name somebody's own.
CREATE OR REPLACE MACRO most_page_addresses() AS 4;
CREATE OR REPLACE MACRO fewest_rewritten() AS 10;
CREATE OR REPLACE MACRO rewritten_days() AS INTERVAL 8 DAY;
CREATE OR REPLACE MACRO seldom_share() AS 0.8;

-- Where sessions name one name in ten and come to be, a machine of many customers answers.
CREATE OR REPLACE MACRO served_share() AS 0.1;

-- Signs that nothing stands behind the names: names without a dot, which nobody can register, or names
-- that fail in the same moment, three of them; or hardly a name failing here, while one new name in ten has this one
-- answer; or labels of which three in five look drawn, among many.
CREATE OR REPLACE MACRO fewest_bare() AS 3;
CREATE OR REPLACE MACRO fewest_refused() AS 3;
CREATE OR REPLACE MACRO rare_failures() AS 0.25;
CREATE OR REPLACE MACRO rewritten_part() AS 0.1;
CREATE OR REPLACE MACRO fewest_made() AS 30;
CREATE OR REPLACE MACRO made_share() AS 0.6;
CREATE OR REPLACE MACRO most_judged_labels() AS 500;

-- Written as an address, of either family.
CREATE OR REPLACE MACRO is_any_address(text) AS
    regexp_matches(text, '^\d{1,3}(\.\d{1,3}){3}$|^[0-9a-f]*:[0-9a-f:.]*$');

-- Addresses that lead to no machine, or to the one that asks.
CREATE OR REPLACE MACRO is_nowhere(addresses) AS
    list_bool_and(list_transform(
        addresses, lambda a: regexp_matches(a, '^(::ffff:)?(0|127)\.|^::1?$')));

-- A domain, or the parent under which a company gives away names: one machine answers for all of them.
-- A suffix of two labels is a registry's where the first has two or three letters, such as co.jp.
CREATE OR REPLACE MACRO unrelated_domain(registered_domain) AS
    CASE
        WHEN regexp_matches(registered_domain, '^[^.]+\.[^.]{4,}\.[^.]')
            THEN substr(registered_domain, length(split_part(registered_domain, '.', 1)) + 2)
        ELSE registered_domain
    END;

-- What a detector says where failures come as answers.
CREATE OR REPLACE MACRO rewriting_said(addresses) AS
    CASE
        WHEN len(addresses) > 0
            THEN '; this resolver answers failures with ' || array_to_string(list_sort(addresses), ', ')
        ELSE ''
    END;
CREATE OR REPLACE MACRO rewriting_said_ja(addresses) AS
    CASE
        WHEN len(addresses) > 0
            THEN '。このリゾルバは失敗に ' || array_to_string(list_sort(addresses), ', ') || ' を返す'
        ELSE ''
    END;

-- Ports of the web, of its proxies, and of DNS in the clear, over TLS and over QUIC.
CREATE OR REPLACE MACRO is_outward_port(server_port) AS
    coalesce(server_port IN (80, 443, 8080, 8443, 53, 853, 784, 8853), false);

-- Zeek's states of connections that never came to be.
CREATE OR REPLACE MACRO is_refused(state) AS
    coalesce(regexp_matches(state, '^(S0|REJ|OTH|SH)$'), false);

-- The /24 of an IPv4 address, the /64 of a written-out IPv6 one.
CREATE OR REPLACE MACRO net_of(ip) AS
    CASE
        WHEN contains(ip, ':') THEN regexp_extract(ip, '^([0-9a-f]+:){4}')
        ELSE regexp_extract(ip, '^\d+\.\d+\.\d+\.')
    END;

-- Whether an exception covers a connection; what it does not name is any. Parents are no part of one.
CREATE OR REPLACE MACRO is_covered(
    host_id, image, destination, any_host, any_image, any_destination, any_parent
) AS
    any_parent IS NULL
    AND coalesce(any_host = host_id, any_host IS NULL)
    AND coalesce(any_image = image, any_image IS NULL)
    AND coalesce(any_destination = destination, any_destination IS NULL);

-- About what somebody registered: the last two labels, three where the last two look like co.jp.
CREATE OR REPLACE MACRO parent_of(query) AS
    regexp_extract(query, '[^.]+\.([a-z]{2,3}\.[a-z]{2}|[^.]+)$');
