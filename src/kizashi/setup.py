"""A kizashi.toml to review, from the logs themselves, each line with the reason for it.

What the configuration can hold is written as settings; what it cannot is said in comments, for the
person who reviews it: domain controllers, shared addresses, monitors, spans and gaps of sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import NamedTuple

import duckdb

from kizashi import pipeline
from kizashi.config import WEEK, Config, Site
from kizashi.entities.health import by_day, faults, source_hours

# An office day from nine to five has its middle here; the estimate is good to an hour.
MIDDAY = 13.0
FEWEST_DESKS = 3
FEWEST_CALENDAR_DAYS = 13
FEW_DESKS = 0.2  # of those on a busy workday
WELL_KNOWN = {9: "Asia/Tokyo", 8: "Asia/Singapore", 3: "Europe/Istanbul", 3.5: "Asia/Tehran",
              5.5: "Asia/Kolkata", 1: "Europe/Berlin", 0: "Europe/London", -5: "America/New_York",
              -8: "America/Los_Angeles", -6: "America/Chicago", 10: "Australia/Sydney"}  # fmt: skip


class Found(NamedTuple):
    """One proposed fact: what, how often it was seen, and the reason in words."""

    what: str
    times: int
    reason: str


def propose(paths: Sequence[Path], scratch: Path) -> str:
    """Text of a kizashi.toml for the logs under the paths, read into a lake under `scratch`."""
    lake = scratch / "lake"
    folders = _folders(paths)
    sites = tuple(Site(_site_name(f), "", (f"{f}/*",)) for f in folders)
    for _line in pipeline.read(lake, list(paths), Config(sites=sites)):
        pass
    with pipeline.open_settled(lake) as con:
        return "\n".join(_lines(con, folders)) + "\n"


def _folders(paths: Sequence[Path]) -> list[str]:
    """Folders that may be offices: those right under the one folder given, where there are some."""
    if len(paths) != 1 or not paths[0].is_dir():
        return []
    found = sorted(p.name for p in paths[0].iterdir() if p.is_dir() and not p.name.startswith("."))
    return found if len(found) > 1 else []


def _site_name(folder: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in folder.lower())


def _lines(con: duckdb.DuckDBPyConnection, folders: Sequence[str]) -> Iterator[str]:
    yield "# Proposed by `kizashi setup` from the logs. Review each line; delete what is wrong."
    yield ""
    domains = _facts(con, "domains")
    yield "[organisation]"
    for found in domains:
        yield f"# {found.what}: {found.reason}"
    yield f"domains = [{', '.join(_quoted(found.what) for found in domains)}]"
    yield ""
    yield from _sites(con, folders)
    yield from _comments(con)


def _sites(con: duckdb.DuckDBPyConnection, folders: Sequence[str]) -> Iterator[str]:
    middays: dict[str, list[float]] = {}
    for site, hour in con.execute(_sql("middays")).fetchall():
        middays.setdefault(site or "", []).append(float(hour))
    if folders:
        yield "# One site a folder of the logs: join those that are one office."
    for folder in folders or [""]:
        name = _site_name(folder)
        known = middays.get(name, []) if folder else [h for own in middays.values() for h in own]
        zone, why = _zone(known)
        yield f"[site.{name or 'main'}]"
        yield f"# {why}"
        yield f"zone = {_quoted(zone)}"
        if folder:
            yield f"files = [{_quoted(folder + '/*')}]"
        for key in ("subnets", "resolvers", "proxies"):
            yield from _setting(key, _facts(con, key, name))
        yield from _calendar(con, name, zone)
        yield ""


def _setting(key: str, found: list[Found]) -> Iterator[str]:
    """A list of a site's, with the reason for each of it."""
    if found:
        yield f"{key} = ["
        yield from (f"    {_quoted(fact.what)},  # {fact.reason}" for fact in found)
        yield "]"


