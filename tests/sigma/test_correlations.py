"""Correlations: the conformance folder, what cannot run, and correlations over our own signals."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi import pipeline, query, sigma
from kizashi.detectors import signal_table_sql
from kizashi.lake.manifest import Manifest
from kizashi.sigma.episodes import episodes as find
from kizashi.sigma.events import Place
from kizashi.sigma.occurrences import Occurrence

CONFORMANCE = Path(__file__).resolve().parents[2] / "examples" / "sigma-correlations"
RULE = """title: a
name: a
logsource: {product: windows, service: security}
detection:
  s: {EventID: 4625}
  condition: s
---
title: b
name: b
logsource: {product: windows, service: security}
detection:
  s: {EventID: 4624}
  condition: s
---
title: c
name: c
level: high
correlation:
"""


def episodes(case: Path, tmp_path: Path) -> list[sigma.Episode]:
    found = sigma.load([case / "rule.yml"])
    assert found.broken == ()
    running = query.sigma_run(found, tmp_path / "scratch", lambda _l, _n: None)
    signals = case / "signals.jsonl"
    lake = lake_of(signals, tmp_path / "lake") if signals.is_file() else None
    hits = list(running.over(sorted(case.glob("events*.jsonl")), lake))
    assert all(isinstance(hit, sigma.Episode) for hit in hits), "rules of a correlation are quiet"
    return [hit for hit in hits if isinstance(hit, sigma.Episode)]


def lake_of(signals: Path, lake: Path) -> Path:
    """A lake whose last hunt stated the signals, a line each."""
    Manifest(lake).close()
    con = duckdb.connect()
    con.execute(signal_table_sql())
    for number, line in enumerate(signals.read_text("utf-8").splitlines(), 1):
        row = {"details": {}} | json.loads(line)
        row["details"] = json.dumps(row["details"])
        columns = ", ".join(f"? AS {name}" for name in row)
        con.execute(
            f"INSERT INTO signal BY NAME SELECT {columns}, "
            f"[{{'file_id': 1, 'record_no': {number}}}] AS evidence",
            [*row.values()],
        )
    con.execute(f"COPY signal TO '{lake / pipeline.SIGNALS}' (FORMAT parquet)")
    return lake


def told(episode: sigma.Episode) -> dict[str, Any]:
    def utc(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(" ")

    return {
        "rule": episode.correlation.name,
        "group": dict(episode.group),
        "count": episode.count,
        "first": utc(episode.first),
        "last": utc(episode.last),
        "lines": [place.line for place in episode.places],
    }


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name) for case in sorted(CONFORMANCE.iterdir())
             if case.is_dir()]
)  # fmt: skip
def test_a_conformance_case_gives_its_expected_groups(case: Path, tmp_path: Path) -> None:
    expected = [json.loads(line) for line in (case / "expected.jsonl").read_text().splitlines()]
    found = episodes(case, tmp_path)
    assert [told(episode) for episode in found] == expected


def occurrence(time: int, line: int, part: str, host: str = "pc-01") -> Occurrence:
    place = Place("f", line)
    return Occurrence(float(time), place, part, {"Computer": (host,)}, place)


def correlation(kind: str, parts: tuple[str, ...], span_s: int) -> sigma.Correlation:
    bounds = (("gte", float(len(set(parts)) if kind == "temporal" else len(parts))),)
    return sigma.Correlation(
        "c", "c", "c", "", (), "", kind, parts, ("Computer",), span_s, bounds
    )  # fmt: skip


HITS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from("abc"), st.sampled_from(["pc-01", "pc-02"])),
    max_size=9,
)


@given(HITS, st.sampled_from([("a", "b"), ("a", "b", "c"), ("a", "b", "a")]), st.integers(1, 12))
def test_an_ordered_chain_is_found_exactly_where_one_exists(
    hits: list[tuple[int, str, str]], parts: tuple[str, ...], span_s: int
) -> None:
    seen = [occurrence(t, n, part, host) for n, (t, part, host) in enumerate(sorted(hits))]
    found, lacking = find(correlation("temporal_ordered", parts, span_s), seen)
    exists = {
        chosen[0].values["Computer"][0]
        for chosen in combinations(seen, len(parts))
        if tuple(one.part for one in chosen) == parts
        and len({one.values["Computer"] for one in chosen}) == 1
        and chosen[-1].time - chosen[0].time <= span_s
    }
    assert {dict(episode.group)["Computer"] for episode in found} == exists
    assert lacking == 0


@given(HITS, st.integers(1, 12))
def test_parts_together_are_found_exactly_where_they_are(
    hits: list[tuple[int, str, str]], span_s: int
) -> None:
    seen = [occurrence(t, n, part, host) for n, (t, part, host) in enumerate(sorted(hits))]
    found, _lacking = find(correlation("temporal", ("a", "b", "c"), span_s), seen)
    exists = {
        chosen[0].values["Computer"][0]
        for chosen in combinations(seen, 3)
        if {one.part for one in chosen} == {"a", "b", "c"}
        and len({one.values["Computer"] for one in chosen}) == 1
        and max(one.time for one in chosen) - min(one.time for one in chosen) <= span_s
    }
    assert {dict(episode.group)["Computer"] for episode in found} == exists


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{type: event_count, rules: [a], timespan: 5m}", "needs one, such as"),
        ("{type: event_count, rules: [a], timespan: 5, condition: {gte: 1}}", "timespan: '5'"),
        ("{type: event_count, rules: [z], timespan: 5m, condition: {gte: 1}}", "refers to 'z'"),
        ("{type: event_count, rules: [c], timespan: 5m, condition: {gte: 1}}", "to itself"),
        ("{type: event_count, rules: [], timespan: 5m, condition: {gte: 1}}", "needs some"),
        ("{type: event_count, rules: [a], timespan: 5m, condition: {gte: x}}", "must be a number"),
        ("{type: event_count, rules: [a], timespan: 5m, condition: {gte: .nan}}", "must be a nu"),
        ("{type: event_count, rules: [a], timespan: 5m, condition: {least: 1}}", "unknown key"),
        ("{type: event_count, rules: [a], timespan: 5m, condition: a}", "only temporal types"),
        ("{type: value_count, rules: [a], timespan: 5m, condition: {gte: 1}}", "needs a field"),
        ("{type: burst, rules: [a], timespan: 5m}", "unknown correlation 'burst'"),
        ("{type: temporal, rules: [a, b], timespan: 5m, within: 3}", "unknown key 'within'"),
        ("{type: temporal, rules: [a, b], timespan: 5m, group-by: {x: y}}", "group-by: must be"),
        ("{type: temporal, rules: [a, b], timespan: 5m, condition: a and}", "in the middle"),
        ("{type: temporal, rules: [a, b], timespan: 5m, condition: not a and not b}", "absence"),
        ("{type: temporal, rules: [a, b], timespan: 5m, condition: a and z}", "each of the rules"),
        ("{type: temporal, rules: [a, b], timespan: 5m, condition: '(a and b'}", "not closed"),
        ("{type: temporal, rules: [a, b], timespan: 5m, aliases: {x: y}}", "map each rule"),
        ("[temporal]", "must be a mapping"),
    ],
)
def test_a_correlation_that_cannot_run_says_why(tmp_path: Path, body: str, reason: str) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(f"{RULE}  {body}\n", "utf-8")
    found = sigma.load([path])
    assert [rule.name for rule in found.rules] == ["a", "b"]
    assert [reason in broken.reason for broken in found.broken] == [True], found.broken


def test_a_rule_of_a_correlation_is_told_too_where_it_says_generate(tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    log.write_text(
        '{"EventID": 4625, "Channel": "Security", "Computer": "pc", '
        '"TimeCreated": "2026-03-02T09:00:00Z"}\n'
    )
    counts = {}
    for generate in ("true", "false"):
        body = f"  {{type: event_count, rules: a, timespan: 5m, generate: {generate}, "
        (tmp_path / "rule.yml").write_text(RULE + body + "condition: {gte: 1}}\n", "utf-8")
        found = sigma.load([tmp_path / "rule.yml"])
        running = query.sigma_run(found, tmp_path / generate, lambda _l, _n: None)
        counts[generate] = [type(hit).__name__ for hit in running.over([log])]
    assert counts == {"true": ["SigmaHit", "Episode"], "false": ["Episode"]}


def test_a_level_keeps_what_its_correlations_refer_to(tmp_path: Path) -> None:
    body = "  {type: event_count, rules: a, timespan: 5m, condition: {gte: 1}}\n"
    (tmp_path / "rule.yml").write_text(RULE + body, "utf-8")
    chosen = sigma.load([tmp_path / "rule.yml"]).of_levels(("high",))
    assert [rule.name for rule in chosen.rules] == ["a"]
    assert [one.name for one in chosen.correlations] == ["c"]
    assert sigma.load([tmp_path / "rule.yml"]).of_levels(("low",)).correlations == ()
