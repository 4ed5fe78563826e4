"""Settling: rows get their host, and small parts become one sorted part per day.

A host is known by its own name, by the lease of its address at that time, or by the address. Parts
are sorted by bucket, host and time, so that one host's story is read from few places.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import duckdb

from kizashi.lake.engine import open_lake, path_list, quoted_path
from kizashi.lake.manifest import Manifest, Segment, put_segment
from kizashi.schema import Table, quoted, tables

# A day's parts are written anew together when there are this many of them.
MOST_PARTS_A_DAY = 8


class HostNaming(Protocol):
    """What names the host of a row: tables first, then a SELECT wrapped."""

    def prepare_hosts(self, con: duckdb.DuckDBPyConnection) -> None: ...

    def with_hosts(self, rows: str, relayed: bool = False) -> str: ...


def settle(lake: Path, hosts: HostNaming) -> int:
    """Settle every row that is not; the number of rows written. A killed run changes nothing."""
    manifest = Manifest(lake)
    try:
        waiting = manifest.segments(settled=False)
        if not waiting:
            return 0
        con = open_lake(lake)
        hosts.prepare_hosts(con)
        # Taken before any file is written, so that no run ever writes over a listed one.
        generation = int(manifest.fact("generation") or 0) + 1
        manifest.set_fact("generation", str(generation))
        written = 0
        for name in sorted({segment.table for segment in waiting}):
            written += _settle_table(lake, manifest, con, hosts, tables()[name], generation)
        con.close()
        return written
    finally:
        manifest.close()


def _settle_table(
    lake: Path,
    manifest: Manifest,
    con: duckdb.DuckDBPyConnection,
    hosts: HostNaming,
    table: Table,
    generation: int,
) -> int:
    fresh = manifest.segments(table.name, settled=False)
    old = manifest.segments(table.name, settled=True)
    added: list[Segment] = []
    replaced = list(fresh)
    for day in _days(con, lake, fresh):
        again = [s for s in old if s.day == day]
        if len(again) < MOST_PARTS_A_DAY:
            again = []
        replaced += again
        added += _write_day(lake, con, hosts, table, day, fresh, again, generation)
    with manifest.transaction() as db:
        for segment in added:
            put_segment(db, segment)
        db.executemany("DELETE FROM segment WHERE path = ?", [(s.path,) for s in replaced])
    for segment in replaced:
        (lake / segment.path).unlink(missing_ok=True)
    return sum(segment.rows for segment in added)


def _days(con: duckdb.DuckDBPyConnection, lake: Path, fresh: list[Segment]) -> list[str | None]:
    paths = path_list([lake / s.path for s in fresh])
    sql = f"SELECT DISTINCT time::DATE::VARCHAR FROM read_parquet({paths}) ORDER BY ALL"
    return [row[0] for row in con.execute(sql).fetchall()]


def _write_day(
    lake: Path,
    con: duckdb.DuckDBPyConnection,
    hosts: HostNaming,
    table: Table,
    day: str | None,
    fresh: list[Segment],
    again: list[Segment],
    generation: int,
) -> list[Segment]:
    inside = f"time >= '{day}' AND time < '{day}'::DATE + 1" if day else "time IS NULL"
    columns = ", ".join(quoted(c.name) for c in table.columns)
    paths = path_list([lake / s.path for s in fresh if _may_hold(s, day)])
    relayed = any(c.name == "forwarded_for" for c in table.columns)
    rows = f"SELECT {columns} FROM read_parquet({paths}) WHERE {inside}"
    rows = hosts.with_hosts(rows, relayed)
    select = f"SELECT {columns}, host_id, bucket FROM ({rows})"
    if again:
        paths = path_list([lake / s.path for s in again])
        select += f" UNION ALL SELECT {columns}, host_id, bucket FROM read_parquet({paths})"
    written = write_sorted(lake, con, table.name, day, select, f"{generation:08d}")
    return [written] if written else []


def write_sorted(
    lake: Path,
    con: duckdb.DuckDBPyConnection,
    table: str,
    day: str | None,
    rows: str,
    name: str,
) -> Segment | None:
    """The rows of a SELECT, all of one day, as a settled part of a table; None where there is none.
    It is whole or not there, and not listed yet."""
    relative = f"events/{table}/day={day or 'unknown'}/{name}.parquet"
    target = lake / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".parquet.part")
    ((_path, count, _bytes, _footer, said, *_keys),) = con.execute(
        f"COPY (SELECT * FROM ({rows}) ORDER BY bucket, host_id, time, file_id, record_no) "
        f"TO {quoted_path(partial)} "
        "(FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, RETURN_STATS true)"
    ).fetchall() or [("", 0, 0, 0, {})]
    if not count:
        partial.unlink(missing_ok=True)
        return None
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
    partial.rename(target)
    times = said.get('"time"', {})
    return Segment(relative, table, int(count), times.get("min"), times.get("max"), day, True)


def _may_hold(segment: Segment, day: str | None) -> bool:
    """False when the segment's times say that no row of it lies in the day."""
    if day is None or segment.min_time is None or segment.max_time is None:
        return True
    return segment.min_time[: len(day)] <= day <= segment.max_time[: len(day)]
