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
CREATE OR REPLACE MACRO uptime_bin(time) AS
    (date_part('hour', time) * 12 + date_part('minute', time) // 5)::USMALLINT;

-- Hour of the week in UTC, 0 = Monday 00:00.
CREATE OR REPLACE MACRO hour_of_week(time) AS
    ((isodow(time) - 1) * 24 + date_part('hour', time))::UTINYINT;

-- Seconds since midnight.
CREATE OR REPLACE MACRO second_of_day(time) AS (epoch(time::TIMESTAMP - time::DATE))::UINTEGER;

-- A, AAAA and repeats of one look-up come within this long.
CREATE OR REPLACE MACRO lookup_gap() AS INTERVAL 5 SECOND;

-- Where a server is known by its address alone.
CREATE OR REPLACE MACRO address_and_port(server_ip, server_port) AS
    CASE WHEN contains(server_ip, ':') THEN '[' || server_ip || ']' ELSE server_ip END
    || coalesce(':' || server_port::VARCHAR, '');

-- A time brought to the reference clock; shift_s comes from clock_shift, NULL means no shift known.
CREATE OR REPLACE MACRO aligned_time(time, shift_s) AS
    time - to_microseconds((coalesce(shift_s, 0) * 1000000)::BIGINT);
