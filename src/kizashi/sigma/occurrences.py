"""Hits as correlations need them: when, where, and the values of the fields that are asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kizashi.sigma.correlations import Correlation
from kizashi.sigma.events import Place
from kizashi.sigma.matching import Hit
from kizashi.sigma.rules import logsources

MOST_OCCURRENCES = 2_000_000
HALF_HOUR_S = 1800
# One thing in records of different makers.
HOST_NAMES = ("Computer", "ComputerName", "Hostname", "host.name", "host_id")


class Occurrence(NamedTuple):
    """A hit of a rule, or a correlation fulfilled: when, where, and its values by field. What is
    fulfilled may have several values of a field; `key` is the event's, or the episode's."""

    time: float  # seconds since 1970, UTC
    place: Place
    part: str
    values: Mapping[str, tuple[str, ...]]
    key: object


class Watch:
    """Keeps the hits of rules that correlations refer to, with the fields that they ask for."""

    def __init__(self, correlations: Sequence[Correlation]) -> None:
        self.wanted = _wanted(correlations)
        self.seen: dict[str, list[Occurrence]] = defaultdict(list)
        self.undated = 0  # hits whose record says no time
        self.dropped = 0  # hits beyond what memory is kept for
        self.lacking: dict[str, int] = {}  # by correlation: events without a field it groups by
        self._kept = 0

    def add(self, hit: Hit) -> None:
        """Keep a hit, if its rule is asked for."""
        names = self.wanted.get(hit.rule.id)
        if names is None:
            return
        time = moment(hit.fields)
        if time is None:
            self.undated += 1
            return
        if self._kept >= MOST_OCCURRENCES:
            self.dropped += 1
            return
        self._kept += 1
        values = {}
        for name in names:
            value = value_of(hit.fields, name)
            if value:
                values[name] = (value,)
        part = hit.rule.id
        self.seen[part].append(Occurrence(time.timestamp(), hit.place, part, values, hit.place))


def _wanted(correlations: Sequence[Correlation]) -> dict[str, tuple[str, ...]]:
    """The fields asked of each rule and correlation; `correlations` come after their parts."""
    asked: dict[str, dict[str, None]] = {}
    for one in reversed(correlations):
        names = (*one.group_by, *one.fields, *asked.setdefault(one.id, {}))
        for part in one.parts:
            asked.setdefault(part, {}).update((one.field_of(name, part), None) for name in names)
    return {part: tuple(names) for part, names in asked.items()}


def value_of(fields: Mapping[str, Any], name: str) -> str | None:
    """A field of an event as text, by whichever name its record has; None where it says nothing."""
    for spelling in _spellings(fields, name):
        value = fields.get(spelling)
        if isinstance(value, tuple):
            value = next(iter(value), None)
        if value is not None and (text := str(value)) not in ("", "-"):
            return text
    return None


def _spellings(fields: Mapping[str, Any], name: str) -> Iterable[str]:
    by_channel = {channel.lower(): ids for channel, ids in logsources()["fields"].items()}
    by_id = by_channel.get(str(fields.get("Channel")).lower(), {})
    yield name
    if own := by_id.get(str(fields.get("EventID")), {}).get(name):
        yield own
    yield from (key for key in fields if key.lower() == name.lower())
    if name in HOST_NAMES:
        yield from HOST_NAMES


def moment(fields: Mapping[str, Any]) -> datetime | None:
    """When an event happened, UTC: the writer's own clock before that of who collected it."""
    for name in ("time", "TimeCreated", "UtcTime", "EventTime", "@timestamp", "TimeGenerated"):
        found = _datetime(fields.get(name))
        if found is None:
            continue
        arrived = _datetime(fields.get("@timestamp"))
        if name == "EventTime" and arrived is not None:
            # NXLog writes the local time without its zone; who collected it knows UTC.
            away = round((arrived - found).total_seconds() / HALF_HOUR_S) * HALF_HOUR_S
            return datetime.fromtimestamp(found.timestamp() + away, UTC)
        return found
    return None


def _datetime(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.strip().removesuffix(" UTC"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
