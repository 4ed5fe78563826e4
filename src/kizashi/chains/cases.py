"""Cases of a chain: signals, the processes around them, and the incidents that must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources.abc import Traversable
from typing import Any

import duckdb
import yaml

from kizashi import schema
from kizashi.chains import Chain, assemble
from kizashi.errors import KizashiError
from kizashi.incidents import Incident

KINDS = ("right_order", "wrong_order", "gap_too_long", "other_host", "stage_unseen")
Derive = Callable[[duckdb.DuckDBPyConnection], None]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One case; `expect` holds the fields of each incident that must match, in rank order."""

    name: str
    kind: str
    signals: tuple[Row, ...]
    events: Mapping[str, list[Row]]
    expect: tuple[Row, ...]


def load_cases(folder: Traversable) -> tuple[Case, ...]:
    """The cases of a chain folder."""
    path = folder.joinpath("cases.yaml")
    try:
        return tuple(
            Case(c["name"], c["kind"], tuple(c["signals"]), c.get("events", {}), tuple(c["expect"]))
            for c in yaml.safe_load(path.read_text("utf-8"))
        )
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise KizashiError(f"{path}: not a list of cases: {error!r}") from error


def run_case(
    case: Case,
    chains: Mapping[str, Chain],
    known: Mapping[str, assemble.DetectorFacts],
    signal_table_sql: str,
    derive: Derive,
) -> list[str]:
    """What is wrong, a line each; empty when linking and assembling do what the case says."""
    con = lake(case.events, signal_table_sql)
    for number, row in enumerate(case.signals):
        add_signal(con, row, number, known)
    derive(con)
    found = assemble.signals(con)
    ties = assemble.tie(con)
    times = [s.first_seen for s in found]
    edges = (min(times) - timedelta(days=1), max(times) + timedelta(days=1))
    span = assemble.Span(dict.fromkeys(case.events, edges), 100.0)
    incidents = assemble.assemble(found, ties, known, chains, span, {1: "case.log"}).incidents
    con.close()
    return _differences(case.expect, incidents)


def lake(events: Mapping[str, list[Row]], signal_table_sql: str) -> duckdb.DuckDBPyConnection:
    """A connection with every event table, holding these rows, and an empty table of signals."""
    con = duckdb.connect(config={"threads": 1})
    con.execute("SET TimeZone = 'UTC'")
    for name, layout in schema.tables().items():
        columns = [f"{schema.quoted(c.name)} {c.type}" for c in layout.columns]
        columns += [f"{column} {kind}" for column, kind in schema.SETTLED.items()]
        con.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
    con.execute(signal_table_sql)
    for table, rows in events.items():
        for number, row in enumerate(rows):
            _insert(con, table, {"site": "", "file_id": 1, "record_no": number} | row)
    return con


def add_signal(
    con: duckdb.DuckDBPyConnection,
    row: Row,
    number: int,
    known: Mapping[str, assemble.DetectorFacts],
) -> None:
    """One signal, what its detector says of every one filled in."""
    _insert(con, "signal", _signal(row, number, known))


def _signal(row: Row, number: int, known: Mapping[str, assemble.DetectorFacts]) -> Row:
    facts = known[row["detector"]]
    defaults = {
        "signal_id": f"s{number}",
        "family": facts.family,
        "stage": facts.stage,
        "techniques": [],
        "site": "",
        "last_seen": row["first_seen"],
        "confidence": 1.0,
        "evidence": [{"file_id": 1, "record_no": number}],
    }
    return defaults | row


def _insert(con: duckdb.DuckDBPyConnection, table: str, row: Row) -> None:
    names = ", ".join(schema.quoted(name) for name in row)
    marks = ", ".join("?" for _ in row)
    values = [datetime.fromisoformat(v) if k in _TIMES else v for k, v in row.items()]
    con.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)


_TIMES = {"time", "first_seen", "last_seen"}


def _differences(expect: tuple[Row, ...], found: tuple[Incident, ...]) -> list[str]:
    shown = [
        {
            "chain": i.chain,
            "hosts": list(i.hosts),
            "detectors": [s.detector for s in i.stages],
            "missing": [m.stage for m in i.missing],
            "severity": i.severity,
            "rival": i.rival,
        }
        for i in found
    ]
    told = [i for i in shown if i["chain"] not in ("linked_signals",) or expect]
    told = [i for i in told if len(i["detectors"]) > 1]
    if len(told) != len(expect):
        return [f"expected {len(expect)} chains, found {told}"]
    return [
        f"expected {wanted}, found {got}"
        for wanted, got in zip(expect, told, strict=True)
        if any(got[key] != value for key, value in wanted.items())
    ]
