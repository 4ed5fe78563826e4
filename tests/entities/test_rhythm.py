"""Rhythm: the clock that stands still, the bound on chance, and series that are no rhythm."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pytest

from kizashi import entities, names, schema
from kizashi.entities import rhythm
from tests.entities.lake_tables import derived, empty_lake

START = datetime.fromisoformat("2026-03-02")  # UTC without a zone, as in the tables


def database(rows: list[tuple[str, str, datetime]], days: int = 14) -> duckdb.DuckDBPyConnection:
    """Contacts (host, destination, time) over hosts that are always on."""
    con = duckdb.connect(config={"threads": 1})
    names.install(con)
    entities.install(con)
    for name, layout in schema.tables().items():
        columns = [f"{schema.quoted(c.name)} {c.type}" for c in layout.columns]
        con.execute(f"CREATE TABLE {name} ({', '.join(columns)}, host_id VARCHAR, bucket UTINYINT)")
    con.execute("CREATE TABLE heard (host_id VARCHAR, destination VARCHAR, time TIMESTAMP)")
    if rows:
        con.executemany("INSERT INTO heard VALUES (?, ?, ?)", rows)
    con.execute(
        "CREATE TABLE contact AS SELECT '' AS site, host_id, destination, "
        "'192.0.2.1' AS server_ip, NULL::VARCHAR AS image, "
        "time::DATE AS day, 'http' AS protocol, min(time) AS first_seen, "
        "max(time) AS last_seen, count(*)::UINTEGER AS hits, "
        "list_sort(list_distinct(list(second_of_day(time)))) AS times, 700::UBIGINT AS bytes_out, "
        "10::UBIGINT AS bytes_in FROM heard GROUP BY ALL"
    )
    con.execute(
        "CREATE TABLE uptime AS SELECT DISTINCT '' AS site, host_id, "
        f"DATE '2026-03-02' + d::INT AS day, range(288)::USMALLINT[] AS bins "
        f"FROM heard, range({days}) AS r(d)"
    )
    return con


def told(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    entities.create(con, "life")
    entities.create(con, "insider")
    entities.create(con, "rhythm")
    found = con.execute("SELECT * FROM rhythm ORDER BY destination")
    columns = [column[0] for column in found.description or []]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def every(seconds: float, count: int, name: str = "c2.example") -> list[tuple[str, str, datetime]]:
    return [("/pc", name, START + timedelta(seconds=seconds * n)) for n in range(count)]


def test_a_period_of_four_hours_is_told_with_its_evidence() -> None:
    (row,) = told(database(every(14400, 40)))
    assert (row["beats"], row["period_s"], row["jitter"], row["kept"]) == (40, 14400, 0, 1)
    assert row["log_chance"] < -10
    assert row["sample"][0] == START


def test_a_missed_beat_keeps_the_rhythm() -> None:
    rows = [row for n, row in enumerate(every(3600, 60)) if n % 7]
    (row,) = told(database(rows))
    assert row["period_s"] == 3600
    assert 0.8 < row["kept"] < 0.9


def test_requests_of_one_beat_count_once() -> None:
    rows = [
        (host, name, time + timedelta(seconds=5 * n))
        for host, name, time in every(7200, 30)
        for n in range(4)
    ]
    (row,) = told(database(rows))
    assert (row["period_s"], row["beats"], row["ticks"]) == (7200, 30, 120)


def test_names_of_one_shape_that_take_turns_are_one_unit() -> None:
    labels = ("kadobe", "mirufo", "zetale", "powira", "sunake")
    rows = [
        (host, f"{labels[n % 5]}.example", time)
        for n, (host, _n, time) in enumerate(every(3600, 60))
    ]
    shapes = [row for row in told(database(rows)) if row["unit_kind"] != "name"]
    assert not shapes or shapes[0]["period_s"] == 3600
    periods = {row["period_s"] for row in told(database(rows))}
    assert periods <= {3600, 18000} and periods


@pytest.mark.parametrize(
    "rows",
    [
        [],
        every(1, 1),
        every(0, 50),
        [("/pc", "c2.example", START + timedelta(microseconds=n)) for n in range(500)],
        [("/pc", "c2.example", START - timedelta(days=1) * n) for n in range(3)],
    ],
    ids=["none", "one", "one moment", "one microsecond", "backwards"],
)
def test_what_is_no_series_tells_nothing(rows: list[tuple[str, str, datetime]]) -> None:
    assert told(database(rows)) == []


def test_what_eleven_hosts_contact_is_a_habit() -> None:
    rows = [(f"/pc-{n}", name, time) for n in range(11) for _h, name, time in every(300, 40)]
    assert told(database(rows)) == []


def test_the_second_clock_stands_still_while_the_host_is_off() -> None:
    signs = np.array([0, 300, 600, 40_000, 40_300])
    host = np.ones(5, np.int64)
    ticks = np.array([100, 700, 40_050])
    off = rhythm.off_before(np.ones(3, np.int64), ticks, host, signs)
    assert off.tolist() == [0, 0, 40_000 - 600 - 300]


def test_a_short_silence_is_no_night() -> None:
    signs = np.array([0, 3600])
    off = rhythm.off_before(np.ones(1, np.int64), np.array([3700]), np.ones(2, np.int64), signs)
    assert off.tolist() == [0]


def test_hosts_do_not_share_their_nights() -> None:
    signs = np.array([0, 50_000, 0, 300])
    host = np.array([1, 1, 2, 2])
    off = rhythm.off_before(np.array([1, 2]), np.array([50_100, 400]), host, signs)
    assert off.tolist() == [49_700, 0]


@pytest.mark.parametrize(
    ("k", "n", "p", "bound"),
    [(10, 10, 0.1, -10), (1, 10, 0.1, 0), (5, 10, 0.1, -2.2), (20, 20, 0.5, -6.02)],
)
def test_the_bound_on_chance_is_chernoffs(k: int, n: int, p: float, bound: float) -> None:
    found = rhythm.log_chance(np.array([k], float), np.array([n], float), np.array([p]))
    assert found[0] == pytest.approx(bound, abs=0.03)


def test_a_clock_that_jumps_an_hour_and_runs_backwards_keeps_most_of_the_rhythm() -> None:
    rows = every(3600, 60)
    back = [(host, name, time - timedelta(hours=1)) for host, name, time in rows[20:40]]
    (row,) = told(database([*rows[:20], *back, *rows[40:]]))
    assert (row["period_s"], row["first_seen"]) == (3600, START)
    assert row["kept"] > 0.9


def test_years_apart_and_before_the_epoch_are_no_rhythm_and_no_error() -> None:
    far = [datetime.fromisoformat(f"{year}-03-02") for year in (1601, 1969, 1970, 2026, 2099, 2200)]
    assert told(database([("/pc", "c2.example", moment) for moment in far])) == []


def test_the_first_rows_of_very_many_are_the_evidence() -> None:
    con = empty_lake()
    con.execute(
        "INSERT INTO http_activity BY NAME SELECT '/pc' AS host_id, 'c2.example' AS host, "
        "TIMESTAMP '2026-03-02' + to_seconds(5 * i) AS time, 1::UBIGINT AS file_id, "
        "(30000 - i)::UBIGINT AS record_no FROM range(30000) AS t(i)"
    )
    ((evidence,),) = derived(con, "rhythm_proof", "evidence")
    assert evidence == [{"file_id": 1, "record_no": 30000 - n} for n in range(20)]
