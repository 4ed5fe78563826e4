"""Foudre and its relatives of the Infy APT (Prince of Persia), 2016 to 2020.

Eight hex digits of the CRC-32 over seed, year, month and ISO week without padding, and for all but
the first name an index, under a few suffixes. Published by Unit 42 (2017) and Check Point (2021);
106 of the 108 labels published with these campaigns come out exactly. A new set begins every ISO
Monday and at a change of month inside a week. At the edge of a year nobody published whether the
calendar's year or the week's counts, so both are made. The algorithm of the 2025 versions is not
public: this says nothing of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import date, timedelta

from kizashi.names.predicted import Predicted

TITLE = "Foudre and relatives, 2016-2020 (Infy, Prince of Persia)"
SEEDS = ("NRV1", "NRTV1", "NITV1")
SUFFIXES = ("space", "net", "dynu.net", "top", "site", "com", "win")
# Twenty were published for one week; a hundred is what later versions are said to make.
INDEXES = 100


def label(seed: str, year: int, month: int, week: int, index: int | None = None) -> str:
    """One label: `label("NRV1", 2016, 11, 46)` is 9877fa8b."""
    text = f"{seed}{year}{month}{week}{'' if index is None else index}"
    return f"{zlib.crc32(text.encode()):08x}"


def names(first: date, last: date) -> Iterator[Predicted]:
    """Every name in use on one of the days, set by set."""
    for begin, end in _sets(first, last):
        iso = begin.isocalendar()
        for year in sorted({begin.year, iso.year}):
            for seed in SEEDS:
                for index in (None, *range(1, INDEXES + 1)):
                    made = label(seed, year, begin.month, iso.week, index)
                    yield from (Predicted(f"{made}.{s}", begin, end) for s in SUFFIXES)


def _sets(first: date, last: date) -> Iterator[tuple[date, date]]:
    """First and last day of each set: an ISO week, cut where the month changes."""
    begin = first - timedelta(days=first.weekday())
    if begin.month != first.month:
        begin = first.replace(day=1)
    while begin <= last:
        end = begin + timedelta(days=6 - begin.weekday())
        month_end = (begin.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        end = min(end, month_end)
        yield begin, end
        begin = end + timedelta(days=1)
