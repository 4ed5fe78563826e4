"""What correlations find: stretches of time in which the hits of their rules amount to enough.

Windows slide: every one that ends with an event is looked at, and those that overlap are one
episode. Nothing is joined across groups, and an ordered correlation holds only where each event
comes after the one before it.
"""

from __future__ import annotations

import operator
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, product
from math import inf, isfinite
from typing import NamedTuple

from kizashi.sigma.correlations import COUNTS, LEVELS_OF, TEMPORAL, Correlation
from kizashi.sigma.events import Place
from kizashi.sigma.matching import number
from kizashi.sigma.occurrences import Occurrence, Watch

MOST_GROUPS_OF_ONE = 100
MOST_PLACES = 20
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Episode:
    """A correlation met: its group, from when to when, and the most that one window held."""

    correlation: Correlation
    group: tuple[tuple[str, str], ...]
    first: float
    last: float
    count: float
    places: tuple[Place, ...]
    points: tuple[Occurrence, ...]  # each moment at which it was fulfilled


class _Window(NamedTuple):
    """Events that fulfil a correlation: indices in order of time, and what they amount to."""

    events: Sequence[int]
    amount: float


def episodes(
    correlation: Correlation, seen: Iterable[Occurrence], wanted: Sequence[str] = ()
) -> tuple[list[Episode], int]:
    """The episodes by group and time, and how many events lacked a field of `group-by`. Their
    points carry the values of the fields `wanted`, which other correlations group by."""
    groups: dict[tuple[str, ...], list[Occurrence]] = defaultdict(list)
    shown: dict[tuple[str, ...], tuple[str, ...]] = {}
    lacking = 0
    for one in sorted(seen, key=_order):
        keys = list(_groups_of(correlation, one))
        lacking += not keys
        for values in keys:
            key = tuple(value.lower() for value in values)
            groups[key].append(one)
            shown.setdefault(key, values)
    found: list[Episode] = []
    for key in sorted(groups):
        named = tuple(zip(correlation.group_by, shown[key], strict=True))
        found += _episodes(correlation, named, groups[key], wanted)
    return found, lacking


def correlate(correlations: Sequence[Correlation], watch: Watch) -> Iterator[Episode]:
    """The episodes of every correlation, in their order; `watch` saw the hits of all rules."""
    watch.lacking = {}
    for one in correlations:
        seen = (occurrence for part in dict.fromkeys(one.parts) for occurrence in watch.seen[part])
        found, watch.lacking[one.id] = episodes(one, seen, watch.wanted[one.id])
        watch.seen[one.id] += [point for episode in found for point in episode.points]
        yield from found


def _order(one: Occurrence) -> tuple[float, str, int]:
    return one.time, one.place.file, one.place.line


def _groups_of(correlation: Correlation, one: Occurrence) -> Iterator[tuple[str, ...]]:
    """Group keys of an event: one, none where a field is absent, several for a correlation that
    itself spans several values."""
    each = [one.values.get(correlation.field_of(n, one.part), ()) for n in correlation.group_by]
    yield from islice(product(*each), MOST_GROUPS_OF_ONE)


def _episodes(
    correlation: Correlation,
    group: tuple[tuple[str, str], ...],
    events: list[Occurrence],
    wanted: Sequence[str],
) -> Iterator[Episode]:
    held: list[_Window] = []
    end = -1.0
    # Windows that share an event, or the episode of a correlation within, are one.
    keys: set[object] = set()
    is_temporal = correlation.kind in TEMPORAL
    for window in _windows(correlation, events):
        own = {events[index].key for index in window.events} if is_temporal else set()
        if held and events[window.events[0]].time > end and keys.isdisjoint(own):
            yield _episode(correlation, group, events, held, wanted)
            held, keys = [], set()
        held.append(window)
        keys |= own
        end = events[window.events[-1]].time
    if held:
        yield _episode(correlation, group, events, held, wanted)


def _episode(
    correlation: Correlation,
    group: tuple[tuple[str, str], ...],
    events: list[Occurrence],
    held: list[_Window],
    wanted: Sequence[str],
) -> Episode:
    first = events[min(window.events[0] for window in held)]
    last = events[held[-1].events[-1]]
    key = (correlation.id, group, first.time, first.place)
    own = {name: (value,) for name, value in group}
    points = []
    for window in held:
        at = events[window.events[-1]]
        values = {name: own.get(name) or _values(events, window, name) for name in wanted}
        points.append(Occurrence(at.time, at.place, correlation.id, own | values, key))
    indices = dict.fromkeys(index for window in held for index in window.events[:MOST_PLACES])
    places = dict.fromkeys(events[index].place for index in list(indices)[:MOST_PLACES])
    amount = max if correlation.bounds and correlation.bounds[0][0] in ("gt", "gte") else min
    return Episode(
        correlation,
        group,
        first.time,
        last.time,
        amount(window.amount for window in held),
        tuple(places),
        tuple(points),
    )


