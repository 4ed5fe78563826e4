"""Writes events as rows of our own tables: what a lake would hold after reading the raw logs.

The columns come from `kizashi.schema`, so a new column shows up here by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from kizashi.measure.events import Event, Value, digest
from kizashi.measure.mailbox import GATEWAY
from kizashi.schema import quoted, tables

Place = tuple[str, int]
"""Raw file relative to the root, and line in it, where the writer put an event."""


def clock(event: Event) -> str:
    """Whose clock wrote the event's time."""
    if event.source == "zeek":
        return "zeek"
    return f"{event.source}:{event.device or GATEWAY}"


def _naive(value: Value) -> Value:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def row(event: Event, place: Place) -> dict[str, object]:
    """All columns of one event; those that nobody logged are absent."""
    label, line = place
    return {
        "time": event.time.replace(tzinfo=None),
        "clock_id": clock(event),
        "site": event.site,
        "source": event.source,
        "vantage": event.vantage,
        "device": event.device,
        "client_ip": event.client_ip,
        "file_id": int(digest(label, 15), 16),
        "record_no": line,
        **{key: _naive(value) for key, value in event.values.items()},
    }


def arrow(events: Sequence[Event], places: Mapping[int, Place]) -> dict[str, pa.Table]:
    """Each table's rows with every column of the schema, ordered by time.

    `places` gives the raw file and line by `id` of the event.
    """
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    found = {}
    for name, table in tables().items():
        rows = [row(event, places[id(event)]) for event in events if event.table == name]
        if not rows:
            continue
        columns = ", ".join(f"{quoted(c.name)} {c.type}" for c in table.columns)
        con.execute(f"CREATE TABLE {quoted(name)} ({columns})")
        empty = con.table(name).to_arrow_table().schema
        found[name] = pa.Table.from_pylist([dict.fromkeys(empty.names) | r for r in rows], empty)
    return found


def write(folder: Path, events: Sequence[Event], places: Mapping[int, Place]) -> None:
    """One Parquet file a table in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in arrow(events, places).items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
