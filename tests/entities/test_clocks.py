"""How far clocks are apart: drift, zone errors, too few facts, two clocks in one record."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from tests.entities.lake_tables import add, at, derived, empty_lake

OFFSET = "round(offset_s, 1), facts, is_zone_error"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with empty_lake() as connection:
        yield connection


def connections(
    con: duckdb.DuckDBPyConnection,
    moments: list[datetime],
    ahead_s: Callable[[datetime], float],
    device: str = "pc-01",
    alt_ahead_s: float | None = None,
    transport: str = "tcp",
    **more: object,
) -> None:
    """Each connection as the sensor timed it and as the endpoint's clock did."""
    for number, moment in enumerate(moments):
        alt = None if alt_ahead_s is None else moment + timedelta(seconds=alt_ahead_s)
        shared = {
            "client_ip": "192.0.2.10", "client_port": 50000 + number, "server_ip": "198.51.100.7",
            "server_port": 443, "transport": transport, "record_no": number, **more,
        }  # fmt: skip
        add(
            con, "network_activity",
            {**shared, "time": moment, "clock_id": "zeek", "vantage": "sensor"},
            {
                **shared,
                "time": moment + timedelta(seconds=ahead_s(moment)),
                "time_alt": alt, "process_guid": None if alt is None else "AB-01",
                "clock_id": f"windows:{device}", "device": device, "vantage": "endpoint",
                "initiated": True,
            },
        )  # fmt: skip


def every(minutes: float, count: int, start: datetime | None = None) -> list[datetime]:
    return [(start or at(9)) + timedelta(minutes=minutes * n) for n in range(count)]


def steady(seconds: float, jitter_s: float = 0.05, seed: int = 1) -> Callable[[datetime], float]:
    chance = random.Random(seed)
    return lambda moment: seconds + chance.uniform(0, jitter_s)


def aligned(con: duckdb.DuckDBPyConnection, moment: datetime, clock: str) -> float:
    """Seconds that the shift of a clock takes from a moment."""
    rows = con.execute(
        "SELECT epoch_us($1::TIMESTAMP) - epoch_us(aligned_time($1::TIMESTAMP, shift_s)) "
        "FROM clock_shift WHERE clock_id = $2 AND $1 >= from_time AND $1 < to_time",
        [moment, clock],
    ).fetchall()
    assert len(rows) == 1
    return float(rows[0][0]) / 1e6


def test_connections_seen_by_two_tell_a_steady_offset(con: duckdb.DuckDBPyConnection) -> None:
    connections(con, every(1, 40), steady(12.3))
    assert derived(con, "clock_offset", f"clock_a, clock_b, {OFFSET}") == [
        ("windows:pc-01", "zeek", 12.3, 40, False)
    ]
    assert derived(con, "clock_offset", "uncertainty_s < 0.1") == [(True,)]


@pytest.mark.parametrize("hours", [-19, -8, 9, 5.5, 0.5])
def test_whole_half_hours_are_a_likely_zone_error(
    con: duckdb.DuckDBPyConnection, hours: float
) -> None:
    connections(con, every(1, 20), steady(hours * 3600 + 2))
    assert derived(con, "clock_offset", OFFSET) == [(round(hours * 3600 + 2.0, 1), 20, True)]


@pytest.mark.parametrize("seconds", [0.0, 700.0, 3600 * 72.0])
def test_other_offsets_are_no_zone_error(con: duckdb.DuckDBPyConnection, seconds: float) -> None:
    connections(con, every(1, 20), steady(seconds))
    assert derived(con, "clock_offset", "is_zone_error") == [(False,)]


def test_four_facts_are_too_few_and_five_are_enough(con: duckdb.DuckDBPyConnection) -> None:
    connections(con, every(1, 4), steady(12.3))
    assert derived(con, "clock_offset") == []
    connections(con, every(1, 1, at(9, 30)), steady(12.3), client_port=40000)
    assert derived(con, "clock_offset", OFFSET) == [(12.3, 5, False)]


def test_facts_scattered_over_days_are_gathered(con: duckdb.DuckDBPyConnection) -> None:
    connections(con, every(60 * 30, 6), steady(12.3))
    assert derived(con, "clock_offset", OFFSET) == [(12.3, 6, False)]


