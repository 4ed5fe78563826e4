"""Entities: who held an address, which host a row is about, when hosts were on, whom they spoke to,
what is normal for them, and how far their clocks are apart.

Each derived table is one SELECT in a .sql file here, over event tables that are views or tables on
the caller's connection; the first line of the file is the table's signature. `rhythm` needs
arithmetic on whole series besides, in rhythm.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

import duckdb

# In this order: a later one may read an earlier one.
TABLES = (
    "lease",
    "clock_fact",
    "clock_offset",
    "clock_shift",
    "uptime",
    "life",
    "insider",
    "source_hour",
    "source_lag",
    "late_day",
    "late_host",
    "silent_host",
    "clock_step",
    "relay",
    "role",
    "forwarded",
    "failure_answer",
    "rewritten",
    "own_dns_activity",
    "seen_name",
    "name",
    "contact",
    "fleet_contact",
    "unasked_name",
    "outward",
    "proxied_site",
    "rhythm",
    "judged_rhythm",
    "rhythm_proof",
    "destination_rank",
    "baseline",
    "dns_fact",
    "failed_lookup",
    "person",
    "sign_in",
    "message",
)
VIEWS = frozenset(
    {
        "own_dns_activity",
        "outward",
        "proxied_site",
        "judged_rhythm",
        "rhythm_proof",
        "destination_rank",
        "dns_fact",
        "sign_in",
        "message",
    }
)
# Kept when their events leave the lake, as rows of <table>_history.
HISTORY = ("contact", "life")


def install(con: duckdb.DuckDBPyConnection) -> None:
    """The macros of this package on the connection, and an empty `given_role`; nothing is read."""
    con.execute(sql("macros"))
    con.execute(sql("given_role"))


def sql(name: str) -> str:
    """The SELECT of a derived table, without a closing semicolon."""
    return files(__package__).joinpath(f"{name}.sql").read_text("utf-8").rstrip().rstrip(";")


def prepare_hosts(con: duckdb.DuckDBPyConnection) -> None:
    """Tables lease, sole_owner, shared_address and relay, from the event tables on the connection;
    what `with_hosts` looks addresses up in."""
    install(con)
    for name in ("lease", "sole_owner", "shared_address", "relay"):
        con.execute(f"CREATE OR REPLACE TABLE {name} AS {sql(name)}")


def with_hosts(rows: str, relayed: bool = False) -> str:
    """SELECT of the rows of another SELECT with host_id and bucket; `prepare_hosts` comes first.

    `rows` must hold site, device, client_ip and time, and forwarded_for where they are `relayed`.
    They are scanned twice and never held in memory.
    """
    if relayed:
        rows = sql("relayed").format(rows=rows)
    else:
        rows = f"SELECT *, client_ip AS asking_ip FROM (\n{rows}\n)"
    return f"WITH event_row AS NOT MATERIALIZED (\n{rows}\n)\nFROM (\n{sql('hosts')}\n)"


def give_roles(con: duckdb.DuckDBPyConnection, roles: Iterable[tuple[str, str, str]]) -> None:
    """Say which addresses do what: (site, role, address); see role.sql for the roles."""
    install(con)
    con.execute("DELETE FROM given_role")
    con.executemany("INSERT INTO given_role VALUES (?, ?, ?)", [*roles] or [("", "", "")])


def give_places(con: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> None:
    """Let sign-ins say where their public addresses are, by local MMDB files."""
    from kizashi.entities.places import locate

    install(con)
    asked = con.execute(
        "SELECT DISTINCT client_ip FROM authentication "
        "WHERE is_public_address(client_ip) ORDER BY client_ip"
    ).fetchall()
    known = list(locate(paths, (address for (address,) in asked)))
    con.execute(
        "CREATE TABLE address_place (address VARCHAR, country VARCHAR, latitude DOUBLE, "
        "longitude DOUBLE, asn UINTEGER)"
    )
    if known:
        con.executemany("INSERT INTO address_place VALUES (?, ?, ?, ?, ?)", known)
    ((kind,),) = con.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_name = 'authentication'"
    ).fetchall()
    word = "VIEW" if kind == "VIEW" else "TABLE"
    con.execute(f"ALTER {word} authentication RENAME TO logged_authentication")
    con.execute(f"CREATE VIEW authentication AS {sql('placed')}")


def kept(name: str) -> str:
    """The SELECT of the rows of one of HISTORY as they are stored, over the event tables."""
    if name == "life":
        return sql("uptime")
    return f"SELECT * EXCLUDE (first_seen, last_seen) FROM ({sql(name)})"


def derive(con: duckdb.DuckDBPyConnection) -> None:
    """Every derived table and view over the settled event tables of the connection.

    `names.install` must have run. The whole is recomputed; nothing of an earlier call stays.
    """
    install(con)
    for name in TABLES:
        create(con, name)


def create(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """One of TABLES made anew from what it reads."""
    if name == "rhythm":
        # numpy and pyarrow cost a tenth of a second to load, and look-ups need neither.
        from kizashi.entities import rhythm

        rhythm.derive(con)
        return
    kind = "VIEW" if name in VIEWS else "TABLE"
    rows = sql(name)
    if name in HISTORY and _exists(con, f"{name}_history"):
        rows = f"FROM ({rows}) UNION ALL BY NAME FROM ({sql(f'{name}_history')})"
    con.execute(f"CREATE OR REPLACE {kind} {name} AS {rows}")


def _exists(con: duckdb.DuckDBPyConnection, view: str) -> bool:
    found = con.execute("SELECT 1 FROM duckdb_views() WHERE view_name = ?", [view]).fetchall()
    return bool(found)
