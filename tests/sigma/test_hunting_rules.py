"""A user's correlations inside a hunt: their signals, ties, severity, and what could not look."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kizashi import detectors, pipeline, sigma
from kizashi.config import Config
from kizashi.detectors import user_rules
from kizashi.incidents import HuntResult
from kizashi.measure.generate import generate

PARTS = """title: Failure burst
name: burst
logsource: {product: kizashi, category: signal}
detection: {s: {family: dns_failures}, condition: s}
---
title: New task
name: task
logsource: {product: kizashi, category: signal}
detection: {s: {detector: task_created}, condition: s}
---
title: Beacon
name: beacon
logsource: {product: kizashi, category: signal}
detection: {s: {detector: http_beacon}, condition: s}
---
title: TITLE
name: early_sign
level: high
falsepositives: [An updater whose server is gone]
correlation: {type: temporal_ordered, rules: RULES, group-by: host_id, timespan: 5d}
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of the emulated organisation, with its one attack: task, burst, beacon."""
    folder = tmp_path_factory.mktemp("organisation")
    generate(folder / "logs", hosts=16)
    list(pipeline.read(folder / "lake", [folder / "logs"], Config()))
    return folder / "lake"


def renamed(text: str, suffix: str) -> str:
    """The documents under names of their own, so that one hunt runs several."""
    for name in ("burst", "task", "beacon", "early_sign"):
        text = re.sub(rf"\b{name}\b(?!_)", f"{name}_{suffix}", text)
    return text


@pytest.fixture(scope="module")
def result(lake: Path) -> HuntResult:
    """One hunt with every rule of these tests."""
    right = PARTS.replace("RULES", "[task, burst, beacon]").replace("TITLE", "Early sign")
    wrong = PARTS.replace("RULES", "[beacon, burst, task]").replace("TITLE", "Wrong order")
    typo = right.replace("task_created", "task_crated")
    unseen = right.replace("detector: task_created", "detector: consent_risky_scopes")
    texts = [
        right,
        renamed(wrong, "wrong"),
        renamed(typo, "typo"),
        renamed(unseen, "unseen"),
        EVENTS,
    ]
    given = sigma.parse([("rule.yml", "---\n".join(texts))])
    assert given.broken == ()
    return pipeline.hunt(lake, pipeline.HuntOptions(rules=given))


EVENTS = """title: Fails
name: fails
logsource: {product: windows, category: dns_query}
detection: {s: {query|endswith: .top.example, QueryResults: null}, condition: s}
---
title: Look-up
name: lookup
logsource: {category: dns}
detection: {s: {query: '*'}, condition: s}
---
title: Many of them
name: many
level: critical
correlation: {type: event_count, rules: fails, group-by: host_id, timespan: 5m, condition: {gte: 5}}
---
title: Any look-up
name: any
level: high
correlation:
  {type: event_count, rules: lookup, group-by: host_id, timespan: 1d, condition: {gte: 1}}
"""


def test_a_users_correlation_names_the_incident_of_what_it_joined(result: HuntResult) -> None:
    first = result.incidents[0]
    assert (first.chain, first.title.partition(":")[0]) == ("rule:early_sign", "Early sign")
    assert first.benign_story == "An updater whose server is gone"
    assert first.severity == "critical"
    stages = [stage.detector for stage in first.stages]
    joined = [stages.index(name) for name in ("task_created", "dns_nxdomain_burst", "http_beacon")]
    assert max(joined) < stages.index("rule:early_sign"), "it holds once its last part is there"


def test_in_another_order_than_it_happened_a_correlation_stays_silent(result: HuntResult) -> None:
    told = {stage.detector for i in result.incidents for stage in i.stages}
    assert "rule:early_sign_wrong" not in told
    assert "rule:early_sign_wrong" not in {blind.subject for blind in result.blind}


def test_a_correlation_that_could_not_be_seen_is_blind(result: HuntResult) -> None:
    said = {b.subject: b.text for b in result.blind if b.subject.startswith("rule:")}
    assert said == {
        "rule:early_sign_typo": "could not look: task_typo: no detector states such signals",
        "rule:early_sign_unseen": (
            "could not look: task_unseen: consent_risky_scopes could not look"
        ),
    }


def test_a_correlation_over_events_alone_stays_medium_at_most(result: HuntResult) -> None:
    told = [i for i in result.incidents if i.chain == "rule:many"]
    assert [(i.severity, i.title.partition(":")[0]) for i in told] == [("medium", "Many of them")]


def test_a_correlation_that_holds_everywhere_makes_no_incident(result: HuntResult) -> None:
    assert "rule:any" not in {i.chain for i in result.incidents}
    assert any("rule:any" in note.text for note in result.notes)


def test_episodes_beyond_the_most_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_rules, "MOST_EPISODES", 2)
    con = duckdb.connect()
    con.execute(detectors.signal_table_sql())
    for number in range(5):
        add(con, {"detector": "task_created", "host_id": f"/pc-{number}"}, number)
    text = """title: Task
name: task
logsource: {product: kizashi, category: signal}
detection: {s: {detector: task_created}, condition: s}
---
title: One
correlation: {type: event_count, rules: task, group-by: host_id, timespan: 1d, condition: {gte: 1}}
"""
    given = sigma.parse([("rule.yml", text)])
    (rule,) = user_rules.user_rules(given)
    found = user_rules.run(con, given, [rule])
    assert found.left_out == {"rule:One": 3}
    rows = con.execute(
        "SELECT host_id, details->>'group' FROM signal WHERE detector = 'rule:One' ORDER BY ALL"
    ).fetchall()
    assert rows == [("/pc-0", "host_id /pc-0"), ("/pc-1", "host_id /pc-1")]
    assert rule.chance_per_host_day == user_rules.LEVELS["medium"]
    assert (
        replace(rule, correlation=replace(rule.correlation, level="high")).chance_per_host_day
        == 0.001
    )


def add(con: duckdb.DuckDBPyConnection, row: dict[str, Any], number: int) -> None:
    columns = ", ".join(f"? AS {name}" for name in row)
    con.execute(
        f"INSERT INTO signal BY NAME SELECT {columns}, '{number}' AS signal_id, '{{}}' AS details, "
        f"TIMESTAMP '2026-03-02 09:00:00' AS first_seen, "
        f"[{{'file_id': 1, 'record_no': {number}}}] AS evidence",
        [*row.values()],
    )
