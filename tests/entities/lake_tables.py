"""Event tables in memory, filled row by row, for the tests of derived tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import duckdb

from kizashi import entities, names
from kizashi.schema import SETTLED, quoted, tables

DAY = datetime(2026, 3, 2)  # noqa: DTZ001 - a Monday; tables hold UTC without a zone


def at(hours: float = 0, minutes: float = 0, seconds: float = 0, days: int = 0) -> datetime:
    """A moment after Monday 2026-03-02 00:00."""
    return DAY + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def empty_lake() -> duckdb.DuckDBPyConnection:
    """A connection with every event table, empty, and the macros of names and entities."""
    con = duckdb.connect()
    for table in tables().values():
        columns = [f"{quoted(c.name)} {c.type}" for c in table.columns]
        columns += [f"{name} {kind}" for name, kind in SETTLED.items()]
        con.execute(f"CREATE TABLE {table.name} ({', '.join(columns)})")
    names.install(con)
    entities.install(con)
    return con


def add(con: duckdb.DuckDBPyConnection, table: str, *rows: Mapping[str, object]) -> None:
    """Rows of an event table; site '' and host_id from device or address where not given."""
    for number, row in enumerate(rows):
        filled: dict[str, object] = {"site": "", "file_id": 1, "record_no": number, **row}
        host = filled.get("device") or filled.get("client_ip") or "?"
        filled.setdefault("host_id", f"{filled['site']}/{host}")
        filled.setdefault("bucket", 0)
        columns = ", ".join(quoted(name) for name in filled)
        marks = ", ".join("?" for _ in filled)
        con.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(filled.values()))


def derived(
    con: duckdb.DuckDBPyConnection, name: str, columns: str = "*", order: str = "ALL"
) -> list[tuple[object, ...]]:
    """Rows of one derived table made anew, with all that it reads."""
    for table in entities.TABLES:
        entities.create(con, table)
        if table == name:
            break
    return con.execute(f"SELECT {columns} FROM {name} ORDER BY {order}").fetchall()
