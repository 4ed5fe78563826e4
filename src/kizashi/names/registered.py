"""Feeds of newly registered domains as files: a domain a line, alone or in a CSV with its date."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from kizashi.errors import KizashiError
from kizashi.schema import create_sql, references

_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_DATE = re.compile(r"\d{4}-?\d\d-?\d\d")
_SPLIT = re.compile(r"[,;\t ]+")
MOST_ROWS = 5_000_000  # a month of every top-level domain is four million


class Registered(NamedTuple):
    """A domain, and when it was registered where the feed says."""

    domain: str
    on: date | None


def load(path: Path) -> list[Registered]:
    """The domains of a file. Lines that hold none, such as a header, are passed over; KizashiError
    for a file without any, and for one of more than MOST_ROWS lines."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as lines:
            found = list(_read(lines, path))
    except OSError as error:
        raise KizashiError(f"{path}: {error.strerror}") from error
    if not found:
        raise KizashiError(f"{path}: no domain in it; write one a line, or CSV: name,2026-03-02")
    return found


def _read(lines: Iterable[str], path: Path) -> Iterator[Registered]:
    for number, line in enumerate(lines, 1):
        if number > MOST_ROWS:
            raise KizashiError(f"{path}: more than {MOST_ROWS:,} lines; give the last month's")
        cells = [cell.strip('" ').rstrip(".") for cell in _SPLIT.split(line.strip().lower())]
        name = next((c for c in cells if _NAME.fullmatch(c) and not _DATE.match(c)), None)
        if name and not line.startswith("#"):
            yield Registered(name, next(filter(None, map(_day, cells)), None))


def _day(cell: str) -> date | None:
    found = _DATE.match(cell)
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None


def install(con: duckdb.DuckDBPyConnection, given: Iterable[Registered]) -> None:
    """Table `registered_lately` on the connection; a domain once, by its latest date."""
    con.execute(create_sql(references()["registered_lately"]))
    rows = list(given)
    if rows:
        listed = pa.table({"domain": [r.domain for r in rows], "on": [r.on for r in rows]})
        con.register("feed", listed)
        con.execute(
            'INSERT INTO registered_lately SELECT domain, max("on") FROM feed GROUP BY domain'
        )
        con.unregister("feed")
