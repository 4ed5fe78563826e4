"""Health of sources: where one was silent, thin or late against its own habit, hosts whose own log
stopped, clocks that were set. What lies there was not looked at, so a report says it first.

A habit is the median of a source's other days of the same kind, since an office writes less on
Saturdays and holidays; an hour's is the median of that hour of the day. The first and the last day
of the logs are cut, and are not judged.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import groupby, pairwise
from statistics import median
from typing import NamedTuple

import duckdb

from kizashi.entities import lag
from kizashi.incidents import Note

THIN = 0.1  # of the habit: nine records of ten are missing
FEWEST_DAYS = 4  # whole days before a habit can be told
FEWEST_ROWS = 50  # a day, or an hour: below it no record is no sign
FEWEST_HOURS = 3  # in a row
ENDED = timedelta(hours=24)
MOST_DAYS = 400  # the newest that are judged
LONG_DAYS = 30  # without a record: what came before says nothing of the habit
NAMED = 5  # hosts and clocks named one by one

Hours = Mapping[str, Mapping[datetime, int]]  # rows by source and hour
IsFree = Callable[[date], bool]  # weekends and holidays


class Fault(NamedTuple):
    """What is wrong with one source: silent or thin days in a row, silent hours of one day, or
    silence until the end. Times are the first hour of it and the first hour after."""

    source: str
    kind: str  # silent, thin, hours, ended
    first: datetime
    last: datetime
    share: float  # of the habit that was there


def _is_weekend(day: date) -> bool:
    return day.weekday() >= 5


def source_hours(con: duckdb.DuckDBPyConnection) -> dict[str, dict[datetime, int]]:
    """Rows by source and hour of the lake on the connection."""
    found: dict[str, dict[datetime, int]] = {}
    sql = "SELECT source, hour, sum(rows)::BIGINT FROM source_hour GROUP BY ALL ORDER BY ALL"
    for source, hour, rows in con.execute(sql).fetchall():
        found.setdefault(source, {})[hour] = rows
    return found


def by_day(hours: Hours) -> dict[str, dict[date, int]]:
    """Rows by source and day."""
    found: dict[str, dict[date, int]] = {}
    for source, own in hours.items():
        days = found.setdefault(source, {})
        for hour, rows in own.items():
            days[hour.date()] = days.get(hour.date(), 0) + rows
    return found


def faults(hours: Hours, is_free: IsFree = _is_weekend) -> Iterator[Fault]:
    """Faults by source, in order of time."""
    every = [hour for own in hours.values() for hour in own]
    if not every:
        return
    begin, end = (
        min(every).date() + timedelta(days=1),
        max(every).date() - timedelta(days=1),
    )
    for source, days in sorted(by_day(hours).items()):
        own = hours[source]
        *_before, run = _runs(sorted(days))
        whole = _days(max(begin, run[0] + timedelta(days=1)), min(end, run[-1]))[-MOST_DAYS:]
        bad = list(_long_silences(source, sorted(days)))
        if len(whole) >= FEWEST_DAYS:
            bad += _of_days(source, days, whole, is_free)
            spared = {day for fault in bad for day in _days(fault.first.date(), fault.last.date())}
            rest = [day for day in whole if day not in spared]
            bad += _of_hours(source, own, rest, is_free)
        yield from sorted(bad, key=lambda fault: fault.first)
        last = max(own) + timedelta(hours=1)
        habit = _Habit(days, is_free)
        if max(every) - max(own) > ENDED and habit.without(max(days), days[max(days)]):
            yield Fault(source, "ended", last, max(every), 0.0)


def _runs(days: list[date]) -> list[list[date]]:
    """The days in order, apart where more than LONG_DAYS lie between two."""
    runs = [days[:1]]
    for before, day in pairwise(days):
        if (day - before).days > LONG_DAYS:
            runs.append([])
        runs[-1].append(day)
    return runs


def _long_silences(source: str, days: list[date]) -> Iterator[Fault]:
    for before, after in pairwise(_runs(days)):
        if min(len(before), len(after)) >= FEWEST_DAYS:
            first, last = before[-1] + timedelta(days=1), after[0] - timedelta(days=1)
            yield Fault(source, "silent", _start(first), _start(last), 0.0)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _of_days(
    source: str, own: Mapping[date, int], whole: list[date], is_free: IsFree
) -> Iterator[Fault]:
    judged = []
    habit = _Habit({day: own.get(day, 0) for day in whole}, is_free)
    for day in whole:
        rows = own.get(day, 0)
        usual = habit.without(day, rows)
        if usual >= FEWEST_ROWS and rows < THIN * usual:
            judged.append((day, "thin" if rows else "silent", rows / usual))
    # Days in a row with one fault are one fault.
    for (_run, kind), found in groupby(
        enumerate(judged), key=lambda item: (item[1][0] - timedelta(days=item[0]), item[1][1])
    ):
        run = [entry for _place, entry in found]
        share = sum(entry[2] for entry in run) / len(run)
        yield Fault(source, kind, _start(run[0][0]), _start(run[-1][0]), share)


def _of_hours(
    source: str, own: Mapping[datetime, int], days: list[date], is_free: IsFree
) -> Iterator[Fault]:
    """Hours in a row without a record in which every other day of the kind has many."""
    if len(days) < FEWEST_DAYS:
        return
    missed = []
    for at in range(24):
        rows = {day: own.get(_start(day) + timedelta(hours=at), 0) for day in days}
        habit = _Habit(rows, is_free)
        for day in days:
            if rows[day] == 0 and habit.without(day, 0) >= FEWEST_ROWS:
                missed.append(_start(day) + timedelta(hours=at))
    missed.sort()
    for _run, found in groupby(enumerate(missed), key=lambda item: item[1] - _hours(item[0])):
        run = [hour for _place, hour in found]
        if len(run) >= FEWEST_HOURS:
            yield Fault(source, "hours", run[0], run[-1] + timedelta(hours=1), 0.0)


def _hours(count: int) -> timedelta:
    return timedelta(hours=count)


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min)


class _Habit:
    """Rows of days of each kind, sorted once, so that a day's own can be left out at no cost."""

    def __init__(self, own: Mapping[date, int], is_free: IsFree) -> None:
        self._is_free = is_free
        self._rows: dict[bool, list[int]] = {True: [], False: []}
        for day, rows in own.items():
            self._rows[is_free(day)].append(rows)
        for kind in self._rows.values():
            kind.sort()

    def without(self, day: date, rows: int) -> float:
        """Median of the other days of the same kind, of all other days where there is none; `rows`
        are the day's own."""
        kind = self._is_free(day)
        if len(self._rows[kind]) > 1:
            return _median_without(self._rows[kind], rows)
        return float(median(self._rows[not kind] or [0]))


