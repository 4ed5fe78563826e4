"""Reading a lake: DuckDB in memory over the listed segments, each event table a view.

Readers never block the writer and never see half a file. Overlays are other lakes whose segments
are added for this reader only; nothing is written to the lake.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from kizashi.lake.ingest import connect
from kizashi.lake.manifest import Manifest, Segment
from kizashi.schema import SETTLED, Table, quoted, tables

# Where a record is logged again while its connection lasts, the row that says most stands.
GROWTH = {
    "network_activity": "duration_s",
    "http_activity": "response_body_bytes",
    "tls_activity": "time",
}


def open_lake(lake: Path, overlays: tuple[Path, ...] = ()) -> duckdb.DuckDBPyConnection:
    """A connection on which every event table is a view with host_id and bucket.

    Rows not settled yet are there too, named by device or address alone.
    """
    con = connect()
    (lake / "spool").mkdir(parents=True, exist_ok=True)
    con.execute(f"SET temp_directory = {quoted_path(lake / 'spool' / f'engine-{os.getpid()}')}")
    parts = [(root, Manifest(root)) for root in (lake, *overlays)]
    try:
        for table in tables().values():
            found = [(root, s) for root, m in parts for s in m.segments(table.name)]
            create_view(con, table, found)
        for name, paths in _histories(parts).items():
            # Parts of an older format have more columns.
            rows = f"read_parquet({path_list(paths)}, union_by_name = true)"
            con.execute(f"CREATE VIEW {quoted(name)} AS FROM {rows}")
    finally:
        for _root, manifest in parts:
            manifest.close()
    return con


def _histories(parts: list[tuple[Path, Manifest]]) -> dict[str, list[Path]]:
    """The listed parts that are no events: derived rows kept when their events left."""
    found: dict[str, list[Path]] = {}
    for root, manifest in parts:
        for segment in manifest.segments(settled=True):
            if segment.table not in tables():
                found.setdefault(segment.table, []).append(root / segment.path)
    return found


def create_view(
    con: duckdb.DuckDBPyConnection, table: Table, segments: list[tuple[Path, Segment]]
) -> None:
    """The view of one event table over its segments; an empty table when there are none."""
    settled = [root / s.path for root, s in segments if s.settled]
    fresh = [root / s.path for root, s in segments if not s.settled]
    columns = ", ".join(quoted(c.name) for c in table.columns)
    selects = []
    if settled:
        selects.append(f"SELECT {columns}, host_id, bucket FROM read_parquet({path_list(settled)})")
    if fresh:
        selects.append(
            f"SELECT {columns}, plain_host_id(site, device, client_ip) AS host_id, "
            f"bucket_of(plain_host_id(site, device, client_ip)) AS bucket "
            f"FROM read_parquet({path_list(fresh)})"
        )
        con.execute(_PLAIN_HOST)
    name = quoted(table.name)
    if not selects:
        con.execute(empty_table_sql(table))
        return
    rows = " UNION ALL ".join(selects)
    growth = GROWTH.get(table.name)
    if growth and _any_open(con, settled + fresh):
        con.execute(f"CREATE VIEW {name} AS {_latest(rows, growth)}")
    else:
        con.execute(f"CREATE VIEW {name} AS {rows}")


_PLAIN_HOST = """
CREATE OR REPLACE TEMP MACRO plain_host_id(site, device, client_ip) AS
    coalesce(site, '') || '/' || coalesce(nullif(device, ''), nullif(client_ip, ''), '?');
CREATE OR REPLACE TEMP MACRO bucket_of(host_id) AS (md5_number_lower(host_id) % 16)::UTINYINT;
"""


def empty_table_sql(table: Table) -> str:
    """CREATE TABLE of an event table as settled rows have it."""
    columns = [f"{quoted(c.name)} {c.type}" for c in table.columns]
    columns += [f"{name} {kind}" for name, kind in SETTLED.items()]
    return f"CREATE TABLE {quoted(table.name)} ({', '.join(columns)})"


def quoted_path(path: Path) -> str:
    """A path quoted for SQL."""
    return "'" + str(path).replace("'", "''") + "'"


def path_list(paths: list[Path]) -> str:
    """A list of paths quoted for read_parquet."""
    return "[" + ", ".join(quoted_path(p) for p in paths) + "]"


def _any_open(con: duckdb.DuckDBPyConnection, paths: list[Path]) -> bool:
    sql = f"SELECT count(*) FROM read_parquet({path_list(paths)}) WHERE is_open"
    ((count,),) = con.execute(sql).fetchall()
    return bool(count)


def _latest(rows: str, growth: str) -> str:
    return f"""
    WITH rows AS ({rows}),
    still_open AS (
        SELECT * FROM rows WHERE is_open
        QUALIFY row_number() OVER (
            PARTITION BY site, uid ORDER BY {growth} DESC NULLS LAST, time DESC, file_id, record_no
        ) = 1
    )
    SELECT * FROM rows WHERE NOT coalesce(is_open, false)
    UNION ALL
    SELECT * FROM still_open ANTI JOIN (
        SELECT site, uid FROM rows WHERE NOT coalesce(is_open, false)
    ) AS closed USING (site, uid)"""
