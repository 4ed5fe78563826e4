"""Who held an address when, and what host a row is about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import md5
from itertools import pairwise

import duckdb
import pytest

from kizashi import entities
from tests.entities.lake_tables import add, at, derived, empty_lake

ADDRESS = "192.0.2.10"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with empty_lake() as connection:
        yield connection


def dhcp(
    when: datetime, host: str | None, lease_s: int | None = 86400, **more: object
) -> dict[str, object]:
    return {
        "time": when, "client_ip": ADDRESS, "host_name": host, "activity": "lease",
        "lease_s": lease_s, **more,
    }  # fmt: skip


def spoke(when: datetime, device: str, **more: object) -> dict[str, object]:
    return {
        "time": when, "client_ip": ADDRESS, "device": device, "initiated": True,
        "vantage": "endpoint", **more,
    }  # fmt: skip


def leases(con: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return derived(
        con, "lease", "device, first_seen, last_seen, round(confidence, 2)", "first_seen"
    )


def hosts(
    con: duckdb.DuckDBPyConnection, *rows: tuple[str | None, str | None, datetime, str]
) -> list[str]:
    con.execute(
        "CREATE OR REPLACE TABLE seen (site VARCHAR, device VARCHAR, client_ip VARCHAR, "
        "time TIMESTAMP, record_no INTEGER)"
    )
    for number, (device, address, when, site) in enumerate(rows):
        con.execute(
            "INSERT INTO seen VALUES (?, ?, ?, ?, ?)", [site, device, address, when, number]
        )
    entities.prepare_hosts(con)
    found = con.execute(
        f"SELECT host_id, bucket FROM ({entities.with_hosts('SELECT * FROM seen')}) "
        "ORDER BY record_no"
    ).fetchall()
    for host_id, bucket in found:
        assert bucket == con.execute("SELECT bucket_of(?)", [host_id]).fetchall()[0][0]
    return [host_id for host_id, _ in found]


def test_a_lease_lasts_until_its_end_when_nobody_follows(con: duckdb.DuckDBPyConnection) -> None:
    add(con, "dhcp_activity", dhcp(at(9), "pc-01", 3600), dhcp(at(9, 30), "pc-01", 3600))
    assert leases(con) == [("pc-01", at(9), at(10, 30), 0.95)]


def test_the_next_owner_ends_the_lease_before(con: duckdb.DuckDBPyConnection) -> None:
    add(con, "dhcp_activity", dhcp(at(9), "pc-01"), dhcp(at(12), "pc-02"))
    assert leases(con) == [
        ("pc-01", at(9), at(12), 0.76),
        ("pc-02", at(12), at(12, days=1), 0.95),
    ]


def test_a_released_address_belongs_to_nobody_until_it_is_given_again(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(
        con, "dhcp_activity",
        dhcp(at(9), "pc-01"),
        dhcp(at(10), "pc-01", activity="release"),
        dhcp(at(12), "pc-02"),
    )  # fmt: skip
    assert [row[:3] for row in leases(con)] == [
        ("pc-01", at(9), at(10)),
        ("pc-02", at(12), at(12, days=1)),
    ]
    assert hosts(con, (None, ADDRESS, at(11), ""), (None, ADDRESS, at(13), "")) == [
        f"/{ADDRESS}",
        "/pc-02",
    ]


def test_an_endpoint_that_spoke_holds_its_address_for_an_hour_more(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(
        con, "network_activity",
        spoke(at(9), "pc-01", user=r"NT AUTHORITY\SYSTEM"),
        spoke(at(9, 20), "pc-01", user=r"CORP\aiko"),
        spoke(at(9, 40), "pc-01", user=r"CORP\aiko"),
    )  # fmt: skip
    assert derived(con, "lease", 'device, "user", first_seen, last_seen') == [
        ("pc-01", r"CORP\aiko", at(9), at(10, 40))
    ]


@pytest.mark.parametrize(
    "row",
    [
        spoke(at(9), "pc-01", client_ip="127.0.0.1"),
        spoke(at(9), "pc-01", client_ip="fe80::1"),
        spoke(at(9), "pc-01", client_ip="169.254.3.4"),
        spoke(at(9), "pc-01", client_ip="239.255.255.250"),
        spoke(at(9), "pc-01", initiated=False),
        spoke(at(9), "pc-01", vantage="sensor"),
    ],
)
def test_a_row_that_does_not_show_whose_address_it_is_gives_no_lease(
    con: duckdb.DuckDBPyConnection, row: dict[str, object]
) -> None:
    add(con, "network_activity", row)
    assert leases(con) == []


def test_a_workstation_name_counts_only_where_nothing_better_is_known(
    con: duckdb.DuckDBPyConnection,
) -> None:
    logon = {"time": at(9), "device": "dc-01", "success": True, "vantage": "endpoint"}
    add(con, "dhcp_activity", dhcp(at(8), "pc-01"))
    add(
        con, "authentication",
        {**logon, "client_ip": ADDRESS, "workstation": "KALI"},
        {**logon, "client_ip": "192.0.2.20", "workstation": r"\\PC-20.corp.example", "user": "a"},
        {**logon, "client_ip": "192.0.2.21", "workstation": "-"},
        {**logon, "client_ip": "192.0.2.22", "workstation": "PC-22", "success": False},
    )  # fmt: skip
    assert derived(con, "lease", 'client_ip, device, "user", round(confidence, 2)') == [
        (ADDRESS, "pc-01", None, 0.95),
        ("192.0.2.20", "pc-20", "a", 0.5),
    ]


def test_a_hardware_address_without_a_name_leaves_the_host_to_its_address(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(
        con, "dhcp_activity",
        dhcp(at(9), "pc-01", 3600),
        dhcp(at(12), None, 3600, mac="00:00:5e:00:53:01"),
    )  # fmt: skip
    assert hosts(con, (None, ADDRESS, at(9, 30), ""), (None, ADDRESS, at(12, 30), "")) == [
        "/pc-01",
        f"/{ADDRESS}",
    ]


def test_a_row_is_about_its_device_else_the_leases_device_else_its_address(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(con, "dhcp_activity", dhcp(at(9), "pc-01"), dhcp(at(12), "pc-02"))
    assert hosts(
        con,
        ("srv-01", ADDRESS, at(10), ""),
        (None, ADDRESS, at(10), ""),
        ("", ADDRESS, at(12), ""),
        (None, ADDRESS, at(8), ""),
        (None, ADDRESS, at(13, days=1), ""),
        (None, "192.0.2.99", at(10), ""),
        (None, None, at(10), ""),
    ) == ["/srv-01", "/pc-01", "/pc-02", f"/{ADDRESS}", f"/{ADDRESS}", "/192.0.2.99", "/?"]


def test_a_sole_owner_has_its_address_at_any_time_since_clocks_may_disagree(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(con, "network_activity", spoke(at(9), "pc-01"))
    assert hosts(con, (None, ADDRESS, at(4, days=1), "")) == ["/pc-01"]


def test_the_same_private_address_in_two_offices_is_two_hosts(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(
        con, "dhcp_activity",
        dhcp(at(9), "pc-01", site="tokyo"),
        dhcp(at(9), "pc-51", site="osaka"),
    )  # fmt: skip
    assert hosts(
        con,
        (None, ADDRESS, at(10), "tokyo"),
        (None, ADDRESS, at(10), "osaka"),
        (None, ADDRESS, at(10), "nagoya"),
    ) == ["tokyo/pc-01", "osaka/pc-51", f"nagoya/{ADDRESS}"]


def test_a_lease_over_midnight_holds_on_both_days(con: duckdb.DuckDBPyConnection) -> None:
    add(con, "dhcp_activity", dhcp(at(22), "pc-01", 7200 * 2), dhcp(at(5, days=1), "pc-02", 3600))
    assert hosts(con, (None, ADDRESS, at(1, days=1), ""), (None, ADDRESS, at(23), "")) == [
        "/pc-01",
        "/pc-01",
    ]


def test_leases_of_one_address_never_overlap(con: duckdb.DuckDBPyConnection) -> None:
    add(
        con, "network_activity",
        *(spoke(at(9) + timedelta(minutes=7 * n), f"pc-{n % 3}") for n in range(40)),
    )  # fmt: skip
    add(con, "dhcp_activity", dhcp(at(9), "pc-0"), dhcp(at(10), "pc-7"))
    rows = derived(con, "lease", "first_seen, last_seen", "first_seen")
    assert rows
    for (_, ends), (begins, _) in pairwise(rows):
        assert ends <= begins  # type: ignore[operator]


def test_a_bucket_follows_from_md5_alone(con: duckdb.DuckDBPyConnection) -> None:
    for host in ("tokyo/pc-07", "/192.0.2.1", "/"):
        digest = md5(host.encode(), usedforsecurity=False).digest()
        low = int.from_bytes(digest[8:], "little") % 16
        assert con.execute("SELECT bucket_of(?)", [host]).fetchall() == [(low,)]


def test_every_row_and_column_survives(con: duckdb.DuckDBPyConnection) -> None:
    add(con, "dhcp_activity", dhcp(at(9), "pc-01"), dhcp(at(12), "pc-02"))
    con.execute(
        "CREATE TABLE seen AS SELECT '' AS site, NULL::VARCHAR AS device, "
        "'192.0.2.' || (n % 20) AS client_ip, ?::TIMESTAMP + INTERVAL 1 MINUTE * n AS time, "
        "n AS record_no FROM range(2000) AS t (n)",
        [at(0)],
    )
    entities.prepare_hosts(con)
    rows = entities.with_hosts("SELECT * FROM seen")
    assert con.execute(
        f"SELECT * EXCLUDE (host_id, bucket) FROM ({rows}) ORDER BY ALL"
    ).fetchall() == (con.execute("SELECT * FROM seen ORDER BY ALL").fetchall())


PROXY = "192.0.2.80"


def asked(client: str, forwarded_for: str | None, hour: float = 9) -> dict[str, object]:
    return {
        "time": at(hour), "client_ip": client, "forwarded_for": forwarded_for, "vantage": "sensor",
    }  # fmt: skip


def askers(con: duckdb.DuckDBPyConnection, *rows: dict[str, object]) -> list[str]:
    """The hosts of requests, in the order given."""
    add(con, "http_activity", *rows)
    entities.prepare_hosts(con)
    seen = "SELECT * EXCLUDE (host_id, bucket) FROM http_activity"
    found = con.execute(
        f"SELECT host_id FROM ({entities.with_hosts(seen, True)}) ORDER BY record_no"
    ).fetchall()
    return [str(host) for (host,) in found]


def test_who_a_proxy_asks_for_is_the_host_by_its_lease_at_that_time(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(con, "dhcp_activity", dhcp(at(8), "pc-01"), dhcp(at(12), "pc-02"))
    assert askers(
        con,
        asked(PROXY, ADDRESS, 9),
        asked(PROXY, ADDRESS, 13),
        asked(PROXY, "192.0.2.11", 13),
    ) == ["/pc-01", "/pc-02", "/192.0.2.11"]


def test_the_proxys_own_request_stays_its_own(con: duckdb.DuckDBPyConnection) -> None:
    rows = [asked(PROXY, f"192.0.2.{n}") for n in range(11, 31)]
    assert askers(con, *rows, asked(PROXY, None))[-1] == f"/{PROXY}"


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([asked("192.0.2.7", "192.0.2.11")] * 20, id="it names one machine alone"),
        pytest.param(
            [asked("192.0.2.7", f"192.0.2.{11 + n}" if n < 4 else None) for n in range(20)],
            id="most of what it asks names nobody",
        ),
        pytest.param(
            [asked("192.0.2.7", f"127.0.0.{n}") for n in range(20)],
            id="it names no address of ours",
        ),
    ],
)
def test_a_program_that_writes_the_header_blames_nobody_else(
    con: duckdb.DuckDBPyConnection, rows: list[dict[str, object]]
) -> None:
    assert set(askers(con, *rows)) == {"/192.0.2.7"}


def test_another_site_has_no_such_proxy(con: duckdb.DuckDBPyConnection) -> None:
    rows = [asked(PROXY, f"192.0.2.{n}") for n in (11, 12)]
    elsewhere = asked(PROXY, "192.0.2.11") | {"site": "osaka"}
    assert askers(con, *rows, elsewhere)[-1] == f"osaka/{PROXY}"


def test_the_machine_signed_in_to_by_remote_desktop_has_not_the_callers_address(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(con, "authentication", {
        "time": at(9), "device": "srv-01.corp.example", "success": True, "logon_type": 10,
        "workstation": "SRV-01", "client_ip": ADDRESS, "vantage": "endpoint",
    })  # fmt: skip
    assert leases(con) == []


def test_a_vpn_gateway_gives_an_address_to_a_person_until_the_session_ends(
    con: duckdb.DuckDBPyConnection,
) -> None:
    session = {
        "client_ip": "203.0.113.9", "assigned_ip": ADDRESS, "success": True, "vantage": "gateway",
    }  # fmt: skip
    add(
        con, "authentication",
        session | {"time": at(9), "activity": "logon", "user": "aiko"},
        session | {"time": at(11), "activity": "logoff", "user": "aiko"},
        session | {"time": at(12), "activity": "logon", "user": "rin"},
        session | {"time": at(12), "activity": "logon", "user": "sho", "success": False},
    )  # fmt: skip
    rows = derived(con, "lease", 'client_ip, device, "user", first_seen, last_seen', "first_seen")
    assert rows == [
        (ADDRESS, None, "aiko", at(9), at(11)),
        (ADDRESS, None, "rin", at(12), at(24)),
    ]