def _median_without(rows: list[int], one: int) -> float:
    """Median of sorted values without one that equals `one`."""
    left_out = bisect_left(rows, one)

    def at(place: int) -> int:
        return rows[place if place < left_out else place + 1]

    count = len(rows) - 1
    return (at((count - 1) // 2) + at(count // 2)) / 2


def warnings(con: duckdb.DuckDBPyConnection, is_free: IsFree) -> Iterator[Note]:
    """A line for each fault of a source, host or clock of the lake on the connection."""
    for fault in faults(source_hours(con), is_free):
        yield _told(fault)
    yield from _silent_hosts(con)
    yield from _clock_steps(con)
    yield from lag.warnings(con)


def _told(fault: Fault) -> Note:
    source, first, last = fault.source, fault.first.date(), fault.last.date()
    when = f"{first}" if first == last else f"{first} - {last}"
    span = f"{fault.first:%Y-%m-%d %H:%M} - {fault.last:%H:%M}"
    share = f"{1 - fault.share:.0%}"
    return {
        "silent": Note(
            f"source {source} is silent on {when}: nothing could be seen there",
            f"ソース {source} は {when} に記録が無い。この間は何も見えない",
        ),
        "thin": Note(
            f"source {source} wrote {share} less than its habit on {when}",
            f"ソース {source} の {when} の記録は普段より {share} 少ない",
        ),
        "hours": Note(
            f"source {source} is silent {span} UTC, hours in which it always writes",
            f"ソース {source} は普段記録のある {span}（UTC）に記録が無い",
        ),
        "ended": Note(
            f"source {source} ends on {first}; the logs go on until {last}",
            f"ソース {source} は {first} で終わる（全体は {last} まで）",
        ),
    }[fault.kind]


def _silent_hosts(con: duckdb.DuckDBPyConnection) -> Iterator[Note]:
    rows = con.execute("FROM silent_host ORDER BY hours DESC, host_id, source").fetchall()
    for host_id, source, seen, hours in rows[:NAMED]:
        host = host_id.removeprefix("/")
        when = f"{seen:%Y-%m-%d %H:%M}"
        yield Note(
            f"{host} stopped writing {source} at {when} UTC, yet the network saw it in "
            f"{hours} later hours: agent off or tampered with (T1562)?",
            f"{host} の {source} は {when}（UTC）で途絶えたが、その後 {hours} 時間分の通信がある。"
            "エージェント停止または妨害（T1562）か",
        )
    if len(rows) > NAMED:
        yield Note(
            f"{len(rows) - NAMED} more hosts stopped writing while the network still saw them: "
            'kizashi query "FROM silent_host"',
            f"ほかに {len(rows) - NAMED} 台で同様に記録が途絶えた："
            'kizashi query "FROM silent_host"',
        )


def _clock_steps(con: duckdb.DuckDBPyConnection) -> Iterator[Note]:
    rows = con.execute("FROM clock_step ORDER BY time, clock, other").fetchall()
    for clock, other, moment, before_s, after_s in rows[:NAMED]:
        yield Note(
            f"clock {clock} was set about {moment:%Y-%m-%d %H:%M} UTC: {before_s:,.0f} s, then "
            f"{after_s:,.0f} s ahead of {other}",
            f"時計 {clock} は {moment:%Y-%m-%d %H:%M}（UTC）頃に変わった：{other} より "
            f"{before_s:,.0f} 秒進みから {after_s:,.0f} 秒進みへ",
        )
