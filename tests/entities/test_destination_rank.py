"""The rank of a host's destinations: what weighs, what counts half, and who is no host of ours."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from tests.entities.lake_tables import add, at, derived, empty_lake

DAYS = 12
Row = dict[str, object]


def visits(
    host: str, name: str, hours: Iterator[float] | list[float], sent: int, got: int
) -> list[Row]:
    return [
        {
            "time": at(hour),
            "device": host,
            "host": name,
            "server_ip": "198.51.100.7",
            "request_body_bytes": sent,
            "response_body_bytes": got,
        }
        for hour in hours
    ]


def lake() -> duckdb.DuckDBPyConnection:
    """Five hosts that read one page every hour; pc-1 has an old poller and, from day three, a beat
    once a day."""
    con = empty_lake()
    for number in range(1, 6):
        rows = visits(f"pc-{number}", "news.example", list(range(24 * DAYS)), 300, 40_000)
        add(con, "http_activity", *rows)
    old = visits("pc-1", "licence.example", [0.2 + 4 * n for n in range(6 * DAYS)], 500, 60)
    daily = [24.0 * day + 3 + 0.4 * (day % 3) for day in range(3, DAYS)]
    add(con, "http_activity", *old, *visits("pc-1", "c2.example", daily, 700, 40))
    return con


def test_once_a_day_new_rare_and_small_stands_before_an_old_poller_and_a_habit() -> None:
    columns = "rank, destination, regular, rare, new, small, steady"
    found = derived(lake(), "destination_rank", columns, "host_id, rank")
    assert found[:3] == [
        (1, "c2.example", 1, 1, 1, 1, 1),
        (2, "licence.example", 1, 1, 0, 1, 1),
        (3, "news.example", 1, 0.2, 0, 0.2, 1),
    ]


def test_the_score_is_the_sum_and_each_host_has_its_own_first() -> None:
    wrong = "score <> round(regular + rare + new + small + steady, 2)"
    con = lake()
    found = derived(con, "destination_rank", "host_id, rank, destination", "host_id, rank")
    assert [row for row in found if row[1] == 1] == [
        ("/pc-1", 1, "c2.example"),
        *((f"/pc-{n}", 1, "news.example") for n in range(2, 6)),
    ]
    assert con.execute(f"SELECT destination FROM destination_rank WHERE {wrong}").fetchall() == []


def test_what_the_log_cannot_say_counts_half() -> None:
    con = empty_lake()
    row: Row = {"device": "pc-1", "server_ip": "198.51.100.7", "sni": "c2.example"}
    add(con, "tls_activity", {**row, "time": at(1)}, {**row, "time": at(2)})
    columns = "destination, regular, rare, new, small, steady"
    assert derived(con, "destination_rank", columns) == [("c2.example", 0, 0.5, 0.5, 0.5, 0.5)]


def test_a_visitor_from_outside_has_no_list_and_inner_names_stand_in_none() -> None:
    con = empty_lake()
    visitor: Row = {"client_ip": "203.0.113.9", "server_ip": "192.0.2.10", "server_port": 22}
    add(con, "network_activity", {**visitor, "time": at(1)})
    add(con, "http_activity", *visits("pc-1", "files.corp", [1.0, 2.0], 10, 10))
    assert derived(con, "destination_rank") == []
