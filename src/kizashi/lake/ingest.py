"""From files to segments, exactly once: each file is one transaction of the manifest.

A file is known by its content. What was read before adds nothing; a file that has grown is read
from where it was left. A record that another file already brought (the same log exported twice) is
a duplicate, found only where segments overlap in time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import NamedTuple

import duckdb

from kizashi.errors import KizashiError, UsageError
from kizashi.lake.files import Found, Opened, find, members, opened, tail
from kizashi.lake.manifest import (
    START_BYTES,
    FileEntry,
    Manifest,
    Segment,
    put_arrival,
    put_file,
    put_rejects,
    put_segment,
)
from kizashi.schema import quoted, tables
from kizashi.sources import Batch, InputFile, Reject, claim, sources
from kizashi.sources.encoding import detect
from kizashi.sources.proposal import hint

MEMORY_LIMIT = "1GB"
UNKNOWN = "not a format Kizashi knows"


@dataclass(frozen=True, slots=True)
class Line:
    """What came of one file in one run: read = stored + rejected + duplicate."""

    file: str
    source: str | None
    read: int = 0
    stored: int = 0
    rejected: int = 0
    duplicate: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known of where logs come from: the site of a file by its label, the zone of times
    that say none by site and source, and the subnets (CIDR, site) that tell the records of several
    sites in one file apart."""

    site_of: Callable[[str], str] = lambda _label: ""
    zone_of: Callable[[str, str], str] = lambda _site, _source: ""
    subnets: tuple[tuple[str, str], ...] = ()


class Place(NamedTuple):
    """Where a file comes from: its site, what else is known, and who else may know its format."""

    site: str
    known: Provenance
    folders: tuple[Path, ...]


@dataclass(slots=True)
class _Writing:
    """Segments and counts of one file before its transaction."""

    segments: list[Segment] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    read: int = 0
    stored: int = 0
    duplicate: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    columns: dict[str, frozenset[str]] = field(default_factory=dict)  # SELECT -> what it gives
    notes: dict[str, None] = field(default_factory=dict)


def connect(threads: int = 2) -> duckdb.DuckDBPyConnection:
    """An engine in memory, bounded, quiet, in UTC, with no way to the network."""
    con = duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "threads": threads})
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")
    con.execute("SET autoinstall_known_extensions = false")
    con.execute("SET autoload_known_extensions = false")
    return con


