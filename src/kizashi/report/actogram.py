"""The beats of a rhythm, drawn as the activity of animals is: a row a day, a mark where heard.

A clock shows as columns or as slanted lines, a person as a cloud in office hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

MOST_DAYS = 14
CELLS = 48  # half-hours
DAY_S = 86_400.0


class Row(NamedTuple):
    """One day, UTC, and the moments in it as shares of the day."""

    day: date
    marks: tuple[float, ...]


def rows(moments: Sequence[datetime]) -> list[Row]:
    """The last days on which something was heard, and the days between them, in order."""
    found: dict[date, list[float]] = {}
    for moment in sorted(moments):
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        share = (moment - midnight).total_seconds() / DAY_S
        found.setdefault(moment.date(), []).append(share)
    if not found:
        return []
    last = max(found)
    first = max(min(found), last - timedelta(days=MOST_DAYS - 1))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [Row(day, tuple(found.get(day, ()))) for day in days]


def line(row: Row, ascii_only: bool = False) -> str:
    """A day as half-hours, for a terminal."""
    full, empty = ("#", ".") if ascii_only else ("█", "·")
    heard = {min(int(mark * CELLS), CELLS - 1) for mark in row.marks}
    return "".join(full if cell in heard else empty for cell in range(CELLS))