def test_a_tuple_that_comes_again_and_again_says_nothing(con: duckdb.DuckDBPyConnection) -> None:
    connections(con, every(10, 20), steady(12.3), client_port=50000)
    assert derived(con, "clock_offset") == []


def test_offsets_that_disagree_are_not_averaged(con: duckdb.DuckDBPyConnection) -> None:
    chance = random.Random(7)
    connections(con, every(1, 40), lambda moment: chance.uniform(-40000, 40000))
    assert derived(con, "clock_offset") == []


def test_crossed_pairs_do_not_move_the_offset(con: duckdb.DuckDBPyConnection) -> None:
    connections(con, every(1, 40), steady(12.3))
    add(
        con, "network_activity",
        *(
            {
                "client_ip": "192.0.2.10", "client_port": 50000 + number, "transport": "tcp",
                "server_ip": "198.51.100.7", "server_port": 443, "time": at(15, number),
                "clock_id": "zeek", "vantage": "sensor",
            }
            for number in range(10)
        ),
    )  # fmt: skip
    assert derived(con, "clock_offset", OFFSET) == [(12.3, 40, False)]


def test_a_drifting_clock_is_followed(con: duckdb.DuckDBPyConnection) -> None:
    def drift(moment: datetime) -> float:
        return 5 + (moment - at(9)).total_seconds() / 600

    connections(con, every(0.5, 240), drift)
    assert derived(con, "clock_offset", "count(*) > 5", "1") == [(True,)]
    derived(con, "clock_shift")
    for minutes in (5, 40, 75, 110):
        moment = at(9, minutes)
        logged = moment + timedelta(seconds=drift(moment))
        assert abs(aligned(con, logged, "windows:pc-01") - drift(moment)) < 0.7


def test_a_clock_that_was_set_right_has_two_offsets(con: duckdb.DuckDBPyConnection) -> None:
    connections(con, every(1, 50), steady(300))
    connections(con, every(1, 50, at(12)), steady(0), client_port=443, server_port=8443)
    con.execute(
        "UPDATE network_activity SET client_port = 20000 + record_no WHERE server_port = 8443"
    )
    rows = derived(con, "clock_offset", "round(offset_s), from_time < '2026-03-02 11:00'")
    assert rows == [(0.0, False), (300.0, True)]


def test_names_asked_tell_the_offset_where_no_connection_does(
    con: duckdb.DuckDBPyConnection,
) -> None:
    for number in range(8):
        shared = {"host_id": "/pc-01", "query": f"n{number}.example"}
        add(
            con, "dns_activity",
            {**shared, "time": at(9, number), "clock_id": "zeek", "vantage": "sensor"},
            {**shared, "time": at(9, number, 0.01), "clock_id": "zeek", "vantage": "sensor"},
            {
                **shared, "time": at(18, number, 1), "clock_id": "windows:pc-01",
                "device": "pc-01", "vantage": "endpoint",
            },
        )  # fmt: skip
    assert derived(con, "clock_offset", f"clock_a, {OFFSET}") == [
        ("windows:pc-01", 32401.0, 8, True)
    ]


def test_udp_tuples_are_left_out_since_a_socket_may_wait(con: duckdb.DuckDBPyConnection) -> None:
    connections(con, every(1, 40), steady(12.3), transport="udp")
    assert derived(con, "clock_offset") == []


def test_a_clock_inside_the_record_leads_a_wild_exporter_to_the_sensor(
    con: duckdb.DuckDBPyConnection,
) -> None:
    def swing(moment: datetime) -> float:
        seconds = (moment - at(9)).total_seconds()
        return -68400 + 20 * abs((seconds / 120) % 2 - 1)

    moments = every(0.1, 100)
    connections(con, moments, swing, alt_ahead_s=-480000)
    assert derived(con, "clock_offset", "clock_b, round(offset_s), facts", "facts DESC")[0] == (
        "zeek", -480000.0, 100,
    )  # fmt: skip
    derived(con, "clock_shift")
    assert aligned(con, at(9) - timedelta(seconds=480000), "sysmon-network:pc-01") == -480000
    for moment in moments[5:-5]:
        logged = moment + timedelta(seconds=swing(moment))
        assert abs(aligned(con, logged, "windows:pc-01") - swing(moment)) < 2