def _calendar(con: duckdb.DuckDBPyConnection, site: str, zone: str) -> Iterator[str]:
    """Workdays by the desks that are on, and the workdays on which hardly any was."""
    rows = con.execute(_sql("desk_days"), {"site": site, "zone": zone}).fetchall()
    desks: dict[date, int] = dict(rows)
    if not desks or (max(desks) - min(desks)).days < FEWEST_CALENDAR_DAYS:
        return
    every = [min(desks) + timedelta(days=n) for n in range((max(desks) - min(desks)).days + 1)]
    of_weekday = [[desks.get(d, 0) for d in every if d.weekday() == w] for w in range(7)]
    busy = max(median(counts) for counts in of_weekday)
    few = FEW_DESKS * busy
    work = [w for w, own in enumerate(of_weekday) if sum(n >= few for n in own) * 3 >= len(own)]
    off = [d for d in every if d.weekday() in work and desks.get(d, 0) < few]
    yield f"# about {busy:.0f} desks are on; on other days fewer than {FEW_DESKS:.0%} of that"
    yield f"workdays = [{', '.join(_quoted(WEEK[w]) for w in work)}]"
    if off:
        yield "# workdays on which hardly any desk was on"
        yield f"holidays = [{', '.join(_quoted(str(day)) for day in off)}]"


def _zone(middays: Sequence[float]) -> tuple[str, str]:
    """A zone in which the desks' hours are office hours, and the reason. `middays` are the middles
    of the desks' days, hours in UTC."""
    if len(middays) < FEWEST_DESKS:
        return "UTC", "too few desks to tell the office's hours: set the zone by hand"
    middle = sorted(middays)[len(middays) // 2]
    offset = round((MIDDAY - middle) * 2) / 2
    offset = offset - 24 if offset > 13 else offset
    nearest = min(WELL_KNOWN, key=lambda known: abs(known - offset))
    shown = f"{int(middle):02}:{int(middle % 1 * 60):02}"
    if abs(nearest - offset) > 1.5:
        return "UTC", f"the desks' day has its middle at {shown} UTC, of no common zone; set it"
    others = [
        zone for known, zone in WELL_KNOWN.items() if known != nearest and abs(known - offset) <= 1
    ]
    return WELL_KNOWN[nearest], (
        f"the day of {len(middays)} desks has its middle at {shown} UTC, so the office is about "
        f"{offset:+g} h from UTC; as near: {', '.join(others) or 'none that is common'}"
    )


def _comments(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    titles = {
        "zones": "Clocks that look set to a wrong zone: give the source its own, [source.ID] zone",
        "search": "Search list (asked for in vain after many names)",
        "controllers": "Domain controllers (named by the directory's own look-ups)",
        "shared": "Addresses of several hosts (NAT, terminal servers, leases)",
        "monitors": "Scanners and monitors (contact very many hosts)",
    }
    for name, title in titles.items():
        facts = _facts(con, name)
        if facts:
            yield f"# {title}:"
            yield from (f"#   {found.what}: {found.reason}" for found in facts)
    yield "# Sources, their span, and gaps:"
    hours = source_hours(con)
    wrong = list(faults(hours))
    for source, own in by_day(hours).items():
        yield f"#   {source}: {min(own)} - {max(own)}, {sum(own.values()):,} records"
        for fault in (f for f in wrong if f.source == source):
            yield f"#     {fault.kind} {fault.first} - {fault.last}"


def _facts(con: duckdb.DuckDBPyConnection, name: str, site: str | None = None) -> list[Found]:
    given = {} if site is None else {"site": site}
    return [Found(*row) for row in con.execute(_sql(name), given).fetchall()]


def _sql(name: str) -> str:
    return _PARTS[name]


def _parts() -> dict[str, str]:
    """The SELECTs of setup.sql by the name in the comment above each."""
    text = files("kizashi").joinpath("setup.sql").read_text("utf-8")
    found = {}
    for part in text.split("-- name: ")[1:]:
        name, _newline, sql = part.partition("\n")
        found[name.strip()] = sql.strip().rstrip(";")
    return found


_PARTS = _parts()


def _quoted(text: str) -> str:
    """A TOML string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
