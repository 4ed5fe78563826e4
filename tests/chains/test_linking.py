"""Linking ties what a cause ties, and nothing else; what is in use here is told as such."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from kizashi import detectors, pipeline
from kizashi.chains import assemble, cases, chains
from kizashi.chains.assemble import Familiar, Link, Ties

CASES = yaml.safe_load(Path(__file__).with_name("linking.yaml").read_text("utf-8"))
KNOWN = pipeline.detector_facts(detectors.detectors())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_linking(case: dict[str, Any]) -> None:
    expected = tuple({"detectors": names} for names in case["expect"])
    told = cases.run_case(
        cases.Case(case["name"], "", tuple(case["signals"]), case["events"], expected),
        chains(),
        KNOWN,
        detectors.signal_table_sql(),
        pipeline.derive,
    )
    assert told == []


def test_many_signals_of_one_program_grow_links_by_their_number_and_not_its_square() -> None:
    con = cases.lake({}, detectors.signal_table_sql())
    con.execute(
        "INSERT INTO signal BY NAME SELECT 's' || i AS signal_id, 'http_beacon' AS detector, "
        "'beacon' AS family, 'command-and-control' AS stage, '' AS site, '/pc-07' AS host_id, "
        "TIMESTAMP '2026-03-02 09:00:00' + to_seconds(i) AS first_seen, first_seen AS last_seen, "
        "'G1' AS process_guid, 'c2.example' AS destination, 1.0 AS confidence, '{}' AS details, "
        "[{'file_id': 1::UBIGINT, 'record_no': i::UBIGINT}] AS evidence FROM range(5000) AS t(i)"
    )
    pipeline.derive(con)
    links = assemble.tie(con).links
    assert len(links) == 4999  # each to the first
    assert {link.from_id for link in links} == {"s0"}


@pytest.mark.parametrize(
    ("known", "level"),
    [
        ({"s0": Familiar(6, 0.3, "talk.exe"), "s1": Familiar(6, 0.3, "talk.exe")}, "low"),
        ({}, "critical"),
    ],
)
def test_software_that_others_had_before_is_told_as_that(
    known: dict[str, Familiar], level: str
) -> None:
    con = cases.lake({}, detectors.signal_table_sql())
    rows: tuple[dict[str, object], ...] = (
        {"detector": "registry_run_key", "first_seen": "2026-03-02T09:00:00"},
        {"detector": "process_user_path_connects", "first_seen": "2026-03-02T09:00:09"},
    )
    for number, row in enumerate(rows):
        cases.add_signal(con, row | {"host_id": "/pc-07", "process_guid": "G1"}, number, KNOWN)
    pipeline.derive(con)
    found = assemble.signals(con)
    ties = Ties([Link("s0", "s1", "same_process", "talk.exe")], known, {})
    (incident,) = assemble.assemble(
        found, ties, KNOWN, chains(), assemble.Span({}, 100.0), {1: "case.log"}
    ).incidents
    assert incident.severity == level
    assert ("talk.exe is on 6 other hosts" in incident.benign_story) == (level == "low")


def test_an_address_of_many_machines_is_one_of_them_unless_the_machine_is_known() -> None:
    con = cases.lake({}, detectors.signal_table_sql())
    row: dict[str, object] = {
        "detector": "dns_predicted_name", "first_seen": "2026-03-02T09:00:00",
        "destination": "c2.example",
    }  # fmt: skip
    cases.add_signal(con, row | {"host_id": "a/192.0.2.254"}, 0, KNOWN)
    pipeline.derive(con)
    ties = Ties([], {}, {"a/192.0.2.254": 14})
    (incident,) = assemble.assemble(
        assemble.signals(con), ties, KNOWN, chains(), assemble.Span({}, 100.0), {}
    ).incidents
    assert incident.hosts == ("1/14 @ 192.0.2.254",)


def one_beacon() -> duckdb.DuckDBPyConnection:
    con = cases.lake({}, detectors.signal_table_sql())
    row: dict[str, object] = {
        "detector": "dns_predicted_name", "first_seen": "2026-03-02T09:00:00",
        "destination": "c2.example", "host_id": "/pc-07",
    }  # fmt: skip
    cases.add_signal(con, row, 0, KNOWN)
    pipeline.derive(con)
    return con


@pytest.mark.parametrize(
    ("verdict", "factor"), [((0, 1), 0.5), ((0, 99), 0.2), ((1, 0), 1.5), ((1, 1), 1.0)]
)
def test_a_verdict_moves_the_weight_of_its_like_and_says_how_far(
    verdict: tuple[int, int], factor: float
) -> None:
    con = one_beacon()
    found = assemble.signals(con)

    def told(verdicts: dict[str, tuple[int, int]]) -> assemble.Assembled:
        ties = Ties([], {}, {}, verdicts)
        return assemble.assemble(found, ties, KNOWN, chains(), assemble.Span({}, 100.0), {})

    (plain,) = told({}).incidents
    weighed, _scores, lowered = told({"dns_predicted_name c2.example": verdict})
    if factor == 0.2:
        assert weighed == ()  # too light for an incident of its own, and said so
        (one,) = lowered
        assert (one.title, one.old) == (plain.title, plain.score)
        assert one.new == pytest.approx(plain.score * factor, abs=0.01)
        return
    assert lowered == ()
    assert weighed[0].score == pytest.approx(plain.score * factor, abs=0.01)
    assert ("earlier verdicts changed 1 weights" in weighed[0].chance) == (factor != 1.0)


def test_a_detector_gone_wild_is_named_and_the_others_are_unharmed() -> None:
    con = one_beacon()
    con.execute(
        "INSERT INTO signal BY NAME SELECT 'w' || i AS signal_id, 'http_beacon' AS detector, "
        "'beacon' AS family, 'command-and-control' AS stage, '/pc-07' AS host_id, "
        "TIMESTAMP '2026-03-02 09:00:00' AS first_seen, first_seen AS last_seen, "
        "'c2.example' AS destination, 1.0 AS confidence, '{}' AS details, "
        "[]::STRUCT(file_id UBIGINT, record_no UBIGINT)[] AS evidence FROM range(20001) AS t(i)"
    )
    assert assemble.set_wild_aside(con, 100.0) == {"http_beacon": 20_001}
    assert [s.detector for s in assemble.signals(con)] == ["dns_predicted_name"]
    assert con.execute("SELECT count(*) FROM set_aside").fetchall() == [(20_001,)]
    assert assemble.set_wild_aside(con, 100.0) == {}


def test_the_same_said_again_of_the_same_thing_is_one_stage_that_says_how_often() -> None:
    con = cases.lake({}, detectors.signal_table_sql())
    for day in range(3):
        row: dict[str, object] = {
            "detector": "dns_predicted_name", "first_seen": f"2026-03-0{2 + day}T09:00:00",
            "destination": "c2.example", "host_id": "/pc-07",
        }  # fmt: skip
        cases.add_signal(con, row, day, KNOWN)
    pipeline.derive(con)
    (incident,) = assemble.assemble(
        assemble.signals(con), assemble.tie(con), KNOWN, chains(), assemble.Span({}, 100.0), {}
    ).incidents
    (stage,) = incident.stages
    assert (stage.times, str(stage.last_time)) == (3, "2026-03-04 09:00:00")
    assert [proof.line for proof in stage.evidence] == [0, 1, 2]
    assert len(incident.traces) == 3


@pytest.mark.parametrize(("clients", "gateways"), [(14, {"/192.0.2.80": 14}), (1, {})])
def test_a_proxy_that_names_its_clients_is_one_of_so_many(
    clients: int, gateways: dict[str, int]
) -> None:
    asked: list[dict[str, Any]] = [
        {"time": "2026-03-02T08:00:00", "host_id": f"/192.0.2.{10 + n % clients}",
         "client_ip": "192.0.2.80", "forwarded_for": f"192.0.2.{10 + n % clients}",
         "vantage": "sensor", "host": "www.example"}
        for n in range(20)
    ]  # fmt: skip
    con = cases.lake({"http_activity": asked}, detectors.signal_table_sql())
    row: dict[str, object] = {
        "detector": "network_beacon", "first_seen": "2026-03-02T09:00:00",
        "destination": "c2.example", "host_id": "/192.0.2.80",
    }  # fmt: skip
    cases.add_signal(con, row, 0, KNOWN)
    pipeline.derive(con)
    assert dict(assemble.tie(con).gateways) == gateways
