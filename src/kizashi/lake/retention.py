"""Retention: events of days long past leave the lake; what is derived and small may stay.

Days are counted back from the newest event of each site, since a capture may say 1970. A record
dated in the future does not count, or one forged date would empty the lake. Files stay listed, so
that reading one again adds nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from kizashi.lake.engine import path_list, quoted_path
from kizashi.lake.manifest import Manifest, Segment, put_segment
from kizashi.schema import tables

# Clocks may be this far ahead of ours: one whole zone circle.
AHEAD = timedelta(days=1)
_CUTOFF = """
CREATE OR REPLACE TEMP TABLE retention AS
SELECT site, max(time)::DATE - (?::INTEGER - 1) AS first_day
FROM ({newest}) WHERE time <= ?
GROUP BY site"""


def expire(
    lake: Path,
    con: duckdb.DuckDBPyConnection,
    keep_days: int,
    now: datetime,
    history: Mapping[str, str],
) -> int:
    """Drop the settled events of days before a site's last `keep_days`; the number of rows dropped.

    `con` has the lake open. `history` names derived tables by the SELECT, over the event tables,
    of their rows (site, day, ...): rows of the days that leave are kept as `<table>_history`.
    """
    newest = " UNION ALL ".join(
        f"SELECT site, max(time) AS time FROM {name} GROUP BY site, time::DATE" for name in tables()
    )
    last = (now + AHEAD).replace(tzinfo=None)
    con.execute(_CUTOFF.format(newest=newest), [keep_days, last])
    with closing(Manifest(lake)) as manifest:
        leaving = _leaving(lake, con, manifest)
        if not leaving:
            return 0
        generation = int(manifest.fact("generation") or 0) + 1
        manifest.set_fact("generation", str(generation))
        kept = [
            part
            for number, (segment, rows) in enumerate(leaving)
            if rows < segment.rows
            for part in [_rest(lake, con, segment, rows, f"{generation:08d}-{number}")]
        ]
        past = [
            part
            for table, select in history.items()
            for part in [_history(lake, con, table, select, generation)]
            if part.rows
        ]
        with manifest.transaction() as db:
            for segment in (*kept, *past):
                put_segment(db, segment)
            db.executemany("DELETE FROM segment WHERE path = ?", [(s.path,) for s, _n in leaving])
    for segment, _rows in leaving:
        (lake / segment.path).unlink(missing_ok=True)
    return sum(rows for _segment, rows in leaving)


def _leaving(
    lake: Path, con: duckdb.DuckDBPyConnection, manifest: Manifest
) -> list[tuple[Segment, int]]:
    """Settled segments that hold rows of days that leave, and how many."""
    ((latest,),) = con.execute("SELECT max(first_day)::VARCHAR FROM retention").fetchall()
    old = [
        s
        for s in manifest.segments(settled=True)
        if s.table in tables() and s.day and latest and s.day < latest
    ]
    counted = [(s, _count(lake, con, s)) for s in old]
    return [(segment, rows) for segment, rows in counted if rows]


_LEAVES = "r.site IS NOT DISTINCT FROM e.site AND e.time < r.first_day"


def _count(lake: Path, con: duckdb.DuckDBPyConnection, segment: Segment) -> int:
    ((rows,),) = con.execute(
        f"SELECT count(*) FROM {_part(lake, segment)} AS e SEMI JOIN retention AS r ON {_LEAVES}"
    ).fetchall()
    return int(rows)


def _rest(
    lake: Path, con: duckdb.DuckDBPyConnection, segment: Segment, leaving: int, name: str
) -> Segment:
    """The segment anew without the rows that leave, in the same order."""
    relative = f"events/{segment.table}/day={segment.day}/{name}.parquet"
    rows = (
        f"SELECT e.* FROM {_part(lake, segment)} AS e ANTI JOIN retention AS r ON {_LEAVES} "
        "ORDER BY bucket, host_id, time, file_id, record_no"
    )
    _write(lake / relative, con, rows)
    return Segment(
        relative,
        segment.table,
        segment.rows - leaving,
        segment.min_time,
        segment.max_time,
        segment.day,
        settled=True,
    )


def _history(
    lake: Path, con: duckdb.DuckDBPyConnection, table: str, select: str, generation: int
) -> Segment:
    relative = f"history/{table}/{generation:08d}.parquet"
    rows = (
        f"SELECT e.* FROM ({select}) AS e JOIN retention AS r "
        "ON r.site IS NOT DISTINCT FROM e.site AND e.day < r.first_day ORDER BY ALL"
    )
    written = _write(lake / relative, con, rows)
    return Segment(relative, f"{table}_history", written, None, None, settled=True)


def _part(lake: Path, segment: Segment) -> str:
    return f"read_parquet({path_list([lake / segment.path])})"


def _write(target: Path, con: duckdb.DuckDBPyConnection, rows: str) -> int:
    """Write a SELECT as one Parquet file that is whole or not there; the number of its rows."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".parquet.part")
    ((count,),) = con.execute(
        f"COPY ({rows}) TO {quoted_path(partial)} "
        "(FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2)"
    ).fetchall()
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
    partial.rename(target)
    return int(count)
