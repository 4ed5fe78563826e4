"""Sources turn a file of a product into rows of the event tables.

A source is a folder here: `__init__.py` with TITLE, STATUS, `claims` and `read`, one `<table>.sql`
per table it fills, README.md, and samples/. Folders are found by walking; there is no list to
edit.

    TITLE = "Zeek"
    STATUS = "stable"                      # or "from documentation" where no real sample was at
    hand def claims(file: InputFile) -> int     # 0 = not mine ... 100 = certainly mine, from
    file.head alone def read(file: InputFile, con: duckdb.DuckDBPyConnection) -> Iterator[Batch]

A text product needs no code: its folder holds `mapping.toml` instead (see mapping.py), and a user's
own folder may too.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import duckdb

# Begins the note of a file whose times say no zone where nobody else said one.
ZONELESS = "times without a zone"
# The same where a mapping knew the record and could not read its time: no detector sees it.
TIMELESS = "records whose time could not be read"
ZONE_HINT = "set the zone of its site, its source or --tz"


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to read, already decompressed.

    `label` is its path relative to the given root, `a.zip!b.json` for a member of an archive;
    `plain` is where the bytes to read lie; `head` holds the first 64 KiB of the whole file, header
    included. `size` and `newlines` count the bytes and line ends of `plain`. When the file was
    read before and has grown, `plain` holds only what is new and `first_record` the number of
    lines before it. `zone` is the IANA zone of times that say none, "" where nobody said it;
    `arrived` is when the file was written, by which a date without a year is understood. `uncut`
    holds what `plain` does with lines of any length, for a source that bounds them itself.
    """

    label: str
    plain: Path
    file_id: int
    head: bytes
    size: int
    newlines: int
    ends_with_newline: bool = True
    first_record: int = 0
    zone: str = ""
    arrived: datetime | None = None
    uncut: Path | None = None


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
    returns any of the table's columns by name, always `record_no`. The lake adds file_id, site and,
    where the SELECT gives none, source, and runs the SELECTs before it asks for the next batch.
    `read` counts records, rejected ones included; every other record must come out of exactly one
    SELECT. When the counts do not add up the lake drops what the batch gave and asks `repair` for
    batches read with more care. `columns` names what each SELECT gives, where the source knows:
    asking the engine costs as much as a small file. `note` is what a reader of the report must
    know of the file.
    """

    selects: dict[str, str]
    read: int
    rejects: tuple[Reject, ...] = ()
    repair: Callable[[], Iterator[Batch]] | None = None
    note: str = ""
    columns: dict[str, frozenset[str]] = field(default_factory=dict)


class Source(Protocol):
    """What a source folder offers."""

    @property
    def TITLE(self) -> str: ...  # noqa: N802 - constants of a module

    @property
    def STATUS(self) -> str: ...  # noqa: N802

    def claims(self, file: InputFile) -> int: ...

    def read(self, file: InputFile, con: duckdb.DuckDBPyConnection) -> Iterator[Batch]: ...


@cache
def sources(folders: tuple[Path, ...] = ()) -> dict[str, Source]:
    """Every source folder by id; those of `folders` are the user's own and come before ours."""
    from kizashi.sources.mapped import MappedSource, Mappings
    from kizashi.sources.mapping import Layout, load

    found: dict[str, Source] = {}
    layouts: dict[str, Layout] = {}
    for root in (files(__package__), *folders):
        for entry in sorted(root.iterdir(), key=lambda e: e.name):
            if not entry.is_dir():
                continue
            mapping = entry.joinpath("mapping.toml")
            if mapping.is_file():
                layouts[entry.name] = load(mapping, entry.name)
            elif entry.joinpath("__init__.py").is_file() and root not in folders:
                found[entry.name] = importlib.import_module(f"{__package__}.{entry.name}")
    shared = Mappings(layouts)
    return found | {name: MappedSource(layout, shared) for name, layout in layouts.items()}


def claim(file: InputFile, folders: tuple[Path, ...] = ()) -> str | None:
    """Id of the source that is surest of this file, or None when none knows it."""
    sure: dict[str, int] = {}
    for name, source in sources(folders).items():
        sure[name] = source.claims(file)
        if sure[name] == 100:
            return name
    best = max(sure, key=lambda name: (sure[name], name), default=None)
    return best if best is not None and sure[best] > 0 else None


def table_sql(source: str, table: str) -> str:
    """Text of `sources/<source>/<table>.sql`."""
    return files(__package__).joinpath(f"{source}/{table}.sql").read_text("utf-8")
