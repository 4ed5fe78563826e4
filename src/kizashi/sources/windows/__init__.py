"""Windows event logs: EVTX files, XML, and JSON as OTRF, NXLog, Winlogbeat and others write it.

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

from kizashi.sources import ZONE_HINT, ZONELESS, Batch, InputFile, Reject
from kizashi.sources.windows import evtx_records, json_records, xml_records
from kizashi.sources.windows.raw import Raw, ahead
from kizashi.sources.windows.routes import own_tables, takes

TITLE = "Windows event logs"
STATUS = "stable"

_FIELD = re.compile(r'\bfield\.(?:"([^"]+)"|(\w+))')
_EXCERPT_LENGTH = 200


def claims(file: InputFile) -> int:
    """How surely this is a Windows event log, told from its first bytes."""
    if evtx_records.looks_like_evtx(file.head):
        return 100
    is_text = json_records.looks_like_events(file.head) or xml_records.looks_like_xml(file.head)
    return 90 if is_text else 0


def read(file: InputFile, con: duckdb.DuckDBPyConnection) -> Iterator[Batch]:
    """Batches of the file's records; the reader works ahead while DuckDB maps."""
    is_evtx = evtx_records.looks_like_evtx(file.head)
    con.execute(_step("macros"))
    con.execute("SET VARIABLE windows_zone = $zone", {"zone": file.zone or "UTC"})
    con.register("windows_route", _route_table())
    ((threads,),) = con.execute("SELECT current_setting('threads')").fetchall()
    # The reader is a thread of its own and needs a core.
    con.execute(f"SET threads = {max(1, threads - 1) if is_evtx else threads}")
    for raw in ahead(_batches(file)):
        names = [f"windows_raw_{table}" for table in raw.texts]
        for name, texts in zip(names, raw.texts.values(), strict=True):
            con.register(name, texts)
        yield _evtx_batch(raw) if is_evtx else _json_batch(raw, con, file.zone)
        for name in names:
            con.unregister(name)
    con.execute(f"SET threads = {threads}")
    con.execute("DROP TABLE IF EXISTS windows_event")


def texts(file: InputFile) -> Iterator[tuple[int, str]]:
    """Number and JSON text of each record, as the file holds it."""
    for raw in _batches(file):
        for table in raw.texts.values():
            for piece in table.to_batches():
                numbers, lines = (column.to_pylist() for column in piece.columns)
                yield from zip(numbers, lines, strict=True)


def _batches(file: InputFile) -> Iterator[Raw]:
    if evtx_records.looks_like_evtx(file.head):
        return evtx_records.batches(file)
    # A first record longer than the head looks like neither, and is JSON.
    if not json_records.looks_like_events(file.head) and xml_records.looks_like_xml(file.head):
        return xml_records.batches(file)
    return json_records.batches(file)


def _evtx_batch(raw: Raw) -> Batch:
    selects = {table: _select("evtx", table) for table in sorted(raw.texts)}
    return Batch(selects, raw.read, raw.rejects)


def _json_batch(raw: Raw, con: duckdb.DuckDBPyConnection, zone: str) -> Batch:
    if not raw.texts:
        return Batch({}, raw.read, raw.rejects)
    con.execute(_step("json"))
    con.execute(_step("event"))
    found = con.execute('SELECT DISTINCT "table" FROM windows_event').fetchall()
    taken_by = {table for (table,) in found}
    selects = {table: _select("fields", table) for table in sorted(taken_by - {None})}
    rejects = tuple(_damaged(con)) if None in taken_by else ()
    note = "" if zone or not _is_zoneless(con) else f"{ZONELESS}, taken as UTC: {ZONE_HINT}"
    return Batch(selects, raw.read, (*raw.rejects, *rejects), note=note)


def _is_zoneless(con: duckdb.DuckDBPyConnection) -> bool:
    ((found,),) = con.execute("SELECT bool_or(is_zoneless) FROM windows_event").fetchall()
    return bool(found)


def _damaged(con: duckdb.DuckDBPyConnection) -> Iterator[Reject]:
    sql = 'SELECT record_no, damaged FROM windows_event WHERE "table" IS NULL ORDER BY record_no'
    for record_no, text in con.execute(sql).fetchall():
        reason = "not valid JSON" if text.lstrip()[:1] == "{" else "not a JSON object"
        yield Reject(record_no, reason, text[:_EXCERPT_LENGTH])


@cache
def _step(name: str) -> str:
    return files(__package__).joinpath(f"steps/{name}.sql").read_text("utf-8")


@cache
def _route_table() -> pa.Table:
    rows = [
        {"channel": channel.lower(), "event_id": event_id, "table": table}
        for (channel, event_id), table in takes().items()
    ]
    kinds = [("channel", pa.string()), ("event_id", pa.int32()), ("table", pa.string())]
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


@cache
def _select(step: str, table: str) -> str:
    """The table's SQL over its own records, with one JSON parse for all the fields it names."""
    sql = own_tables()[table]
    names = sorted({"UtcTime", *(quoted or bare for quoted, bare in _FIELD.findall(sql))})
    fields = json.dumps(dict.fromkeys(names, "VARCHAR"))
    event = _step(step).replace("$fields", fields).replace("$name", table)
    return f"WITH event AS NOT MATERIALIZED (\n{event})\nSELECT * FROM (\n{sql})"
