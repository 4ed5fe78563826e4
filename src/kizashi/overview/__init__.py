"""Pages on how a network is used, beside the incidents: who goes outside past the rules (egress),
and what is asked of the resolvers, hour by hour (dns).

Each module makes a `Page` from the derived tables of one connection; its SQL lies beside it, a
statement a file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import duckdb

from kizashi.incidents.page import Cell, Phrase, Sheet
from kizashi.schema import quoted

MOST_ROWS = 500  # of one sheet: a person reads no more, and the page stays small


def install(con: duckdb.DuckDBPyConnection) -> None:
    """The macros of this package on the connection."""
    con.execute(_sql("macros"))


def set_variables(con: duckdb.DuckDBPyConnection, group: str) -> None:
    """The settings of one page as variables."""
    said = tomllib.loads(files(__package__).joinpath("settings.toml").read_text("utf-8"))
    for name, setting in said[group].items():
        con.execute(f"SET VARIABLE {quoted(name)} = ?", [setting["default"]])


def make(con: duckdb.DuckDBPyConnection, name: str, kind: str = "TABLE") -> None:
    """One SELECT of this package as a table, or a view, of its own name."""
    con.execute(f"CREATE OR REPLACE TEMP {kind} {name} AS {_sql(name)}")


def rows(con: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    """The rows of one SELECT of this package."""
    return con.execute(_sql(name)).fetchall()


def facts(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    """The one row of a SELECT of this package, by column."""
    found = con.execute(_sql(name))
    columns = [column[0] for column in found.description or []]
    return dict(zip(columns, found.fetchall()[0], strict=True))


def _sql(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text("utf-8").rstrip().rstrip(";")


def choose(con: duckdb.DuckDBPyConnection, host: str | None, site: str | None) -> None:
    """What the page is about: one host (`pc-07` or `tokyo/pc-07`), one site, or all."""
    con.execute("SET VARIABLE page_host = ?", [host and host.strip().lower()])
    con.execute("SET VARIABLE page_site = ?", [site])


def sheet(
    name: str, columns: tuple[str, ...], found: Iterable[tuple[Cell, ...]], empty: str
) -> Sheet:
    """The first rows, and how many there were."""
    every = list(found)
    return Sheet(name, columns, tuple(every[:MOST_ROWS]), len(every), Phrase(empty))
