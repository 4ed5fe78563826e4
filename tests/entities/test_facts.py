"""Look-ups, names, contacts, uptime and baselines from settled events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import duckdb
import pytest

from kizashi import entities
from kizashi.schema import tables
from tests.entities.lake_tables import add, at, derived, empty_lake

MONDAY = date(2026, 3, 2)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with empty_lake() as connection:
        yield connection


def asked(
    when: datetime, query: str, rcode: str | None = "NOERROR", **more: object
) -> dict[str, object]:
    return {
        "time": when, "host_id": "/pc-01", "query": query, "rcode": rcode, "source": "zeek",
        "vantage": "sensor", **more,
    }  # fmt: skip


def test_a_aaaa_and_repeats_within_five_seconds_are_one_look_up(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(
        con, "dns_activity",
        asked(at(9, 0, 4.9), "a.example", query_type="A", answers=["192.0.2.1"]),
        asked(at(9, 0, 5.1), "a.example", query_type="AAAA", answers=[]),
        asked(at(9, 0, 10), "a.example", query_type="A", answers=["192.0.2.2"]),
        asked(at(9, 0, 16), "a.example", query_type="A"),
    )  # fmt: skip
    columns = "time, query_types, answers, witnesses, evidence.record_no"
    assert derived(con, "dns_fact", columns) == [
        (at(9, 0, 4.9), ["A", "AAAA"], ["192.0.2.1", "192.0.2.2"], 1, 0),
        (at(9, 0, 16), ["A"], None, 1, 3),
    ]


def test_another_host_name_or_outcome_is_another_look_up(con: duckdb.DuckDBPyConnection) -> None:
    add(
        con, "dns_activity",
        asked(at(9), "a.example"),
        asked(at(9), "a.example", host_id="/pc-02"),
        asked(at(9), "b.example"),
        asked(at(9), "a.example", "NXDOMAIN"),
        asked(at(9), "c.example", None),
        asked(at(9), None),  # type: ignore[arg-type]
        asked(at(9), ""),
    )  # fmt: skip
    assert derived(con, "dns_fact", "host_id, query, failed, rcode") == [
        ("/pc-01", "a.example", False, "NOERROR"),
        ("/pc-01", "a.example", True, "NXDOMAIN"),
        ("/pc-01", "b.example", False, "NOERROR"),
        ("/pc-01", "c.example", False, None),
        ("/pc-02", "a.example", False, "NOERROR"),
    ]


def test_a_sensor_and_an_endpoint_are_two_witnesses_of_one_look_up_by_a_process(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(
        con, "dns_activity",
        asked(at(9), "k7.ix.tc", "NXDOMAIN"),
        asked(
            at(9, 0, 1), "k7.ix.tc", "NXDOMAIN", source="windows", vantage="endpoint",
            process_guid="AB-01", image=r"C:\Users\aiko\Downloads\a.exe",
        ),
    )  # fmt: skip
    columns = "registered_domain, failed, process_guid, image, witnesses"
    assert derived(con, "dns_fact", columns) == [
        ("k7.ix.tc", True, "AB-01", r"C:\Users\aiko\Downloads\a.exe", 2)
    ]


def test_a_filter_on_failed_reaches_the_scan(con: duckdb.DuckDBPyConnection) -> None:
    add(con, "dns_activity", asked(at(9), "a.example"), asked(at(9), "b.example", "NXDOMAIN"))
    derived(con, "dns_fact")
    plan = con.execute("EXPLAIN SELECT query FROM dns_fact WHERE failed").fetchall()[0][1]
    assert "NXDOMAIN" in plan[plan.upper().rindex("WINDOW") :]


def test_variables_cut_the_look_ups_to_a_stretch_of_time(con: duckdb.DuckDBPyConnection) -> None:
    add(con, "dns_activity", *(asked(at(hour), f"{hour}.example") for hour in range(24)))
    con.execute(f"SET VARIABLE facts_from = TIMESTAMP '{at(9)}'")
    con.execute(f"SET VARIABLE facts_to = TIMESTAMP '{at(11)}'")
    assert derived(con, "dns_fact", "query") == [("10.example",), ("9.example",)]


def test_each_name_is_told_once_with_its_domain_hosts_and_look_ups(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(
        con, "dns_activity",
        asked(at(9), "x.k7.ix.tc", "NXDOMAIN", query_type="A"),
        asked(at(9, 0, 1), "x.k7.ix.tc", "NXDOMAIN", query_type="AAAA"),
        asked(at(10), "x.k7.ix.tc", host_id="/pc-02"),
        asked(at(11), "wpad"),
    )  # fmt: skip
    columns = "query, registered_domain, label, first_seen, last_seen, hosts, lookups, failures"
    assert derived(con, "name", columns) == [
        ("wpad", None, "wpad", at(11), at(11), 1, 1, 0),
        ("x.k7.ix.tc", "k7.ix.tc", "x", at(9), at(10), 2, 3, 2),
    ]


def test_uptime_holds_the_five_minute_bins_of_any_event(con: duckdb.DuckDBPyConnection) -> None:
    add(
        con,
        "dns_activity",
        asked(at(0, 4, 59.9), "a.example"),
        asked(at(23, 59, 59.9), "b.example"),
    )
    add(con, "process_activity", {"time": at(0, 5), "device": "pc-01"})
    add(con, "file_activity", {"time": at(0, 7, days=1), "device": "pc-01"})
    add(con, "email_activity", {"time": at(12), "device": "pc-01"})
    assert derived(con, "uptime", "host_id, day, bins") == [
        ("/pc-01", MONDAY, [0, 1, 287]),
        ("/pc-01", date(2026, 3, 3), [1]),
    ]


def test_uptime_reads_every_table_but_those_that_tell_of_no_host() -> None:
    apart = {
        "account_change",
        "alert",
        "certificate_activity",
        "consent_activity",
        "email_activity",
        "web_resource_activity",
    }
    text = entities.sql("uptime")
    assert {name for name in tables() if f"bins_of('{name}')" in text} == set(tables()) - apart


def test_a_baseline_counts_look_ups_by_hour_of_week_over_days_that_the_host_was_on(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(
        con, "dns_activity",
        asked(at(9), "a.example"),
        asked(at(9, 0, 1), "a.example"),
        asked(at(9, 30), "b.example", "NXDOMAIN"),
        asked(at(9, days=7), "a.example"),
        asked(at(23, days=6), "a.example"),
    )  # fmt: skip
    add(con, "process_activity", {"time": at(9, days=14), "device": "pc-01"})
    add(con, "process_activity", {"time": at(10), "device": "pc-01"})
    assert derived(con, "baseline", "hour_of_week, lookups, failures, days") == [
        (9, 4, 1, 3),
        (10, 0, 0, 1),
        (167, 1, 0, 1),
    ]


def connected(when: datetime, server: str, **more: object) -> dict[str, object]:
    return {
        "time": when, "host_id": "/pc-01", "server_ip": server, "server_port": 443,
        "bytes_out": 10, "bytes_in": 20, **more,
    }  # fmt: skip


def test_a_contact_is_named_by_http_host_then_sni_then_look_up_then_address(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(con, "dns_activity", asked(at(8), "looked-up.example", answers=["192.0.2.3"]))
    add(
        con, "http_activity",
        {
            "time": at(9), "host_id": "/pc-01", "uid": "C1", "host": "web.example",
            "server_ip": "192.0.2.1", "request_body_bytes": 7, "response_body_bytes": 8,
        },
    )  # fmt: skip
    add(
        con, "tls_activity",
        {
            "time": at(9), "host_id": "/pc-01", "uid": "C2", "sni": "tls.example",
            "server_ip": "192.0.2.2",
        },
    )  # fmt: skip
    add(
        con, "network_activity",
        connected(at(9), "192.0.2.1", uid="C1"),
        connected(at(9), "192.0.2.2", uid="C2"),
        connected(at(9), "192.0.2.3", uid="C3"),
        connected(at(9), "192.0.2.4", uid="C4"),
        connected(at(9), "2001:db8::4", uid="C5"),
        connected(at(9), "192.0.2.53", uid="C6", service="dns"),
        connected(at(9), "239.255.255.250", uid="C7"),
        connected(at(9), "192.0.2.9", uid="C8", initiated=False),
    )  # fmt: skip
    assert derived(con, "contact", "destination, server_ip, protocol, bytes_out, bytes_in") == [
        ("192.0.2.4:443", "192.0.2.4", "network", 10, 20),
        ("[2001:db8::4]:443", "2001:db8::4", "network", 10, 20),
        ("looked-up.example", "192.0.2.3", "network", 10, 20),
        ("tls.example", "192.0.2.2", "tls", 10, 20),
        ("web.example", "192.0.2.1", "http", 7, 8),
    ]


def test_an_address_with_several_names_has_the_one_that_the_host_looked_up_last(
    con: duckdb.DuckDBPyConnection,
) -> None:
    shared = "192.0.2.3"
    add(
        con, "dns_activity",
        asked(at(9), "first.example", answers=["alias.example", shared]),
        asked(at(11), "second.example", answers=[shared]),
        asked(at(11, 30), "other-hosts.example", answers=[shared], host_id="/pc-02"),
    )  # fmt: skip
    add(con, "network_activity", *(connected(at(hour), shared) for hour in (8, 10, 12)))
    assert derived(con, "contact", "first_seen, destination") == [
        (at(8), "192.0.2.3:443"),
        (at(10), "first.example"),
        (at(12), "second.example"),
    ]


def test_contacts_of_a_day_keep_their_seconds_in_order(con: duckdb.DuckDBPyConnection) -> None:
    add(
        con, "network_activity",
        connected(at(23, 59, 59.9), "192.0.2.4"),
        connected(at(0, 0, 0.9), "192.0.2.4"),
        connected(at(0, 0, 0.2), "192.0.2.4"),
        connected(at(0, 0, 0, days=1), "192.0.2.4"),
    )  # fmt: skip
    assert derived(con, "contact", "day, hits, times, first_seen, last_seen, bytes_out") == [
        (MONDAY, 3, [0, 86399], at(0, 0, 0.2), at(23, 59, 59.9), 30),
        (date(2026, 3, 3), 1, [0], at(days=1), at(days=1), 10),
    ]


def test_a_server_is_not_blamed_for_what_it_only_passed_on() -> None:
    con = empty_lake()
    server = {"client_ip": "192.0.2.53", "server_ip": "198.51.100.53", "vantage": "sensor"}
    clients = [
        {"client_ip": f"192.0.2.{n}", "server_ip": "192.0.2.53", "vantage": "sensor"}
        for n in (7, 8)
    ]
    asked = {"query": "gone.example", "rcode": "NXDOMAIN"}
    add(
        con,
        "dns_activity",
        clients[0] | asked | {"time": at(9)},
        clients[1] | {"time": at(9), "query": "www.example", "rcode": "NOERROR"},
        server | asked | {"time": at(9, seconds=0.1)},
        server | {"time": at(10), "query": "own.example", "rcode": "NXDOMAIN"},
    )
    assert derived(con, "dns_fact", "host_id, query") == [
        ("/192.0.2.53", "own.example"),
        ("/192.0.2.7", "gone.example"),
        ("/192.0.2.8", "www.example"),
    ]


def test_a_resolver_that_a_person_named_is_not_blamed_for_what_it_asks(
    con: duckdb.DuckDBPyConnection,
) -> None:
    """Its clients are not logged, so no behaviour tells that it asks for others."""
    for number in range(12):
        add(con, "dns_activity", {
            "time": at(9, seconds=number), "client_ip": "192.0.2.53", "site": "tokyo",
            "server_ip": "198.51.100.1", "query": f"x{number}qkzv.example{number}.test",
            "rcode": "NXDOMAIN", "vantage": "sensor",
        })  # fmt: skip
    blamed = "count(DISTINCT host_id)"
    assert derived(con, "failed_lookup", blamed) == [(1,)]
    entities.give_roles(con, [("tokyo", "resolver", "192.0.2.53")])
    assert derived(con, "failed_lookup", blamed) == [(0,)]
