"""Moments as the reports write them: UTC always, and beside it the zone of the site."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo


def as_utc(moment: datetime) -> datetime:
    """The moment in UTC; one without a zone is UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with Z: `2026-03-02T00:12:05Z`, with microseconds where there are any."""
    return as_utc(moment).replace(tzinfo=None).isoformat() + "Z"


@cache
def _zone(name: str) -> ZoneInfo | None:
    # A zone name comes from the user's settings: an unknown or malformed one must not end a report.
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def site_zone(site: str, site_zones: Mapping[str, str]) -> ZoneInfo | None:
    """The zone of a site; None when nobody has set it or its name is unknown."""
    return _zone(site_zones.get(site, ""))


def clock(moment: datetime, zone: ZoneInfo | None = None) -> str:
    """`09:12:05` in the zone, or in UTC without one."""
    return _in(moment, zone).strftime("%H:%M:%S")


def date(moment: datetime, zone: ZoneInfo | None = None) -> str:
    """`2026-03-02` in the zone, or in UTC without one."""
    return _in(moment, zone).date().isoformat()


def zone_label(moment: datetime, zone: ZoneInfo | None = None) -> str:
    """`UTC`, `JST`, or the offset `+03:30` where the zone has no letters of its own."""
    if zone is None:
        return "UTC"
    letters = _in(moment, zone).strftime("%Z")
    if letters.isalpha():
        return letters
    offset = _in(moment, zone).strftime("%z")
    return f"{offset[:3]}:{offset[3:5]}"


def stamp(moment: datetime, zone: ZoneInfo | None = None) -> str:
    """Date, time and zone: `2026-03-02 09:12:05 JST`."""
    return f"{date(moment, zone)} {clock(moment, zone)} {zone_label(moment, zone)}"


def _in(moment: datetime, zone: ZoneInfo | None) -> datetime:
    try:
        return as_utc(moment).astimezone(zone or UTC)
    except OverflowError:  # a moment at the edge of the calendar
        return as_utc(moment)