def _values(events: list[Occurrence], window: _Window, name: str) -> tuple[str, ...]:
    """The values of a field in a window, as many as one event may stand for."""
    found: dict[str, None] = {}
    for index in window.events:
        found.update(dict.fromkeys(events[index].values.get(name, ())))
        if len(found) >= MOST_GROUPS_OF_ONE:
            break
    return tuple(found)


def _windows(correlation: Correlation, events: list[Occurrence]) -> Iterator[_Window]:
    if correlation.kind not in (*COUNTS, *LEVELS_OF):
        yield from _temporal(correlation, events)
    elif correlation.kind in COUNTS and all(op in ("gt", "gte") for op, _n in correlation.bounds):
        yield from _trailing(correlation, events)
    else:
        yield from _widest(correlation, events)


def _holds(correlation: Correlation, amount: float | None) -> bool:
    return amount is not None and all(
        _COMPARE[name](amount, least) for name, least in correlation.bounds
    )


def _trailing(correlation: Correlation, events: list[Occurrence]) -> Iterator[_Window]:
    """Each event at which enough has come together: for what only grows with its window."""
    measure = _Measure(correlation)
    low = 0
    for high, event in enumerate(events):
        measure.add(event)
        while event.time - events[low].time > correlation.span_s:
            measure.remove(events[low])
            low += 1
        amount = measure.amount()
        if amount is not None and _holds(correlation, amount):
            yield _Window(range(low, high + 1), amount)


def _widest(correlation: Correlation, events: list[Occurrence]) -> Iterator[_Window]:
    """Each window that no event on either side could join: an average of the first event alone, or
    `lt: 5` in the tail of a burst, would say nothing."""
    measure = _Measure(correlation)
    low = 0
    for high, event in enumerate(events):
        while event.time - events[low].time > correlation.span_s:
            measure.remove(events[low])
            low += 1
        measure.add(event)
        after = events[high + 1].time if high + 1 < len(events) else inf
        if after - events[low].time <= correlation.span_s:
            continue
        amount = measure.amount()
        if amount is not None and _holds(correlation, amount):
            yield _Window(range(low, high + 1), amount)


class _Measure:
    """What the events of a sliding window amount to."""

    def __init__(self, correlation: Correlation) -> None:
        self._correlation = correlation
        self._events: Counter[object] = Counter()
        self._texts: Counter[tuple[str, ...]] = Counter()
        self._numbers: list[float] = []  # sorted
        self._is_text = correlation.kind == "value_count" or (
            correlation.kind == "value_percentile" and correlation.percentile is None
        )

    def add(self, event: Occurrence) -> None:
        self._events[event.key] += 1
        if self._events[event.key] > 1:  # an event that two rules met is one event
            return
        if self._is_text:
            if (text := self._text(event)) is not None:
                self._texts[text] += 1
        elif (value := self._number(event)) is not None:
            insort(self._numbers, value)

    def remove(self, event: Occurrence) -> None:
        self._events[event.key] -= 1
        if self._events[event.key] > 0:
            return
        del self._events[event.key]
        if self._is_text:
            if (text := self._text(event)) is not None:
                self._texts[text] -= 1
                if not self._texts[text]:
                    del self._texts[text]
        elif (value := self._number(event)) is not None:
            del self._numbers[bisect_left(self._numbers, value)]

    def amount(self) -> float | None:
        """The number to compare; None where the events of the window hold no value."""
        kind, numbers = self._correlation.kind, self._numbers
        if kind == "event_count":
            return float(len(self._events))
        if kind == "value_count":
            return float(len(self._texts))
        if self._is_text:
            return self._share()
        if not numbers:
            return None
        if kind == "value_sum":
            return sum(numbers)
        if kind == "value_avg":
            return sum(numbers) / len(numbers)
        percentile = self._correlation.percentile if kind == "value_percentile" else 50.0
        return _percentile(numbers, 50.0 if percentile is None else percentile)

    def _share(self) -> float | None:
        """Of all values, the share in percent of the first one that meets the condition."""
        total = sum(self._texts.values())
        shares = (100.0 * n / total for n in self._texts.values())
        return next((share for share in shares if _holds(self._correlation, share)), None)

    def _text(self, event: Occurrence) -> tuple[str, ...] | None:
        """Values of the counted fields, compared without case; None where one is absent."""
        found = []
        for name in self._correlation.fields:
            values = event.values.get(self._correlation.field_of(name, event.part))
            if not values:
                return None
            found.append("\n".join(sorted(values)).lower())
        return tuple(found)

    def _number(self, event: Occurrence) -> float | None:
        if not self._correlation.fields:
            return None
        name = self._correlation.field_of(self._correlation.fields[0], event.part)
        found = number(next(iter(event.values.get(name, ())), None))
        return found if found is not None and isfinite(found) else None


