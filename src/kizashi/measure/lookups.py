"""`make bench-show`: how long `kizashi show` takes on a lake of 20 million rows, by kind of thing.

The lake is an emulated organisation of ten days, copied under new host names, addresses, accounts
and, for one name of four, new children, and again under later days, straight into the lake's
layout. Each look-up is the whole command in a process of its own, Python's start with it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import NamedTuple

import duckdb

from kizashi import entities
from kizashi.lake.engine import open_lake, quoted_path
from kizashi.lake.ingest import connect, ingest
from kizashi.lake.manifest import Manifest, Segment, put_segment
from kizashi.lake.settle import settle, write_sorted
from kizashi.measure import generate
from kizashi.schema import Table, quoted, tables

HOSTS = 100
DAYS = 10
COMMON = "clouddrive.example"  # a tenth of all look-ups here
AGAIN = 5  # times that the ten days come again, later
# What a copy's rows say in place of the first's; {n} is the copy's number, 0 for the first.
RENAMED = {
    "device": "device || '-' || {n}",
    "client_ip": r"regexp_replace(client_ip, '^\d+\.\d+', '10.' || {n})",
    "user": """CASE WHEN contains("user", ' ') THEN "user" ELSE "user" || {n} END""",
    "uid": "'C' || substr(md5(uid || {n} || {k}), 1, 13)",
    "process_guid": "upper(md5(process_guid || {n} || {k}))",
    "query": "CASE WHEN hash(query) % 4 = 0 THEN 'n' || {n} || '.' || query ELSE query END",
    "host": "CASE WHEN hash(host) % 4 = 0 THEN 'n' || {n} || '.' || host ELSE host END",
    "sni": "CASE WHEN hash(sni) % 4 = 0 THEN 'n' || {n} || '.' || sni ELSE sni END",
    "file_id": "hash(file_id, {n}, {k})",
    "host_id": r"CASE WHEN regexp_matches(host_id, '/[\d.]+$') "
    r"THEN regexp_replace(host_id, '/\d+\.\d+', '/10.' || {n}) ELSE host_id || '-' || {n} END",
}


class Look(NamedTuple):
    """What one look-up took, and how many rows it gave."""

    kind: str
    thing: str
    rows: int
    wall_s: float
    cpu_s: float


def make_lake(lake: Path, rows: int) -> int:
    """A settled lake of at least so many rows; how many."""
    with tempfile.TemporaryDirectory(prefix="kizashi-show-") as scratch:
        logs, small = Path(scratch, "logs"), Path(scratch, "lake")
        generate.generate(logs, seed=7, days=DAYS, hosts=HOSTS)
        for _line in ingest(small, [logs]):
            pass
        settle(small, entities)
        with closing(Manifest(small)) as found:
            first = found.segments(settled=True)
        copies = -(-rows // (AGAIN * sum(s.rows for s in first)))
        with closing(Manifest(lake)) as manifest, closing(connect()) as con:
            entities.install(con)
            for table in tables().values():
                own = [s for s in first if s.table == table.name]
                made = [
                    _copied(con, small, lake, table, segment, copies, k)
                    for segment in own
                    for k in range(AGAIN)
                ]
                with manifest.transaction() as db:
                    for segment in made:
                        put_segment(db, segment)
            return sum(s.rows for s in manifest.segments())


def _copied(
    con: duckdb.DuckDBPyConnection,
    small: Path,
    lake: Path,
    table: Table,
    segment: Segment,
    copies: int,
    k: int,
) -> Segment:
    """A day's part again for each copy, `k` times ten days later."""
    shift = k * DAYS
    day = con.execute("SELECT (?::DATE + ?::INTEGER)::VARCHAR", [segment.day, shift]).fetchall()
    new = {name: sql.format(n="n", k=str(k)) for name, sql in RENAMED.items()}
    new["time"] = f"time + INTERVAL {shift} DAY"
    held = [*table.column_names, "host_id"]
    kept = ", ".join(f"{new.get(name, quoted(name))} AS {quoted(name)}" for name in held)
    rows = (
        f"SELECT *, bucket_of(host_id) AS bucket FROM (SELECT {kept} "
        f"FROM read_parquet({quoted_path(small / segment.path)}), range({copies}) AS c(n))"
    )
    made = write_sorted(lake, con, table.name, day[0][0], rows, f"{k:08d}")
    if made is None:
        raise RuntimeError(f"bench: {segment.path} is empty")
    return made


def things(lake: Path) -> Iterator[tuple[str, str]]:
    """(kind, thing) of one rare and one common thing of each kind, and of what is not there."""
    with closing(open_lake(lake)) as con:
        for kind, column, table in (
            ("name", "query", "dns_activity"),
            ("address", "server_ip", "network_activity"),
            ("client", "client_ip", "dns_activity"),
            ("host", "split_part(host_id, '/', 2)", "process_activity"),
            ("user", "split_part(\"user\", '\\', 2)", "process_activity"),
            ("program", "parse_filename(image, false, 'backslash')", "process_activity"),
            ("hash", "sha256", "process_activity"),
        ):
            values = f"SELECT {column} AS value FROM {table} WHERE {column} <> ''"
            counted = f"SELECT value FROM ({values}) GROUP BY value ORDER BY count(*), value"
            found = [value for (value,) in con.execute(counted).fetchall()]
            yield f"{kind}, rare", found[0]
            yield f"{kind}, common", found[-1]
    yield "domain, common", COMMON
    yield "name, not there", "not-there.example"


def look(lake: Path, kind: str, thing: str) -> Look:
    """One look-up by the command line, as an analyst would make it."""
    command = [sys.executable, "-m", "kizashi", "show", thing, "--lake", str(lake), "--json"]
    before, began = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    said = subprocess.run(command, capture_output=True, check=True)
    wall, after = time.perf_counter() - began, getrusage(RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Look(kind, thing, said.stdout.count(b"\n"), wall, cpu)


def main() -> None:
    """Makes the lake where there is none, and prints a line for each look-up."""
    parser = argparse.ArgumentParser(
        description="Example: python -m kizashi.measure.lookups .bench/show-lake"
    )
    parser.add_argument("lake", type=Path)
    parser.add_argument("--rows", type=int, default=20_000_000)
    given = parser.parse_args()
    if not (given.lake / "manifest.sqlite").is_file():
        make_lake(given.lake, given.rows)
    with closing(Manifest(given.lake)) as manifest:
        segments = manifest.segments()
    print(f"{sum(s.rows for s in segments):,} rows in {len(segments):,} files")
    print(f"{'kind':18} {'thing':40} {'lines':>6} {'wall s':>7} {'CPU s':>7}")
    for kind, thing in things(given.lake):
        took = look(given.lake, kind, thing)
        print(f"{kind:18} {thing[:40]:40} {took.rows:6,} {took.wall_s:7.2f} {took.cpu_s:7.2f}")


if __name__ == "__main__":
    main()