def ingest(
    lake: Path,
    paths: list[Path],
    known: Provenance | None = None,
    folders: tuple[Path, ...] = (),
) -> Iterator[Line]:
    """Read every file under `paths` into the lake; one Line each, in order of name.

    `known` says where logs come from; `folders` hold a user's own mapping files.

    Raises UsageError before any work when a path does not exist.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise UsageError(f"{missing[0]}: no such file or folder")
    origin = known or Provenance()
    manifest = Manifest(lake)
    try:
        spool = lake / "spool"
        _sweep(lake, manifest, spool)
        con = connect()
        con.execute(f"SET temp_directory = '{str(spool / 'engine').replace(chr(39), chr(39) * 2)}'")
        for found in find(paths):
            for part in members(found):
                if isinstance(part, tuple):
                    line = Line(part[0], None, note=part[1])
                else:
                    place = Place(origin.site_of(part.label), origin, folders)
                    line = _one(lake, manifest, con, part, place, spool)
                yield line
        con.close()
    finally:
        manifest.close()


def _sweep(lake: Path, manifest: Manifest, spool: Path) -> None:
    """Remove what a killed run left: scratch files and unlisted segments."""
    spool.mkdir(exist_ok=True)
    for left in sorted(spool.rglob("*"), reverse=True):
        left.rmdir() if left.is_dir() else left.unlink()
    listed = {lake / segment.path for segment in manifest.segments()}
    for path in (*lake.glob("events/**/*.parquet*"), *lake.glob("history/**/*.parquet*")):
        if path not in listed:
            path.unlink()


def _one(
    lake: Path,
    manifest: Manifest,
    con: duckdb.DuckDBPyConnection,
    found: Found,
    place: Place,
    spool: Path,
) -> Line:
    try:
        with opened(found, lambda block: manifest.sizes(_start_digest(block)), spool) as file:
            return _read(lake, manifest, con, found, file, place, spool)
    except (OSError, KizashiError) as error:
        return Line(found.label, None, note=f"could not be read: {error}")


def _read(
    lake: Path,
    manifest: Manifest,
    con: duckdb.DuckDBPyConnection,
    found: Found,
    file: Opened,
    place: Place,
    spool: Path,
) -> Line:
    site = place.site
    if file.size == 0:
        return Line(found.label, None, note=file.damage or "empty")
    before = manifest.longest_of(site, {file.size: file.digest} | file.digests)
    if before is not None and before.size == file.size:
        return Line(found.label, before.source, before.read, 0, 0, before.read, {}, "read before")
    entry = before or FileEntry(
        file.file_id,
        found.label,
        None,
        site,
        _start_digest(file.head),
        0,
        "",
        0,
    )
    unread = _input_file(found, entry, file, place, spool)
    source = entry.source or claim(unread, place.folders)
    if source is None:
        return Line(
            found.label,
            None,
            note=f"{UNKNOWN} ({_looks(unread)}). To map it: kizashi sources try FILE",
        )
    unread = replace(unread, zone=place.known.zone_of(site, source))
    writing = _Writing()
    subnets = "" if site else site_of_address(place.known.subnets)
    stem = f"{entry.file_id:015x}-{entry.size:x}"
    try:
        for batch in sources(place.folders)[source].read(unread, con):
            _store(lake, manifest, con, batch, writing, stem, entry, source, subnets)
    except duckdb.Error as error:
        _drop(lake, writing.segments)
        return Line(found.label, source, note=f"could not be read: {_first_line(error)}")
    note = "; ".join([*writing.notes, *([file.damage] if file.damage else [])])
    _commit(manifest, entry, file, source, writing, note, unread.arrived)
    line = Line(
        found.label,
        source,
        writing.read,
        writing.stored,
        len(writing.rejects),
        writing.duplicate,
        writing.tables,
        note,
    )
    return line


def _start_digest(head: bytes) -> str:
    return sha256(head[:START_BYTES]).hexdigest()


def _input_file(
    found: Found, entry: FileEntry, file: Opened, place: Place, spool: Path
) -> InputFile:
    plain = tail(file, entry.size, spool) if entry.size else file.plain
    arrived = found.path.stat().st_mtime if found.path else None
    return InputFile(
        label=found.label,
        plain=plain,
        uncut=None if entry.size else file.uncut,
        file_id=entry.file_id,
        head=file.head,
        size=plain.stat().st_size,
        newlines=file.newlines - entry.lines,
        ends_with_newline=file.ends_with_newline,
        first_record=entry.lines,
        zone="",
        arrived=None if arrived is None else datetime.fromtimestamp(arrived, UTC),
    )


def _store(
    lake: Path,
    manifest: Manifest,
    con: duckdb.DuckDBPyConnection,
    batch: Batch,
    writing: _Writing,
    stem: str,
    entry: FileEntry,
    source: str,
    subnets: str,
) -> None:
    written: list[Segment] = []
    failed: duckdb.Error | None = None
    try:
        for table, select in batch.selects.items():
            name = f"{stem}-{len(writing.segments)}-{table}"
            given = batch.columns.get(table) or _given(con, select, writing.columns)
            found = _write(lake, con, table, select, name, entry, source, subnets, given)
            written += [found] if found else []
    except duckdb.Error as error:
        if batch.repair is None:
            raise
        # What the engine's reader stumbles over is read line by line like any damage.
        failed = error
    rows = sum(segment.rows for segment in written)
    is_short = failed is not None or rows + len(batch.rejects) != batch.read
    if is_short and batch.repair is not None:
        _drop(lake, written)
        for careful in batch.repair():
            careful = replace(careful, repair=None)
            _store(lake, manifest, con, careful, writing, stem, entry, source, subnets)
        return
    writing.read += batch.read
    if batch.note:
        writing.notes[batch.note] = None
    writing.rejects += batch.rejects
    lost = batch.read - rows - len(batch.rejects)
    if lost > 0:
        reason = f"{lost} records came out of no table: unreadable time or layout"
        writing.rejects += [Reject(0, reason, "")] * lost
    for segment in written:
        kept = _without_duplicates(lake, manifest, con, segment)
        writing.duplicate += segment.rows - (kept.rows if kept else 0)
        if kept:
            writing.segments.append(kept)
            writing.stored += kept.rows
            writing.tables[kept.table] = writing.tables.get(kept.table, 0) + kept.rows


def _given(
    con: duckdb.DuckDBPyConnection, select: str, known: dict[str, frozenset[str]]
) -> frozenset[str]:
    if select not in known:
        known[select] = frozenset(con.sql(select).columns)
    return known[select]


def _write(
    lake: Path,
    con: duckdb.DuckDBPyConnection,
    table: str,
    select: str,
    stem: str,
    entry: FileEntry,
    source: str,
    subnets: str,
    given: frozenset[str],
) -> Segment | None:
    relative = f"events/{table}/unsettled/{stem}.parquet"
    target = lake / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    return _copy(
        lake,
        con,
        f"SELECT {_columns(given, table, entry, source, subnets)} FROM ({select})",
        relative,
        table,
        entry.file_id,
    )


def _columns(given: frozenset[str], table: str, entry: FileEntry, source: str, subnets: str) -> str:
    """The table's columns in order: given by the source, added by the lake, or NULL."""
    added = {
        "file_id": f"{entry.file_id}::UBIGINT",
        "source": f"'{source}'",
        "site": subnets if subnets and "client_ip" in given else _text(entry.site),
    }
    out = []
    for column in tables()[table].columns:
        value = quoted(column.name) if column.name in given else "NULL"
        if column.name not in added or (column.name == "source" and "source" in given):
            value = f"{value}::{column.type}"
        else:
            value = added[column.name]
        out.append(f"{value} AS {quoted(column.name)}")
    return ", ".join(out)


