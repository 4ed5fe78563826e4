"""`kizashi show`: what a lake knows of one name, address, host, account, program, file or hash.

Each table has a SELECT here whose WHERE lists one test a line. The engine reads one column quickly
and skips what cannot hold the value, but only where the test is of that column alone; so every test
is a scan of its own, and those that cannot be met by what is sought are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import duckdb

from kizashi import entities
from kizashi.errors import UsageError
from kizashi.lake.engine import open_lake
from kizashi.lake.settle import settle

MOST_LINES = 1_000  # more than a person reads: days are folded
_HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}")
_MAC = re.compile(r"[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}")
_JA4 = re.compile(r"[tqd]\d\d[di]\d{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}")
_SUFFIXES = re.compile(r"\.(exe|dll|sys|ps1|vbs|js|bat|cmd|lnk|docx?|xlsx?|pptx?|pdf|iso|tmp)$")


class Shown(NamedTuple):
    """Names and rows, a row a day and kind; `lines` is how many there are before folding."""

    names: list[str]
    rows: list[tuple[object, ...]]
    lines: int

    @property
    def is_folded(self) -> bool:
        return self.lines > len(self.rows)


def show(lake: Path, thing: str, *, everything: bool = False) -> Shown:
    """What the lake knows of a thing. More than MOST_LINES lines are folded to one a day and name,
    or a day and kind, unless `everything` is asked for."""
    sought = thing.strip().lower().rstrip(".")
    if not sought:
        raise UsageError("nothing to look for. Example: kizashi show pc-07 --lake ./lake")
    if _MAC.fullmatch(sought):
        sought = sought.replace("-", ":")
    if not (lake / "manifest.sqlite").is_file():
        raise UsageError(f"{lake}: no lake there. Make one: kizashi ingest PATH --lake {lake}")
    settle(lake, entities)
    with closing(open_lake(lake)) as con:
        entities.install(con)
        _look(con, sought)
        ((lines,),) = con.execute("SELECT count(*) FROM day_line").fetchall()
        rows = "FROM day_line"
        if lines > MOST_LINES and not everything:
            rows = _folded(con)
        found = con.execute(f"{rows} ORDER BY first_seen, what, said, host")
        names = [column[0] for column in found.description or []]
        return Shown(names, found.fetchall(), lines)


def _look(con: duckdb.DuckDBPyConnection, sought: str) -> None:
    """Table day_line: all that names what is sought."""
    _prepare(con, sought)
    views = {name for (name,) in con.execute("SELECT view_name FROM duckdb_views()").fetchall()}
    # The same files' ends are read for every test.
    con.execute("SET parquet_metadata_cache = true")
    is_doubled = False
    for table in (name for name in _tables() if name in views):
        counts = [con.execute(f"INSERT INTO found {s}").fetchall() for s in _scans(table, sought)]
        is_doubled |= sum(count > 0 for ((count,),) in counts) > 1
    # A row that meets several tests is one row.
    facts = "SELECT DISTINCT * FROM found" if is_doubled else "FROM found"
    con.execute(f"CREATE TEMP TABLE day_line AS WITH fact AS ({facts}) {_sql('_days')}")


def _prepare(con: duckdb.DuckDBPyConnection, sought: str) -> None:
    """The tests on the connection, and the empty table found."""
    marks = {"sought": "", "as_child": ".", "as_host": "/", "as_user": "\\", "as_mail": "@"}
    for variable, before in marks.items():
        con.execute(f"SET VARIABLE {variable} = ?", [before + sought])
    con.execute(_sql("_macros"))
    con.execute(_sql("_found"))


def _folded(con: duckdb.DuckDBPyConnection) -> str:
    """SELECT of the days by name, or by kind alone where the names are still too many."""
    con.execute(
        "SET VARIABLE by_said = "
        "(SELECT count(*) FROM (SELECT DISTINCT day, what, said FROM day_line)) <= ?",
        [MOST_LINES],
    )
    return f"FROM ({_sql('_folded')})"


def _scans(table: str, sought: str) -> Iterator[str]:
    """A SELECT for each test that may be met."""
    head, tests = _parts(table)
    possible = _possible(sought)
    for test in tests:
        if test.partition("(")[0] in possible:
            yield f"{head}WHERE {test}"


def _possible(sought: str) -> frozenset[str]:
    """The tests that such a thing may meet, by its form."""
    if _HASH.fullmatch(sought):
        return frozenset({"is_hash", "is_hash_attached", "is_fingerprint"})
    if _JA4.fullmatch(sought):
        return frozenset({"is_fingerprint"})
    if _is_address(sought):
        return frozenset({"is_address", "is_answer", "is_host", "is_name", "is_linked"})
    if "@" in sought:
        return frozenset({"is_account", "is_mail", "is_recipient"})
    path = {"is_program", "is_command", "is_attached"}
    if "\\" in sought or _SUFFIXES.search(sought):
        return frozenset({"is_account", *path})
    named = {"is_account", "is_machine", "is_name", "is_one_name", "is_linked", *path}
    # The lake's names of machines are without their domain.
    rest = {"is_answer", "is_mail", "is_recipient"} if "." in sought else {"is_host"}
    return frozenset(named | rest)


def _is_address(sought: str) -> bool:
    try:
        ip_address(sought)
    except ValueError:
        return _MAC.fullmatch(sought) is not None
    return True


def _tables() -> list[str]:
    """What has a SELECT here."""
    found = (entry.name for entry in files(__package__).iterdir())
    return sorted(n.removesuffix(".sql") for n in found if n.endswith(".sql") and n[0] != "_")


def _parts(table: str) -> tuple[str, list[str]]:
    """A SELECT without its WHERE, and the tests that stood there, one a line."""
    head, _where, tests = _sql(table).partition("WHERE\n")
    return head, [line.strip().removeprefix("OR ") for line in tests.splitlines()]


def _sql(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text("utf-8")
