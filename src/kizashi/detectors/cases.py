"""Cases: small made-up events that a detector must fire on, or must not.

`run_case` builds an in-memory database from a case's events, every event table with host_id and
bucket as after settling, and compares the signals with what the case expects. `derive` makes the
views over them (dns_fact, contact ...), so that a case runs on the same SQL as a lake.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.resources.abc import Traversable
from typing import Any

import duckdb
import yaml

from kizashi import schema
from kizashi.detectors import missing_columns, run
from kizashi.detectors.folder import Detector, SettingValue, check_keys, unknown
from kizashi.errors import KizashiError

KINDS = ("fires", "quiet", "below", "edge", "lookalike", "missing_column")
Derive = Callable[[duckdb.DuckDBPyConnection], None]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One case: events by table, the columns taken away, settings other than the defaults, and the
    signals that must come of it."""

    name: str
    kind: str
    events: Mapping[str, list[Row]]
    expect: tuple[Row, ...]
    absent: tuple[str, ...] = ()
    settings: Mapping[str, SettingValue] = field(default_factory=dict)


def load_cases(folder: Traversable) -> tuple[Case, ...]:
    """The cases of a detector folder; KizashiError names file, case and key of a wrong one."""
    where = f"{folder.name}/cases.yaml"
    try:
        loaded = yaml.safe_load(folder.joinpath("cases.yaml").read_text("utf-8"))
    except FileNotFoundError as error:
        raise KizashiError(f"{where}: no such file. A detector comes with cases.") from error
    except yaml.YAMLError as error:
        raise KizashiError(f"{where}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(loaded, list):
        raise KizashiError(f"{where}: must be a list of cases")
    return tuple(_case(where, item) for item in loaded)


def _case(where: str, item: Mapping[str, Any]) -> Case:
    keys: dict[str, type | tuple[type, ...]] = {
        "name": str,
        "kind": str,
        "events": dict,
        "expect": list,
    }
    label = f"{where} {str(item.get('name', '?'))!r}"
    check_keys(label, {k: v for k, v in item.items() if k not in ("absent", "settings")}, keys)
    if item["kind"] not in KINDS:
        raise unknown(label, "kind", item["kind"], KINDS)
    known = schema.tables() | schema.references()
    for table, rows in item["events"].items():
        if table not in known:
            raise unknown(label, "table", table, known)
        for column in {key for row in rows for key in (*row, *row.get("repeat", {}))}:
            columns = (*known[table].column_names, *schema.SETTLED, "repeat", "count", "step_s")
            if column not in columns:
                raise unknown(label, f"column of {table}", column, columns)
    absent = tuple(item.get("absent", ()))
    return Case(
        item["name"],
        item["kind"],
        item["events"],
        tuple(item["expect"]),
        absent,
        item.get("settings", {}),
    )


def run_case(detector: Detector, case: Case, derive: Derive) -> list[str]:
    """What is wrong, a line each; empty when the detector does what the case says."""
    con = connect(case.events, case.absent, derive)
    try:
        missing = missing_columns(detector, con)
        if case.kind == "missing_column":
            return [] if set(case.absent) <= set(missing) else [_not_blind(case, missing)]
        if missing:
            return [f"could not look: the case fills no {', '.join(missing)}"]
        run(detector, con, case.settings)
        return _differences(case.expect, signals(con))
    finally:
        con.close()


def connect(
    events: Mapping[str, list[Row]], absent: tuple[str, ...], derive: Derive
) -> duckdb.DuckDBPyConnection:
    """An in-memory database with every event table as after settling, and the derived views."""
    con = duckdb.connect(config={"threads": 1})
    for name, layout in schema.tables().items():
        columns = [f"{schema.quoted(c.name)} {c.type}" for c in layout.columns]
        columns += [f"{column} {kind}" for column, kind in schema.SETTLED.items()]
        con.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
    for reference in schema.references().values():
        con.execute(schema.create_sql(reference))
    number = 0
    for table, items in events.items():
        for row in (row for item in items for row in repeated(item)):
            number += 1
            first = {} if table in schema.references() else _defaults(row, number)
            _insert(con, table, {**first, **row})
    for item in absent:
        name, dot, column = item.partition(".")
        change = (
            f"UPDATE {name} SET {schema.quoted(column)} = NULL" if dot else f"DELETE FROM {name}"
        )
        con.execute(change)
    derive(con)
    return con


def repeated(item: Row) -> Iterator[Row]:
    """The rows that an item stands for.

    `repeat: {count, step_s, column: value ...}`: row i is step_s later, `{i}` in its texts is i,
    and a list stands for one value a row, begun anew when it is shorter than count.
    """
    row = {key: value for key, value in item.items() if key != "repeat"}
    repeat = dict(item.get("repeat", {}))
    lists = [value for value in repeat.values() if isinstance(value, list)]
    count = repeat.pop("count", max((len(value) for value in lists), default=1))
    step = timedelta(seconds=repeat.pop("step_s", 0))
    time = datetime.fromisoformat(str(row["time"])) if "time" in row else None
    for i in range(count):
        varied = {key: _vary(value, i) for key, value in repeat.items()}
        yield {**row, **({"time": time + i * step} if time else {}), **varied}


def _vary(value: Any, i: int) -> Any:
    if isinstance(value, list):
        return _vary(value[i % len(value)], i)
    return value.format(i=i) if isinstance(value, str) and "{i" in value else value


def _defaults(row: Row, number: int) -> Row:
    site, slash, host = str(row.get("host_id", "")).partition("/")
    return {
        "site": site if slash else "",
        "bucket": 0,
        "file_id": 1,
        "record_no": number,
        "source": "case",
        "clock_id": "case",
        "device": host or None,
    }


def _insert(con: duckdb.DuckDBPyConnection, table: str, row: Row) -> None:
    columns = ", ".join(schema.quoted(column) for column in row)
    marks = ", ".join("?" for _ in row)
    con.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(row.values()))


def signals(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """The signals in first_seen order, their details unfolded into columns."""
    found = con.execute("SELECT * FROM signal ORDER BY first_seen, host_id, signal_id")
    names = [column[0] for column in found.description]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return [{**row, **json.loads(row.pop("details"))} for row in rows]


def _not_blind(case: Case, missing: list[str]) -> str:
    told = ", ".join(missing) or "nothing"
    return f"must be told blind for {', '.join(case.absent)}; it misses {told}"


def _differences(expect: tuple[Row, ...], found: list[Row]) -> list[str]:
    problems = []
    if len(expect) != len(found):
        told = "; ".join(f"{r['host_id']} {r['first_seen']} {_own(r)}" for r in found)
        problems.append(f"expected {len(expect)} signals, found {len(found)}: {told}"[:2000])
    for number, (wanted, row) in enumerate(zip(expect, found, strict=False), 1):
        for column, value in wanted.items():
            if column not in row:
                problems.append(f"signal {number} has no {column}; it has {_own(row)}")
            elif not _same(value, row[column]):
                problems.append(f"signal {number}: {column} is {row[column]!r}, not {value!r}")
    return problems


def _own(row: Row) -> str:
    return str({key: value for key, value in row.items() if value is not None})


def _same(wanted: Any, found: Any) -> bool:
    if isinstance(found, datetime):
        return datetime.fromisoformat(str(wanted)) == found
    if isinstance(found, float) and isinstance(wanted, int | float):
        return abs(found - wanted) <= 1e-6
    return bool(wanted == found)
