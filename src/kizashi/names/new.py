"""Names that the fleet met for the first time, and those that somebody has approved.

An approval is a line of a CSV file: name, owner, reason, until. It covers the name and what lies
below it, up to and with its last day; it never lasts for ever.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path

import duckdb

from kizashi.errors import UsageError

COLUMNS = ("name", "owner", "reason", "until")


@dataclass(frozen=True, slots=True)
class Approval:
    """Who lets a name be used, why, and until when."""

    name: str
    owner: str
    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class NewName:
    """A name first met in the days asked for, at one site."""

    name: str
    registered_domain: str
    is_dynamic_dns: bool
    site: str
    first_seen: datetime
    hosts: int
    records: int


def approvals(path: Path) -> dict[str, Approval]:
    """The approvals of a CSV file with a header, by name. UsageError names a wrong line."""
    found = {}
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise UsageError(f"{path}:1: the header must be {','.join(COLUMNS)}")
        for row in rows:
            approval = _approval(f"{path}:{rows.line_num}", row)
            found[approval.name] = approval
    return found


def _approval(where: str, row: Mapping[str, str | None]) -> Approval:
    name, owner, reason, until = ((row[column] or "").strip() for column in COLUMNS)
    if not (name and owner and reason):
        raise UsageError(f"{where}: an approval needs a name, an owner and a reason")
    try:
        return Approval(name.lower().rstrip("."), owner, reason, date.fromisoformat(until))
    except ValueError as error:
        raise UsageError(f"{where}: until is written 2026-03-02, not {until!r}") from error


def approved(name: str, given: Mapping[str, Approval], on: date) -> Approval | None:
    """The approval of a name or of one of its parents that holds on a day; None without one."""
    labels = name.split(".")
    for start in range(len(labels) - 1):
        approval = given.get(".".join(labels[start:]))
        if approval and on <= approval.until:
            return approval
    return None


def new_names(
    con: duckdb.DuckDBPyConnection, until: datetime, days: int, site: str | None
) -> list[NewName]:
    """Names first met in the `days` before `until`, oldest first; of one site, or of all."""
    for variable, value in (("new_until", until), ("new_days", days), ("new_site", site)):
        con.execute(f"SET VARIABLE {variable} = ?", [value])
    con.execute(f"CREATE OR REPLACE TEMP TABLE young_name AS {_sql('young_name')}")
    return [NewName(*row) for row in con.execute(_sql("new_names")).fetchall()]


def _sql(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text("utf-8")


def unapproved(
    found: Iterable[NewName], given: Mapping[str, Approval], own: Iterable[str], on: date
) -> list[NewName]:
    """Those that nobody has approved and that are not under the organisation's own domains."""
    endings = tuple(f".{domain.lower()}" for domain in own)
    return [
        name
        for name in found
        if not f".{name.name}".endswith(endings) and approved(name.name, given, on) is None
    ]