def test_sysmons_process_clock_is_its_own(con: duckdb.DuckDBPyConnection) -> None:
    add(
        con, "process_activity",
        *(
            {
                "time": at(9, number), "time_alt": at(9, number, -0.02) + timedelta(hours=19),
                "clock_id": "windows:pc-01", "device": "pc-01", "vantage": "endpoint",
                "process_guid": "AB-01",
            }
            for number in range(10)
        ),
    )  # fmt: skip
    assert derived(con, "clock_offset", f"clock_a, clock_b, {OFFSET}") == [
        ("sysmon:pc-01", "windows:pc-01", 68400.0, 10, True)
    ]


def test_the_time_a_collector_got_a_record_is_not_sysmons_clock(
    con: duckdb.DuckDBPyConnection,
) -> None:
    connections(con, every(1, 20), steady(12.3), alt_ahead_s=40)
    con.execute("UPDATE network_activity SET process_guid = NULL")
    assert derived(con, "clock_offset", f"clock_a, clock_b, {OFFSET}") == [
        ("windows:pc-01", "zeek", 12.3, 20, False)
    ]


def test_every_moment_of_a_clock_has_one_shift_and_the_reference_has_none(
    con: duckdb.DuckDBPyConnection,
) -> None:
    connections(con, every(1, 60), steady(-68400), alt_ahead_s=-400000)
    rows = derived(con, "clock_shift", "clock_id, from_time, to_time", "clock_id, from_time")
    assert {row[0] for row in rows} == {"sysmon-network:pc-01", "windows:pc-01"}
    for clock in ("sysmon-network:pc-01", "windows:pc-01"):
        bounds = [row[1:] for row in rows if row[0] == clock]
        assert bounds[0][0] == datetime(1, 1, 1)  # noqa: DTZ001
        assert bounds[-1][1] == datetime(9999, 1, 1)  # noqa: DTZ001
        assert all(a[1] == b[0] for a, b in pairwise(bounds))


def test_the_same_rows_give_the_same_offsets_in_any_order(con: duckdb.DuckDBPyConnection) -> None:
    connections(con, every(0.3, 150), steady(12.3, jitter_s=3), alt_ahead_s=-400000)
    once = derived(con, "clock_shift")
    con.execute("CREATE TABLE other AS FROM network_activity ORDER BY md5(rowid::VARCHAR)")
    con.execute("DELETE FROM network_activity")
    con.execute("INSERT INTO network_activity FROM other")
    assert derived(con, "clock_shift") == once


@pytest.mark.real_data
def test_the_clocks_of_a_real_attack_put_its_steps_in_order(
    shared_data: Path, tmp_path: Path
) -> None:
    """LSASS_campaign_01: the exporter is 19 hours off the sensor and swings by a minute."""
    from kizashi import entities, names
    from kizashi.lake import engine, ingest, settle

    folder = shared_data / "telemetry" / "otrf" / "compound" / "LSASS_campaign_01"
    for _ in ingest.ingest(tmp_path, [folder]):
        pass
    settle.settle(tmp_path, entities)
    with engine.open_lake(tmp_path) as con:
        names.install(con)
        entities.derive(con)
        assert con.execute(
            "SELECT round(offset_s, 1), uncertainty_s < 0.1 FROM clock_offset "
            "WHERE clock_a = 'sysmon-network:mkt01' AND clock_b = 'zeek'"
        ).fetchall() == [(-483275.1, True)]
        assert con.execute(
            "SELECT DISTINCT is_zone_error, round(offset_s / 3600) FROM clock_offset "
            "WHERE clock_a = 'sysmon:mkt01'"
        ).fetchall() == [(True, 19.0)]
        started = con.execute(
            "SELECT min(aligned_time(p.time, s.shift_s)), max(s.uncertainty_s) < 3 "
            "FROM process_activity AS p JOIN clock_shift AS s ON s.clock_id = p.clock_id "
            "AND p.time >= s.from_time AND p.time < s.to_time "
            "WHERE activity = 'start' AND file_name(image) = 'winx64_payload.exe'"
        ).fetchall()
        fetched = con.execute("SELECT max(time) FROM http_activity").fetchall()
        called = con.execute(
            "SELECT min(time) FROM network_activity "
            "WHERE vantage = 'sensor' AND server_ip = '10.0.5.13' AND server_port = 8080"
        ).fetchall()
        assert fetched[0][0] < started[0][0] < called[0][0]
        assert started[0][1]
