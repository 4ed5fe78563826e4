"""Health of sources: days on which one was silent or thin against its own habit, and its end.

Told from whole days only: the first and the last day of the logs are cut. A day's habit is the
median of the source's other days of the same kind, since an office writes less on Saturdays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import groupby
from statistics import median
from typing import NamedTuple

THIN = 0.1  # of the habit: nine records of ten are missing
FEWEST_DAYS = 4  # whole days before a habit can be told
FEWEST_ROWS = 50  # a day: below it a day without records is no sign
SILENT = timedelta(hours=24)


class Fault(NamedTuple):
    """What is wrong with one source: silent or thin days in a row, or silence until the end."""

    source: str
    kind: str  # silent, thin, ended
    first: date
    last: date
    share: float  # of the habit that was there


def faults(
    days: Mapping[str, Mapping[date, int]], last_seen: Mapping[str, datetime]
) -> Iterator[Fault]:
    """Faults by source, in order of day. `days` are rows by source and day."""
    every = [day for own in days.values() for day in own]
    if not every:
        return
    begin, end = min(every) + timedelta(days=1), max(every) - timedelta(days=1)
    newest = max(last_seen.values())
    for source, own in sorted(days.items()):
        yield from _of_days(source, own, max(begin, min(own) + timedelta(days=1)), end)
        if newest - last_seen[source] > SILENT and _habit(own, last_seen[source].date()):
            yield Fault(source, "ended", last_seen[source].date(), newest.date(), 0.0)


def _of_days(source: str, own: Mapping[date, int], begin: date, end: date) -> Iterator[Fault]:
    # What has ended is told once, as such.
    whole = [begin + timedelta(days=n) for n in range((min(end, max(own)) - begin).days + 1)]
    if len(whole) < FEWEST_DAYS:
        return
    judged = []
    for day in whole:
        usual = _habit({d: own.get(d, 0) for d in whole if d != day}, day)
        rows = own.get(day, 0)
        if usual >= FEWEST_ROWS and rows < THIN * usual:
            judged.append((day, "thin" if rows else "silent", rows / usual))
    # Days in a row with one fault are one fault.
    for (_run, kind), found in groupby(
        enumerate(judged), key=lambda item: (item[1][0] - timedelta(days=item[0]), item[1][1])
    ):
        run = [entry for _place, entry in found]
        share = sum(entry[2] for entry in run) / len(run)
        yield Fault(source, kind, run[0][0], run[-1][0], share)


def _habit(own: Mapping[date, int], day: date) -> float:
    """Median of the days of the same kind, of all days where there is no other of the kind."""
    alike = [rows for d, rows in own.items() if (d.weekday() >= 5) == (day.weekday() >= 5)]
    return float(median(alike or list(own.values()) or [0]))
