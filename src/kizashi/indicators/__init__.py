"""Known indicators: names, addresses, networks, URLs, hashes, mail addresses and file names that
somebody published, as a table that a detector joins.

`load` reads text, CSV, STIX 2.1 or MISP JSON and refuses what would match everything, with the
reason. `install` puts them on a connection. `past_contacts` looks through the years of contacts
whose events have left the lake.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from kizashi.errors import KizashiError
from kizashi.indicators.forms import Raw, raw_indicators
from kizashi.indicators.normal import Refused, normalised
from kizashi.schema import create_sql, references

MOST_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Indicator:
    """One thing to look for. `kind` is name, address, network, url, hash, mail or file."""

    kind: str
    value: str  # as logs would write it, lower case
    said: str  # as the file wrote it
    title: str = ""  # what the file says it is
    known_from: datetime | None = None  # UTC
    known_until: datetime | None = None  # UTC; after it the file no longer vouches


class Loaded(NamedTuple):
    """What a file gave: the indicators, and a line for each that was refused."""

    indicators: tuple[Indicator, ...]
    refused: tuple[str, ...]


def load(path: Path, suffixes: Collection[str], own: Collection[str] = ()) -> Loaded:
    """Read an indicator file. `suffixes` are public ones (no indicators), `own` the organisation's
    domains. KizashiError when the file cannot be read or holds nothing of the kind."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise KizashiError(f"{path}: more than {MOST_BYTES >> 20} MB; split it")
        data = path.read_bytes()
    except OSError as error:
        raise KizashiError(f"{path}: {error.strerror}") from error
    found: dict[tuple[str, str], Indicator] = {}
    refused = []
    for raw in raw_indicators(data, str(path)):
        try:
            made = _made(raw, suffixes, own)
        except Refused as reason:
            refused.append(f"{path.name}: {raw.place}: {raw.said[:100]!r} refused: {reason}")
            continue
        found.setdefault((made.kind, made.value), made)
    if not found and not refused:
        raise KizashiError(
            f"{path}: no indicator in it. One a line, a CSV column, STIX 2.1 or MISP JSON."
        )
    return Loaded(tuple(found.values()), tuple(refused))


def _made(raw: Raw, suffixes: Collection[str], own: Collection[str]) -> Indicator:
    kind, value = normalised(raw.said, raw.kind, suffixes, own)
    return Indicator(kind, value, raw.said, raw.title, raw.known_from, raw.known_until)


def install(con: duckdb.DuckDBPyConnection, indicators: Iterable[Indicator]) -> None:
    """Table `indicator` on the connection, which holds the event tables; networks of IPv6 become
    the addresses seen in them."""
    con.execute(create_sql(references()["indicator"]))
    given = list(indicators)
    rows = [_row(i) for i in given if not (i.kind == "network" and ":" in i.value)]
    rows += _seen_in([i for i in given if i.kind == "network" and ":" in i.value], con)
    if rows:
        table = pa.Table.from_pylist(rows)
        con.register("given_indicator", table)
        con.execute("INSERT INTO indicator BY NAME FROM given_indicator")
        con.unregister("given_indicator")


def _row(indicator: Indicator, seen: str = "") -> dict[str, object]:
    low = high = None
    if indicator.kind == "network" and not seen:
        net = ipaddress.ip_network(indicator.value)
        low, high = int(net.network_address), int(net.broadcast_address)
    return {
        "kind": "address" if seen else indicator.kind,
        "value": seen or indicator.value,
        "low": low,
        "high": high,
        "said": indicator.said[:500],
        "title": indicator.title[:500],
        "known_from": indicator.known_from,
        "known_until": indicator.known_until,
    }


def _seen_in(
    networks: list[Indicator], con: duckdb.DuckDBPyConnection
) -> Iterator[dict[str, object]]:
    if not networks:
        return
    nets = [(ipaddress.ip_network(i.value), i) for i in networks]
    for (text,) in con.execute(_sql("addresses")).fetchall():
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        for net, indicator in nets:
            if address in net:
                yield _row(indicator, text)


class PastContact(NamedTuple):
    """An indicator in the contacts whose events have left the lake."""

    value: str
    title: str
    host_id: str
    destination: str
    first_seen: datetime
    last_seen: datetime
    days: int


def past_contacts(con: duckdb.DuckDBPyConnection) -> list[PastContact]:
    """Contacts of days that retention dropped, by indicator and host."""
    history = con.execute("SELECT 1 FROM duckdb_views() WHERE view_name = 'contact_history'")
    if not history.fetchall():
        return []
    return [PastContact(*row) for row in con.execute(_sql("past_contact")).fetchall()]


def searched(con: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:
    """(fields that hold something, fields that no log filled) of those that indicators match."""
    rows = con.execute(_sql("searched")).fetchall()
    return [f for f, held in rows if held], [f for f, held in rows if not held]


def _sql(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text("utf-8")
