"""Names that a published algorithm will make: for block lists, for exact matches, for old logs.

A family is a package here, found by walking: its docstring says whose algorithm it is and what it
covers, TITLE names it, and `names(first, last)` gives what it makes between two days. Only
algorithms that are published are written down, and the use is blocking.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import NamedTuple, Protocol, cast

import duckdb
import pyarrow as pa

from kizashi.schema import create_sql, references

# Weeks before and after the days asked for: clocks of victims are wrong, and sets overlap.
SLACK = timedelta(weeks=2)
MOST_DAYS = 3660


class Predicted(NamedTuple):
    """A name, and the days on which its set is in use; the last day counts."""

    name: str
    first: date
    last: date


class Family(Protocol):
    """A package of a family."""

    TITLE: str

    def names(self, first: date, last: date) -> Iterator[Predicted]:
        """Every name in use on one of the days."""


@cache
def families() -> dict[str, Family]:
    """The families by id."""
    return {
        module.name: cast(Family, importlib.import_module(f"{__name__}.{module.name}"))
        for module in pkgutil.iter_modules(__path__)
    }


def install(con: duckdb.DuckDBPyConnection, first: date | None, last: date | None) -> None:
    """Table `predicted_name` on the connection: what every family makes around the days of the
    logs; empty without days."""
    con.execute(create_sql(references()["predicted_name"]))
    if first is None or last is None:
        return
    begin = max(first, last - timedelta(days=MOST_DAYS)) - SLACK
    made = [
        (predicted.name, family, predicted.first, predicted.last)
        for family, package in families().items()
        for predicted in package.names(begin, last + SLACK)
    ]
    names = ("name", "family", "first_day", "last_day")
    rows = [dict(zip(names, row, strict=True)) for row in made]
    con.register("predicted", pa.Table.from_pylist(rows))
    con.execute("INSERT INTO predicted_name BY NAME FROM predicted")
    con.unregister("predicted")


class PastContact(NamedTuple):
    """A predicted name in the contacts whose events have left the lake."""

    family: str
    host_id: str
    destination: str
    first_seen: datetime
    last_seen: datetime
    days: int
    in_season: bool  # on a day for which the algorithm makes that name


def past_contacts(con: duckdb.DuckDBPyConnection) -> list[PastContact]:
    """Predicted names in contacts of days that retention dropped, by host."""
    if first_kept(con) is None:
        return []
    sql = files(__package__).joinpath("past_contact.sql").read_text("utf-8")
    return [PastContact(*row) for row in con.execute(sql).fetchall()]


def first_kept(con: duckdb.DuckDBPyConnection) -> date | None:
    """The first day of the contacts whose events have left the lake; None where none has."""
    history = "SELECT 1 FROM duckdb_views() WHERE view_name = 'contact_history'"
    if not con.execute(history).fetchall():
        return None
    ((first,),) = con.execute("SELECT min(day) FROM contact_history").fetchall()
    return cast("date | None", first)
