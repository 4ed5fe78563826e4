"""Sources turn a file of a product into rows of the event tables.

A source is a folder here: `__init__.py` with TITLE, STATUS, `claims` and `read`, one `<table>.sql`
per table it fills, README.md, and samples/. Folders are found by walking; there is no list to
edit.

    TITLE = "Zeek"
    STATUS = "stable"                      # or "from documentation" where no real sample was at
    hand def claims(file: InputFile) -> int     # 0 = not mine ... 100 = certainly mine, from
    file.head alone def read(file: InputFile, con: duckdb.DuckDBPyConnection) -> Iterator[Batch]
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import duckdb


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to read, already decompressed.

    `label` is its path relative to the given root, `a.zip!b.json` for a member of an archive;
    `plain` is where the bytes to read lie; `head` holds the first 64 KiB of the whole file, header
    included. `size` and `newlines` count the bytes and line ends of `plain`. When the file was
    read before and has grown, `plain` holds only what is new and `first_record` the number of
    lines before it.
    """

    label: str
    plain: Path
    file_id: int
    head: bytes
    size: int
    newlines: int
    ends_with_newline: bool = True
    first_record: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """A damaged record set aside: its line or record number, why, and its first 200 characters."""

    record_no: int
    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of a file, ready to store.

    `selects` maps a table to a SELECT over relations on the connection that `read` was given; it
    returns any of the table's columns by name, always `record_no`. The lake adds file_id, source
    and site, and runs the SELECTs before it asks for the next batch. `read` counts records,
    rejected ones included; every other record must come out of exactly one SELECT. When the counts
    do not add up the lake drops what the batch gave and asks `repair` for batches read with more
    care.
    """

    selects: dict[str, str]
    read: int
    rejects: tuple[Reject, ...] = ()
    repair: Callable[[], Iterator[Batch]] | None = None


class Source(Protocol):
    """What a source folder offers."""

    TITLE: str
    STATUS: str

    def claims(self, file: InputFile) -> int: ...

    def read(self, file: InputFile, con: duckdb.DuckDBPyConnection) -> Iterator[Batch]: ...


@cache
def sources() -> dict[str, Source]:
    """Every source folder by id."""
    found: dict[str, Source] = {}
    for entry in sorted(files(__package__).iterdir(), key=lambda e: e.name):
        if entry.is_dir() and entry.joinpath("__init__.py").is_file():
            found[entry.name] = importlib.import_module(f"{__package__}.{entry.name}")
    return found


def claim(file: InputFile) -> str | None:
    """Id of the source that is surest of this file, or None when none knows it."""
    sure = {name: source.claims(file) for name, source in sources().items()}
    best = max(sure, key=lambda name: (sure[name], name), default=None)
    return best if best is not None and sure[best] > 0 else None


def table_sql(source: str, table: str) -> str:
    """Text of `sources/<source>/<table>.sql`."""
    return files(__package__).joinpath(f"{source}/{table}.sql").read_text("utf-8")
