"""The page on ways outside: what it lists, in which order, and what it says it cannot see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from kizashi import entities
from kizashi.incidents.page import Page
from kizashi.overview import egress
from kizashi.schema import create_sql, references
from tests.entities.lake_tables import add, at, empty_lake
from tests.overview.reading import sheet

PROXY, RESOLVER, SERVER = "10.1.0.80", "10.1.0.53", "198.51.100.9"
UPDATER = r"C:\Program Files\Updater\updater.exe"
DROPPED = r"C:\Users\hana\AppData\Local\Temp\u.exe"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with empty_lake() as connection:
        connection.execute(create_sql(references()["exempted"]))
        yield connection


def seen(con: duckdb.DuckDBPyConnection, table: str, *rows: dict[str, Any]) -> None:
    ((number,),) = con.execute(f"SELECT count(*) FROM {table}").fetchall()
    whole = [{"site": "tokyo", "source": "case", "vantage": "sensor", **row} for row in rows]
    numbered = [{**row, "record_no": number + i} for i, row in enumerate(whole)]
    for row in numbered:
        row.setdefault("host_id", f"tokyo/{row['device']}")
    add(con, table, *numbered)


def proxied(con: duckdb.DuckDBPyConnection, days: int = 1, hosts: int = 4) -> None:
    """A site whose hosts reach the web through a proxy and names through a resolver."""
    for day in range(days):
        for n in range(1, hosts + 1):
            own = {"device": f"pc-{n}", "client_ip": f"10.1.0.{n}", "time": at(9, days=day)}
            seen(
                con, "http_activity",
                {**own, "proxied": True, "host": "www.example", "server_ip": PROXY},
            )  # fmt: skip
            seen(
                con, "dns_activity",
                {**own, "query": "www.example", "rcode": "NOERROR", "server_ip": RESOLVER},
            )  # fmt: skip


def flow(hours: float, server_ip: str, port: int = 443, **more: Any) -> dict[str, Any]:
    return {
        "time": at(hours), "device": "pc-1", "client_ip": "10.1.0.1", "server_ip": server_ip,
        "server_port": port, "transport": "tcp", "state": "SF", **more,
    }  # fmt: skip


def made(con: duckdb.DuckDBPyConnection, **about: Any) -> Page:
    entities.derive(con)
    return egress.page(con, **about)


def test_each_way_outside_has_its_name(con: duckdb.DuckDBPyConnection) -> None:
    proxied(con)
    seen(
        con, "network_activity",
        flow(10, SERVER), flow(10, SERVER, 443, transport="udp", client_port=5),
        flow(10, SERVER, 53, transport="udp"), flow(10, SERVER, 853),
        flow(10, SERVER, 853, transport="udp", client_port=6),
        flow(10, "203.0.113.7", server_name="dns.google"),
        flow(10, "203.0.113.8", server_name="mask.icloud.com"),
        flow(10, "8.8.8.8", client_port=9),
    )  # fmt: skip
    assert sorted(sheet(made(con), "matrix", "way", "destination", "connections")) == [
        ("way.dns", SERVER, 1),
        ("way.doh", "8.8.8.8", 1),
        ("way.doh", "dns.google", 1),
        ("way.doq", SERVER, 1),
        ("way.dot", SERVER, 1),
        ("way.quic", SERVER, 1),
        ("way.relay", "mask.icloud.com", 1),
        ("way.web", SERVER, 1),
    ]


def test_a_request_in_the_form_of_dns_over_https_needs_no_known_name(
    con: duckdb.DuckDBPyConnection,
) -> None:
    proxied(con)
    seen(
        con, "http_activity",
        {"time": at(10), "device": "pc-1", "client_ip": "10.1.0.1", "server_ip": SERVER,
         "server_port": 443, "host": "quiet.example", "uri": "/dns-query?dns=AAAB"},
    )  # fmt: skip
    assert sheet(made(con), "matrix", "way", "destination") == [("way.doh", "quiet.example")]


def test_what_stays_inside_goes_to_the_proxy_or_comes_from_a_server_is_no_way_outside(
    con: duckdb.DuckDBPyConnection,
) -> None:
    proxied(con)
    seen(
        con, "network_activity",
        flow(10, "10.2.0.9"), flow(10, PROXY, 8080), flow(10, SERVER, 22),
        flow(10, SERVER, state="S0"), flow(10, SERVER, disposition="blocked"),
        flow(10, SERVER, device="proxy", client_ip=PROXY),
        flow(10, SERVER, 53, device="ns", client_ip=RESOLVER),
        flow(10, SERVER, 137), flow(10, SERVER, device="198.51.100.77", client_ip="198.51.100.77"),
    )  # fmt: skip
    assert sheet(made(con), "matrix", "host", "destination") == []


def test_names_of_neighbours_among_dns_are_no_dns_outside(con: duckdb.DuckDBPyConnection) -> None:
    proxied(con)
    row = {
        "time": at(9),
        "device": "pc-1",
        "client_ip": "10.1.0.1",
        "query": "*",
        "server_port": 137,
    }
    seen(con, "dns_activity", {**row, "server_ip": SERVER})
    seen(con, "dns_activity", {**row, "server_ip": "224.0.0.251", "server_port": 5353})
    assert sheet(made(con), "matrix", "way") == []


def test_the_share_of_a_day_counts_exchanges_and_connections(
    con: duckdb.DuckDBPyConnection,
) -> None:
    proxied(con, days=2, hosts=4)
    seen(con, "network_activity", flow(10, SERVER))
    page = made(con)
    days = sheet(page, "days", "site", "proxied", "direct", "hosts", "share")
    assert days == [("tokyo", 4, 1, 1, 0.8), ("tokyo", 4, 0, 0, 1.0)]
    assert [bar.value for bar in page.drawings[0].bars] == [0.8, 1.0]
    assert page.lead[0].values["share"] == 89


def test_a_program_that_any_account_can_replace_comes_first(con: duckdb.DuckDBPyConnection) -> None:
    proxied(con)
    own: dict[str, Any] = {"vantage": "endpoint"}
    seen(
        con, "network_activity",
        *[flow(10, SERVER, image=UPDATER, client_port=n, **own) for n in range(9)],
        flow(11, "203.0.113.5", image=DROPPED, **own),
    )  # fmt: skip
    assert sheet(made(con), "matrix", "program", "connections", "remark") == [
        (DROPPED, 1, "egress.writable"),
        (UPDATER, 9, None),
    ]


def test_a_program_that_begins_to_go_outside_is_newly_direct(
    con: duckdb.DuckDBPyConnection,
) -> None:
    proxied(con, days=5)
    seen(
        con, "network_activity",
        flow(10, SERVER, image=UPDATER), flow(10 + 72, SERVER, image=UPDATER),
        flow(10 + 72, "203.0.113.5", image=r"C:\Program Files\New\new.exe"),
    )  # fmt: skip
    assert sheet(made(con), "newly_direct", "program", "since") == [
        (r"C:\Program Files\New\new.exe", at(10 + 72))
    ]


def test_an_exception_covers_its_tuple_until_its_last_day_and_is_named_after_it(
    con: duckdb.DuckDBPyConnection,
) -> None:
    proxied(con)
    con.execute(
        "INSERT INTO exempted VALUES (1, 'network_direct_egress', NULL, ?, NULL, 'old.example', "
        "'sato', 'licence', '2026-03-01'), (2, 'network_direct_egress', NULL, ?, NULL, "
        "'new.example', 'mori', 'updates', '2026-12-31')",
        [UPDATER, UPDATER],
    )
    seen(
        con, "network_activity",
        flow(10, SERVER, image=UPDATER, server_name="old.example", client_port=1),
        flow(10, SERVER, image=UPDATER, server_name="new.example", client_port=2),
        flow(10, SERVER, image=UPDATER, server_name="other.example", client_port=3),
    )  # fmt: skip
    page = made(con)
    assert {row[0]: row[1] for row in sheet(page, "matrix", "destination", "remark")} == {
        "old.example": "egress.ended",
        "new.example": "egress.excepted",
        "other.example": None,
    }
    assert sheet(page, "matrix", "destination")[-1] == ("new.example",)
    assert sheet(page, "exceptions", "exception", "owner", "covered", "after_end") == [
        (1, "sato", 0, 1),
        (2, "mori", 1, 0),
    ]


def test_a_host_that_speaks_to_names_it_never_asked_for_resolves_elsewhere(
    con: duckdb.DuckDBPyConnection,
) -> None:
    proxied(con)
    for host, unasked in (("pc-1", 8), ("pc-2", 4)):
        own = {"device": host, "client_ip": f"10.1.0.{host[-1]}"}
        names = [f"site{i}.example" for i in range(25)]
        seen(
            con, "dns_activity",
            *[{**own, "time": at(9, i), "query": n, "rcode": "NOERROR", "server_ip": RESOLVER}
              for i, n in enumerate(names)],
        )  # fmt: skip
        spoken = [*names[:3], *(f"hidden{i}.example" for i in range(unasked))]
        seen(
            con, "tls_activity",
            *[{**own, "time": at(10, i), "sni": n, "server_ip": SERVER, "server_port": 443,
               "established": True} for i, n in enumerate(spoken)],
        )  # fmt: skip
    assert sheet(made(con), "resolved_elsewhere", "host", "domains", "unasked") == [("pc-1", 11, 8)]


@pytest.mark.parametrize(
    ("key", "value", "activity", "meaning"),
    [
        (r"HKLM\SOFTWARE\Policies\Google\Chrome\DnsOverHttpsMode", "off", "set", "off"),
        (r"HKLM\SOFTWARE\Policies\Microsoft\Edge\DnsOverHttpsMode", "secure", "set", "on"),
        (r"HKLM\SOFTWARE\Policies\Google\Chrome\DnsOverHttpsMode", "", "delete", "lifted"),
        (r"HKLM\SOFTWARE\Policies\Mozilla\Firefox\DNSOverHTTPS\Enabled", "DWORD (0x00000000)",
         "set", "off"),
        (r"HKU\S-1-5-21\SOFTWARE\Policies\Google\Chrome\DnsOverHttpsTemplates",
         "https://a.example/dns-query", "set", "place"),
        (r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\DNSClient\DoHPolicy", "DWORD (0x00000001)",
         "set", "off"),
        (r"HKLM\SYSTEM\CurrentControlSet\Services\Dnscache\Parameters\EnableAutoDoh",
         "DWORD (0x00000002)", "set", "on"),
        (r"HKLM\SOFTWARE\Policies\Google\Chrome\HomepageLocation", "x", "set", None),
    ],
)  # fmt: skip
def test_a_resolver_setting_in_the_registry_says_what_it_means(
    con: duckdb.DuckDBPyConnection, key: str, value: str, activity: str, meaning: str | None
) -> None:
    row = {"time": at(9), "device": "pc-1", "key_path": key, "value_data": value}
    seen(con, "registry_activity", {**row, "activity": activity})
    expected = [(f"resolver_key.{meaning}",)] if meaning else []
    assert sheet(made(con), "resolver_keys", "meaning") == expected


def test_where_no_proxy_is_the_rule_only_odd_ways_are_listed_unless_one_host_is_asked_for(
    con: duckdb.DuckDBPyConnection,
) -> None:
    seen(con, "network_activity", flow(10, SERVER), flow(10, SERVER, 853))
    assert sheet(made(con), "matrix", "way") == [("way.dot",)]
    page = made(con, host="pc-1")
    assert sheet(page, "matrix", "way") == [("way.dot",), ("way.web",)]
    assert "egress.no_rule" in [phrase.key for phrase in page.lead]
    assert sheet(made(con, host="pc-2"), "matrix", "way") == []
    assert sheet(made(con, site="osaka"), "matrix", "way") == []


def test_what_no_log_holds_is_said(con: duckdb.DuckDBPyConnection) -> None:
    said = {phrase.key for phrase in made(con).blind}
    assert {"egress.no_flows", "egress.no_proxy", "egress.no_dns", "egress.no_registry"} <= said
    assert {"egress.quic_unseen", "egress.ech"} <= said