def _percentile(numbers: Sequence[float], percentile: float) -> float:
    """Between the two nearest ranks, as percentile_cont in SQL; `numbers` are sorted."""
    at = (len(numbers) - 1) * percentile / 100
    low = int(at)
    high = min(low + 1, len(numbers) - 1)
    return numbers[low] + (numbers[high] - numbers[low]) * (at - low)


def _temporal(correlation: Correlation, events: list[Occurrence]) -> Iterator[_Window]:
    is_ordered = correlation.kind == "temporal_ordered"
    if not correlation.terms:
        find = _in_order if is_ordered else _together
        yield from find(correlation, events, correlation.parts)
        return
    found: dict[tuple[int, ...], _Window] = {}
    for term in correlation.terms:
        find = _in_order if is_ordered else _together
        bound = (("gte", float(len(term.present))),)
        for window in find(correlation, events, term.present, bound):
            if not _stands_beside(correlation, events, window, term.absent):
                found[tuple(window.events)] = window
    yield from sorted(found.values(), key=lambda w: (w.events[-1], w.events[0]))


def _stands_beside(
    correlation: Correlation, events: list[Occurrence], window: _Window, absent: Sequence[str]
) -> bool:
    """An event that must not be there lies within the timespan of all events of the window."""
    if not absent:
        return False
    low = events[window.events[-1]].time - correlation.span_s
    high = events[window.events[0]].time + correlation.span_s
    at = bisect_left(events, low, key=lambda e: e.time)
    while at < len(events) and events[at].time <= high:
        if events[at].part in absent:
            return True
        at += 1
    return False


def _together(
    correlation: Correlation,
    events: list[Occurrence],
    parts: Sequence[str],
    bounds: Sequence[tuple[str, float]] = (),
) -> Iterator[_Window]:
    """Events at which enough different parts lie within the timespan, whatever their order."""
    latest: dict[str, int] = {}
    for index, event in enumerate(events):
        if event.part not in parts:
            continue
        latest[event.part] = index
        held = sorted(
            i for i in latest.values() if event.time - events[i].time <= correlation.span_s
        )
        amount = float(len(held))
        if all(_COMPARE[n](amount, least) for n, least in bounds or correlation.bounds):
            yield _Window(tuple(held), amount)


_Chain = tuple[int, ...]


def _in_order(
    correlation: Correlation,
    events: list[Occurrence],
    parts: Sequence[str],
    bounds: Sequence[tuple[str, float]] = (),
) -> Iterator[_Window]:
    """Events that end a chain of parts in the order of the rule. Of all chains that end at a part,
    the one that began last is kept: where any fits into the timespan, it does."""
    # chains[i][n]: the chain of n events that ends with part i and began last.
    chains: list[dict[int, _Chain]] = [{} for _part in parts]
    for _time, moment in groupby(range(len(events)), key=lambda i: events[i].time):
        before = [dict(by_length) for by_length in chains]
        # Records of one file come in its order; between files that say the same time there is none.
        for _file, own in groupby(moment, key=lambda i: events[i].place.file):
            state = [dict(by_length) for by_length in before]
            for _place, hits in groupby(own, key=lambda i: events[i].place):
                grown = _grow(state, events, list(hits), parts, correlation.span_s)
                for at, chain in grown:
                    _keep(state[at], chain, events)
                    _keep(chains[at], chain, events)
                longest = max((chain for _at, chain in grown), key=len, default=())
                amount = float(len(longest))
                if longest and all(
                    _COMPARE[n](amount, least) for n, least in bounds or correlation.bounds
                ):
                    yield _Window(longest, amount)


def _grow(
    state: list[dict[int, _Chain]],
    events: list[Occurrence],
    hits: list[int],
    parts: Sequence[str],
    span_s: int,
) -> list[tuple[int, _Chain]]:
    """The chains that one event ends: alone, and after each part before its own."""
    grown: list[tuple[int, _Chain]] = []
    for index in hits:
        for at, part in enumerate(parts):
            if part != events[index].part:
                continue
            grown.append((at, (index,)))
            for earlier in state[:at]:
                grown += [
                    (at, (*chain, index))
                    for chain in earlier.values()
                    if events[index].time - events[chain[0]].time <= span_s
                ]
    return grown


def _keep(by_length: dict[int, _Chain], chain: _Chain, events: list[Occurrence]) -> None:
    known = by_length.get(len(chain))
    if known is None or events[chain[0]].time >= events[known[0]].time:
        by_length[len(chain)] = chain