def site_of_address(subnets: tuple[tuple[str, str], ...]) -> str:
    """SQL for the site of client_ip by the narrowest subnet that holds it, '' where none does; an
    empty text when there are no subnets."""
    nets = sorted(((ip_network(net), site) for net, site in subnets), key=_narrowest)
    tests = " ".join(f"WHEN {_holds(net)} THEN {_text(site)}" for net, site in nets)
    return f"CASE {tests} ELSE '' END" if tests else ""


def _narrowest(subnet: tuple[IPv4Network | IPv6Network, str]) -> tuple[int, str]:
    net, site = subnet
    return (-net.prefixlen * (4 if net.version == 4 else 1), f"{net} {site}")


def _holds(net: IPv4Network | IPv6Network) -> str:
    """SQL that is true where client_ip lies in the subnet."""
    if net.version == 6:
        # Whole groups only; addresses come in their short form.
        groups = net.network_address.exploded.split(":")[: net.prefixlen // 16]
        start = ":".join(f"{int(group, 16):x}" for group in groups) + ":"
        return f"starts_with(lower(client_ip), {_text(start)})"
    number = (
        "list_sum(list_transform(string_split(client_ip, '.'), "
        "lambda part, place: TRY_CAST(part AS BIGINT) << (32 - 8 * place)))"
    )
    low, high = int(net.network_address), int(net.broadcast_address)
    is_ipv4 = "regexp_full_match(client_ip, '[0-9]+([.][0-9]+){3}')"
    return f"({is_ipv4} AND {number} BETWEEN {low} AND {high})"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _copy(
    lake: Path, con: duckdb.DuckDBPyConnection, select: str, relative: str, table: str, file_id: int
) -> Segment | None:
    target = lake / relative
    partial = target.with_suffix(".parquet.part")
    name = str(partial).replace("'", "''")
    ((_path, rows, _bytes, _footer, columns, *_keys),) = con.execute(
        f"COPY ({select}) TO '{name}' "
        # Settling reads it once and writes it anew: quick to pack and unpack counts, not size.
        "(FORMAT parquet, COMPRESSION lz4_raw, PARQUET_VERSION v2, RETURN_STATS true)"
    ).fetchall() or [("", 0, 0, 0, {})]
    if rows == 0:
        partial.unlink(missing_ok=True)
        return None
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
    partial.rename(target)
    times, clocks = columns.get('"time"', {}), columns.get('"clock_id"', {})
    clock = clocks.get("min") if clocks.get("min") == clocks.get("max") else None
    return Segment(
        relative, table, rows, times.get("min"), times.get("max"), clock_id=clock, file_id=file_id
    )


def _without_duplicates(
    lake: Path, manifest: Manifest, con: duckdb.DuckDBPyConnection, segment: Segment
) -> Segment | None:
    """The segment without rows that other files brought before, or None when none is left."""
    others = [s for s in manifest.segments(segment.table) if _overlaps(s, segment)]
    if not others:
        return segment
    key = _row_key(segment.table)
    old = ", ".join(_path_literal(lake, s) for s in others)
    new = f"read_parquet([{_path_literal(lake, segment)}])"
    known = (
        f"SELECT {key} FROM read_parquet([{old}]) "
        f"WHERE file_id != {segment.file_id} "
        f"AND time BETWEEN '{segment.min_time}' AND '{segment.max_time}'"
    )
    fresh = f"SELECT * FROM {new} WHERE {key} NOT IN ({known})"
    ((left,),) = con.execute(f"SELECT count(*) FROM ({fresh})").fetchall()
    if left == segment.rows:
        return segment
    relative = segment.path.replace(".parquet", "-new.parquet")
    kept = _copy(lake, con, fresh, relative, segment.table, segment.file_id or 0)
    (lake / segment.path).unlink()
    return kept


def _overlaps(other: Segment, segment: Segment) -> bool:
    if other.clock_id and segment.clock_id and other.clock_id != segment.clock_id:
        return False
    if not (other.min_time and other.max_time and segment.min_time and segment.max_time):
        return False
    return other.min_time <= segment.max_time and segment.min_time <= other.max_time


def _row_key(table: str) -> str:
    """Hash that two records of the same happening share: their natural key, else all they say."""
    provenance = {"file_id", "record_no", "natural_key", "source", "received", "unmapped"}
    said = [quoted(c.name) for c in tables()[table].columns if c.name not in provenance]
    return f"coalesce(natural_key, hash({', '.join(said)}))"


def _path_literal(lake: Path, segment: Segment) -> str:
    return "'" + str(lake / segment.path).replace("'", "''") + "'"


def _commit(
    manifest: Manifest,
    entry: FileEntry,
    file: Opened,
    source: str,
    writing: _Writing,
    note: str,
    arrived: datetime | None,
) -> None:
    merged = dict(entry.tables)
    for table, rows in writing.tables.items():
        merged[table] = merged.get(table, 0) + rows
    with manifest.transaction() as db:
        put_file(
            db,
            replace(
                entry,
                source=source,
                size=file.size,
                digest=file.digest,
                lines=file.newlines,
                read=entry.read + writing.read,
                stored=entry.stored + writing.stored,
                rejected=entry.rejected + len(writing.rejects),
                duplicate=entry.duplicate + writing.duplicate,
                tables=merged,
                note=note,
            ),
        )
        for segment in writing.segments:
            put_segment(db, segment)
        put_rejects(db, entry.file_id, writing.rejects)
        newest = max((s.max_time for s in writing.segments if s.max_time), default=None)
        # A file's own time says when its last records came only while it is being written.
        if entry.size and arrived and newest:
            put_arrival(db, entry.file_id, f"{arrived:%Y-%m-%d %H:%M:%S}", newest)


def _drop(lake: Path, segments: list[Segment]) -> None:
    for segment in segments:
        (lake / segment.path).unlink(missing_ok=True)


def _looks(file: InputFile) -> str:
    head = file.head
    known = {
        b"\xd4\xc3\xb2\xa1": "a packet capture: convert it with Zeek",
        b"\x0a\x0d\x0d\x0a": "a packet capture: convert it with Zeek",
        b"SQLite": "a SQLite database",
        b"%PDF": "a PDF",
        b"MZ": "a program",
        b"\x7fELF": "a program",
    }
    for magic, what in known.items():
        if head.startswith(magic):
            return f"looks like {what}"
    encoding = detect(head)
    codec = "utf-8" if encoding == "mixed" else encoding
    first = head.decode(codec, "backslashreplace").lstrip("\ufeff").split("\n", 1)[0][:60]
    printable = "".join(c if c.isprintable() else "." for c in first)
    seems = "" if b"\0" in head else hint(file)
    return f"begins with: {printable}" + (f"; {seems}" if seems else "")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:300]
