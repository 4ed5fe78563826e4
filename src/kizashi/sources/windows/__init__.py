"""Windows event logs: EVTX files, and JSON as OTRF, NXLog, Winlogbeat and others write it.

Python never looks inside a record: it hands the JSON text of a batch to DuckDB. `steps/` make the
columns that all tables share and send each record to one table; `<table>.sql` maps what it names as
`field.<Name>`, and the comments that open it say which events it takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import duckdb
import pyarrow as pa

from kizashi.schema import tables
from kizashi.sources import Batch, InputFile, Reject, table_sql
from kizashi.sources.windows import evtx_records, json_records
from kizashi.sources.windows.raw import Raw, ahead

TITLE = "Windows event logs"
STATUS = "stable"

_TAKES = re.compile(r"^-- ([^:\n]+): ([\d, ]+)$", re.MULTILINE)
_FIELD = re.compile(r'\bfield\.(?:"([^"]+)"|(\w+))')
_EXCERPT_LENGTH = 200


def claims(file: InputFile) -> int:
    """How surely this is a Windows event log, told from its first bytes."""
    if evtx_records.looks_like_evtx(file.head):
        return 100
    return 90 if json_records.looks_like_events(file.head) else 0


def read(file: InputFile, con: duckdb.DuckDBPyConnection) -> Iterator[Batch]:
    """Batches of the file's records; the reader works ahead while DuckDB maps."""
    is_evtx = evtx_records.looks_like_evtx(file.head)
    batches = evtx_records.batches(file) if is_evtx else json_records.batches(file)
    con.execute(_step("macros"))
    con.register("windows_route", _route_table())
    for raw in ahead(batches):
        yield _map(raw, con, "evtx" if is_evtx else "json")
    con.execute("DROP TABLE IF EXISTS windows_event")


def _map(raw: Raw, con: duckdb.DuckDBPyConnection, shape: str) -> Batch:
    con.register("windows_raw", raw.table)
    con.execute(_step(shape))
    con.execute(_step("event"))
    con.unregister("windows_raw")
    counts = dict(
        con.execute('SELECT "table", count(*) FROM windows_event GROUP BY ALL').fetchall()
    )
    rejects = (*raw.rejects, *(_damaged(con) if None in counts else ()))
    selects = {table: _select(table) for table in sorted(name for name in counts if name)}
    return Batch(selects, raw.table.num_rows + len(raw.rejects), rejects)


def _damaged(con: duckdb.DuckDBPyConnection) -> Iterator[Reject]:
    sql = 'SELECT record_no, damaged FROM windows_event WHERE "table" IS NULL ORDER BY record_no'
    for record_no, text in con.execute(sql).fetchall():
        reason = "not valid JSON" if text.lstrip()[:1] == "{" else "not a JSON object"
        yield Reject(record_no, reason, text[:_EXCERPT_LENGTH])


@cache
def _step(name: str) -> str:
    return files(__package__).joinpath(f"steps/{name}.sql").read_text("utf-8")


@cache
def _own_tables() -> dict[str, str]:
    names = (entry.name.removesuffix(".sql") for entry in files(__package__).iterdir())
    return {name: table_sql("windows", name) for name in sorted(names) if name in tables()}


@cache
def _route_table() -> pa.Table:
    rows = [
        {"channel": channel.lower(), "event_id": int(event_id), "table": table}
        for table, sql in _own_tables().items()
        for channel, event_ids in _TAKES.findall(sql)
        for event_id in event_ids.split(",")
    ]
    kinds = [("channel", pa.string()), ("event_id", pa.int32()), ("table", pa.string())]
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


@cache
def _select(table: str) -> str:
    """The table's SQL over its own records, with one JSON parse for all the fields it names."""
    sql = _own_tables()[table]
    names = sorted({"UtcTime", *(quoted or bare for quoted, bare in _FIELD.findall(sql))})
    event = (
        _step("fields")
        .replace("$fields", json.dumps(dict.fromkeys(names, "VARCHAR")))
        .replace("$table", table)
    )
    return f"WITH event AS NOT MATERIALIZED (\n{event})\nSELECT * FROM (\n{sql})"
