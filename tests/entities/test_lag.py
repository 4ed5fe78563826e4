"""How late records arrive: from records that say both times, and never guessed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import duckdb
import pytest

from kizashi.entities import create, lag
from tests.entities.lake_tables import add, at, derived, empty_lake


def fill(
    con: duckdb.DuckDBPyConnection,
    delays_s: Iterable[float | None],
    host: str,
    source: str = "edr",
) -> None:
    for day, delay_s in enumerate(delays_s):
        for minute in range(30):
            time = at(9, minute, days=day)
            received = None if delay_s is None else time + timedelta(seconds=delay_s)
            row = {"time": time, "received": received, "source": source, "device": host}
            add(con, "process_activity", row)


def told(con: duckdb.DuckDBPyConnection) -> list[str]:
    for name in ("source_lag", "late_day", "late_host"):
        create(con, name)
    return [note.text for note in lag.warnings(con)]


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return empty_lake()


def test_the_lag_of_a_source_is_the_median_of_its_records(con: duckdb.DuckDBPyConnection) -> None:
    fill(con, [12.0, 20.0, 16.0], "pc-01")
    assert told(con) == []
    assert lag.of_sources(con) == {"edr": lag.Lag(16.0, 16.0)}


def test_a_source_that_says_no_arrival_has_no_lag(con: duckdb.DuckDBPyConnection) -> None:
    fill(con, [None, None], "pc-01")
    assert told(con) == []
    assert lag.of_sources(con) == {}


def test_a_late_day_is_told_with_the_habit(con: duckdb.DuckDBPyConnection) -> None:
    fill(con, [10, 10, 10, 7200, 10], "pc-01")
    assert told(con) == ["source edr arrived 2 h late on 2026-03-05 (usually 10 s)"]


def test_a_quarter_of_an_hour_is_not_late(con: duckdb.DuckDBPyConnection) -> None:
    fill(con, [10, 10, 10, 900, 10], "pc-01")
    assert told(con) == []


def test_three_days_are_too_few_for_a_habit(con: duckdb.DuckDBPyConnection) -> None:
    fill(con, [10, 10, 7200], "pc-01")
    assert told(con) == []


def test_an_hour_is_the_habit_of_a_daily_export(con: duckdb.DuckDBPyConnection) -> None:
    fill(con, [3600, 4200, 3000, 3900, 7000], "pc-01")
    assert told(con) == []


def test_a_host_later_than_the_others_is_named(con: duckdb.DuckDBPyConnection) -> None:
    for host in ("pc-01", "pc-02", "pc-03"):
        fill(con, [10], host)
    fill(con, [18000], "pc-09")
    assert told(con) == ["edr of pc-09 arrives 5 h late (others 10 s)"]


def test_records_before_their_own_arrival_have_a_wrong_clock_or_zone(
    con: duckdb.DuckDBPyConnection,
) -> None:
    fill(con, [-32400], "pc-01")
    (line,) = told(con)
    assert line.startswith("source edr: its times lie 9 h after their own arrival")


def test_days_late_are_told_even_where_they_are_the_habit(con: duckdb.DuckDBPyConnection) -> None:
    fill(con, [172800, 172800], "pc-01")
    assert told(con) == ["source edr arrives 2 d late: the newest hours are not there yet"]


def test_the_table_tells_days_and_hosts_apart(con: duckdb.DuckDBPyConnection) -> None:
    fill(con, [10, 20], "pc-01")
    assert derived(con, "source_lag", "host_id, day::VARCHAR, records, median_s", "1, 2") == [
        ("/pc-01", "2026-03-02", 30, 10.0),
        ("/pc-01", "2026-03-03", 30, 20.0),
        (None, "2026-03-02", 30, 10.0),
        (None, "2026-03-03", 30, 20.0),
    ]
