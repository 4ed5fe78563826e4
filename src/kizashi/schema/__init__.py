"""The tables: one documented CREATE TABLE per file in `tables/`, read here and nowhere repeated.

`_event.sql` holds the columns that every event table begins with. Sources fill columns by name, the
lake stores them in this order, and the reference page is generated from the comments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_COLUMN = re.compile(r'^\s+("?)(\w+)\1 (.+?),?\s*--\s*(.+)$')
SETTLED = {"host_id": "VARCHAR", "bucket": "UTINYINT"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its DuckDB type and the sentence that says what it means."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True, slots=True)
class Table:
    """One event table, the common columns first."""

    name: str
    comment: str
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def type_of(self, column: str) -> str:
        """DuckDB type of a column; KeyError when the table has no such column."""
        return next(c.type for c in self.columns if c.name == column)


def _columns(text: str) -> tuple[Column, ...]:
    found = (_COLUMN.match(line) for line in text.splitlines())
    return tuple(Column(m[2], m[3].strip().rstrip(","), m[4].strip()) for m in found if m)


@cache
def event_columns() -> tuple[Column, ...]:
    """The columns that every event table begins with."""
    return _columns(files(__package__).joinpath("tables/_event.sql").read_text("utf-8"))


@cache
def tables() -> dict[str, Table]:
    """Every event table by name, in alphabetical order."""
    return _tables("tables", event_columns())


@cache
def references() -> dict[str, Table]:
    """Tables that a person fills, such as indicator; they hold no events."""
    return _tables("reference", ())


def _tables(kind: str, first: tuple[Column, ...]) -> dict[str, Table]:
    found = {}
    folder = files(__package__).joinpath(kind)
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        name = entry.name.removesuffix(".sql")
        if name.startswith("_") or not entry.name.endswith(".sql"):
            continue
        text = entry.read_text("utf-8")
        comment = text.splitlines()[0].removeprefix("--").strip()
        found[name] = Table(name, comment, first + _columns(text))
    return found


def quoted(name: str) -> str:
    """A column or table name quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def create_sql(table: Table) -> str:
    """CREATE TABLE with the table's own columns."""
    columns = ", ".join(f"{quoted(c.name)} {c.type}" for c in table.columns)
    return f"CREATE OR REPLACE TABLE {quoted(table.name)} ({columns})"
