"""A chain whose order hangs on a zone that looks wrong stays at medium until that is proven."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import duckdb
import pytest

from kizashi import detectors as detecting
from kizashi.chains import assemble, chains
from kizashi.incidents import Incident
from kizashi.pipeline import derive, detector_facts
from tests.entities.lake_tables import add, at, empty_lake

AHEAD = timedelta(hours=9)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with empty_lake() as connection:
        connection.execute(detecting.signal_table_sql())
        yield connection


def looked_up(con: duckdb.DuckDBPyConnection, names: int) -> None:
    """The same look-ups, as the sensor and as the endpoint timed them, nine hours apart."""
    for number in range(names):
        moment = at(9) + timedelta(minutes=7 * number, seconds=number % 5)
        asked = {
            "query": f"name-{number}.example", "client_ip": "192.0.2.10", "record_no": number,
            "host_id": "/pc-01", "device": "pc-01",
        }  # fmt: skip
        add(
            con, "dns_activity",
            {**asked, "time": moment, "clock_id": "zeek", "vantage": "sensor", "file_id": 1},
            {
                **asked, "time": moment + AHEAD, "clock_id": "windows:pc-01",
                "vantage": "endpoint", "file_id": 2,
            },
        )  # fmt: skip


def connected(con: duckdb.DuckDBPyConnection, times: int) -> None:
    """The same connections, with their ports, by both clocks."""
    for number in range(times):
        moment = at(9) + timedelta(minutes=7 * number)
        shared = {
            "client_ip": "192.0.2.10", "client_port": 50_000 + number,
            "server_ip": "198.51.100.7", "server_port": 443, "transport": "tcp",
            "record_no": 1_000 + number, "host_id": "/pc-01", "device": "pc-01",
        }  # fmt: skip
        add(
            con, "network_activity",
            {**shared, "time": moment, "clock_id": "zeek", "vantage": "sensor", "file_id": 1},
            {
                **shared, "time": moment + AHEAD, "clock_id": "windows:pc-01",
                "vantage": "endpoint", "file_id": 2, "initiated": True,
            },
        )  # fmt: skip


def hunted(con: duckdb.DuckDBPyConnection, confirmed: tuple[str, ...] = ()) -> Incident:
    """The one incident of a program that made a task and then met a name of an algorithm."""
    known = detector_facts(detecting.detectors())
    signals = (
        ("task_created", at(10) + AHEAD, 2, 1),
        ("dns_random_names", at(10, 5), 1, 2),
        ("http_small_posts", at(10, 30), 1, 3),
    )
    for detector, moment, file_id, number in signals:
        con.execute(
            "INSERT INTO signal BY NAME SELECT ? AS signal_id, ? AS detector, ? AS family, "
            "? AS stage, '/pc-01' AS host_id, ?::TIMESTAMP AS first_seen, "
            "?::TIMESTAMP AS last_seen, 'AB-01' AS process_guid, 'c2.example' AS destination, "
            "1.0 AS confidence, '{}' AS details, "
            "[{'file_id': ?::UBIGINT, 'record_no': ?::UBIGINT}] AS evidence",
            [
                f"s{number}",
                detector,
                known[detector].family,
                known[detector].stage,
                moment,
                moment,
                file_id,
                number,
            ],
        )
    derive(con)
    assemble.align(con, confirmed)
    span = assemble.Span({}, 100.0)
    found, ties = assemble.signals(con), assemble.tie(con)
    first, *others = assemble.assemble(found, ties, known, chains(), span, {1: "dns.log"}).incidents
    assert others == []
    assert len(first.stages) == 3
    return first


def test_names_alone_do_not_prove_a_zone_error(con: duckdb.DuckDBPyConnection) -> None:
    looked_up(con, 60)
    incident = hunted(con)
    assert incident.severity == "medium"
    assert "zone of clock windows:pc-01 looks wrong" in incident.chance
    assert incident.stages[0].detector == "task_created"


def test_connections_that_both_timed_prove_it(con: duckdb.DuckDBPyConnection) -> None:
    looked_up(con, 60)
    connected(con, 60)
    assert hunted(con).severity in ("high", "critical")


def test_a_person_confirms_it(con: duckdb.DuckDBPyConnection) -> None:
    looked_up(con, 60)
    incident = hunted(con, confirmed=("windows:pc-01",))
    assert incident.severity in ("high", "critical")
    assert "looks wrong" not in incident.chance
