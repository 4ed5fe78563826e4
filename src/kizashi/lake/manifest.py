"""The lake's list of what it holds, in SQLite. A segment that is not listed does not exist."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from kizashi.errors import KizashiError
from kizashi.sources import Reject

FORMAT = "5"
# A file that has grown still begins as it did; shorter files are few bytes to compare whole.
START_BYTES = 256


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file as the manifest lists it: read = stored + rejected + duplicate."""

    file_id: int
    label: str
    source: str | None
    site: str
    start_digest: str
    size: int
    digest: str
    lines: int
    read: int = 0
    stored: int = 0
    rejected: int = 0
    duplicate: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """One Parquet file of one table."""

    path: str
    table: str
    rows: int
    min_time: str | None
    max_time: str | None
    day: str | None = None
    settled: bool = False
    clock_id: str | None = None
    file_id: int | None = None


class Manifest:
    """Reads and writes the list. One writer; any number of readers (WAL)."""

    def __init__(self, lake: Path) -> None:
        lake.mkdir(parents=True, exist_ok=True)
        self.path = lake / "manifest.sqlite"
        self._db = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        said = self._format()
        if said != FORMAT:
            raise KizashiError(
                f"{lake}: a lake of format {said}; this Kizashi reads format {FORMAT}. "
                f"Make it anew: kizashi ingest PATH --lake {lake}-{FORMAT}"
            )
        self._db.executescript(files(__package__).joinpath("manifest.sql").read_text("utf-8"))
        self.set_fact("format", FORMAT)

    def close(self) -> None:
        self._db.close()

    def _format(self) -> str:
        """The format that the lake says it has; this one's for a new lake."""
        asked = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'fact'"
        if self._db.execute(asked).fetchone() is None:
            return FORMAT
        return self.fact("format") or FORMAT

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def fact(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM fact WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_fact(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (key, value))

    def file_entries(self) -> list[FileEntry]:
        return [_entry(row) for row in self._db.execute(f"{_SELECT_FILE} ORDER BY label, file_id")]

    def sizes(self, start_digest: str) -> tuple[int, ...]:
        """Sizes of the files that a file which starts so may be a copy or a continuation of."""
        rows = self._db.execute(
            "SELECT DISTINCT size FROM input_file WHERE start_digest = ? OR size < ? ORDER BY size",
            (start_digest, START_BYTES),
        ).fetchall()
        return tuple(int(size) for (size,) in rows)

    def longest_of(self, site: str, digests: Mapping[int, str]) -> FileEntry | None:
        """The longest file of a site whose size and digest are among those given."""
        for size in sorted(digests, reverse=True):
            row = self._db.execute(
                f"{_SELECT_FILE} WHERE digest = ? AND size = ? AND site = ? ORDER BY file_id",
                (digests[size], size, site),
            ).fetchone()
            if row is not None:
                return _entry(row)
        return None

    def segments(self, table: str | None = None, *, settled: bool | None = None) -> list[Segment]:
        rows = self._db.execute(
            "SELECT path, table_name, rows, min_time, max_time, day, settled, clock_id, file_id "
            "FROM segment ORDER BY path"
        ).fetchall()
        found = [Segment(*row) for row in rows]
        return [
            s
            for s in found
            if (table is None or s.table == table) and (settled is None or s.settled == settled)
        ]

    def reject_reasons(self) -> dict[str, Counter[str]]:
        """How many records were set aside, by source and reason."""
        found: dict[str, Counter[str]] = {}
        for source, reason, count in self._db.execute(
            "SELECT source, reason, count(*) FROM reject JOIN input_file USING (file_id) "
            "GROUP BY source, reason ORDER BY source, reason"
        ):
            found.setdefault(str(source or ""), Counter())[str(reason)] = int(count)
        return found

    def lags(self) -> dict[str, list[float]]:
        """By source: seconds from the newest record of a file that had grown to its writing."""
        found: dict[str, list[float]] = {}
        for source, lag_s in self._db.execute(
            "SELECT source, (julianday(written) - julianday(newest)) * 86400 "
            "FROM arrival JOIN input_file USING (file_id) ORDER BY source, written"
        ):
            found.setdefault(str(source or ""), []).append(float(lag_s))
        return found

    def rejects(self) -> list[tuple[str, int, str, str]]:
        """(label, record number, reason, excerpt) in order of file and record."""
        return self._db.execute(
            "SELECT label, record_no, reason, excerpt FROM reject JOIN input_file USING (file_id) "
            "ORDER BY label, record_no, reason"
        ).fetchall()


_FILE_COLUMNS = (
    "file_id, label, source, site, start_digest, size, digest, lines, read, stored, rejected, "
    "duplicate, tables, note"
)
_SELECT_FILE = f"SELECT {_FILE_COLUMNS} FROM input_file"


def _entry(row: tuple[object, ...]) -> FileEntry:
    said = dict(zip(_FILE_COLUMNS.split(", "), row, strict=True))
    return FileEntry(**said | {"tables": json.loads(str(said["tables"]))})  # type: ignore[arg-type]


def put_file(db: sqlite3.Connection, entry: FileEntry) -> None:
    """Write a file's line, replacing what was said of it."""
    db.execute(
        f"INSERT OR REPLACE INTO input_file ({_FILE_COLUMNS}) VALUES ({','.join('?' * 14)})",
        (
            entry.file_id,
            entry.label,
            entry.source,
            entry.site,
            entry.start_digest,
            entry.size,
            entry.digest,
            entry.lines,
            entry.read,
            entry.stored,
            entry.rejected,
            entry.duplicate,
            json.dumps(entry.tables, sort_keys=True),
            entry.note,
        ),
    )


def put_segment(db: sqlite3.Connection, segment: Segment) -> None:
    """List a segment."""
    db.execute(
        "INSERT INTO segment (path, table_name, rows, min_time, max_time, day, settled, clock_id, "
        "file_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            segment.path,
            segment.table,
            segment.rows,
            segment.min_time,
            segment.max_time,
            segment.day,
            int(segment.settled),
            segment.clock_id,
            segment.file_id,
        ),
    )


def put_arrival(db: sqlite3.Connection, file_id: int, written: str, newest: str) -> None:
    """Write down when a file that grew was written, and its newest record's time."""
    db.execute("INSERT INTO arrival VALUES (?, ?, ?)", (file_id, written, newest))


def put_rejects(db: sqlite3.Connection, file_id: int, rejects: list[Reject]) -> None:
    """Write the damaged records of a file."""
    db.executemany(
        "INSERT INTO reject VALUES (?, ?, ?, ?)",
        [(file_id, r.record_no, r.reason[:300], r.excerpt[:200]) for r in rejects],
    )
