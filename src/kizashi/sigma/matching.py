"""Rules over groups of events, column by column.

A column holds its distinct values once. A test is decided on those, and only a test that some value
passes is spread over the rows; a tree stops at the first part that nothing passes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kizashi.sigma.events import Group, Place
from kizashi.sigma.rules import AllOf, AnyOf, Node, Not, Rule, Test, logsources, on
from kizashi.sigma.tables import is_ours

Mask = npt.NDArray[np.bool_]
# True or False where every row agrees.
Verdict = Mask | bool
_JOIN = "\0"


class Hit(NamedTuple):
    """A rule met by an event, where the event stands, and its fields."""

    rule: Rule
    place: Place
    fields: dict[str, Any]


def hits(groups: Sequence[Group], rules: Sequence[Rule]) -> Iterator[Hit]:
    """Every rule met by the events, in order of group and rule."""
    for group in groups:
        columns = _Columns(group)
        for rule in rules:
            if not _wanted(rule, group):
                continue
            node = on(rule.node, group.channel) if is_ours(group.channel) else rule.node
            verdict = _decide(node, columns)
            if verdict is False:
                continue
            rows = range(len(group.rows)) if verdict is True else np.flatnonzero(verdict).tolist()
            for row in rows:
                yield Hit(rule, group.places[row], group.rows[row])


def _wanted(rule: Rule, group: Group) -> bool:
    return not rule.records or any(
        channel == group.channel and (not ids or group.event_id in ids)
        for channel, ids in rule.records
    )


class _Column:
    """Distinct values of one field, as written and in lower case; each row's place among them. A
    row may have several values: `_owners` then says whose each place is."""

    __slots__ = ("_blob", "_blob_low", "_owners", "_rows", "codes", "low", "values")

    def __init__(self, raw: list[Any]) -> None:
        places: dict[Any, int] = {}
        self._rows = len(raw)
        self._owners: npt.NDArray[np.int64] | None = None
        if any(type(value) is tuple for value in raw):
            each = [value if type(value) is tuple else (value,) for value in raw]
            self._owners = np.repeat(np.arange(len(raw)), [len(values) for values in each])
            raw = [value for values in each for value in values]
        self.codes = np.fromiter(
            (places.setdefault(_text(value), len(places)) for value in raw), np.int32, len(raw)
        )
        self.values: list[str | None] = list(places)
        self.low = [None if v is None else v.lower() for v in self.values]
        self._blob: str | None = None
        self._blob_low: str | None = None

    def blob(self, cased: bool) -> str:
        """Every value between separators: what is not in it is in none of them."""
        if cased:
            if self._blob is None:
                self._blob = _JOIN + _JOIN.join(v or "" for v in self.values) + _JOIN
            return self._blob
        if self._blob_low is None:
            self._blob_low = _JOIN + _JOIN.join(v or "" for v in self.low) + _JOIN
        return self._blob_low

    def spread(self, passed: list[bool]) -> Verdict:
        """The rows whose value passed."""
        if not any(passed):
            return False
        if all(passed):
            return True
        mask: Mask = np.array(passed)[self.codes]
        if self._owners is None:
            return mask
        whole: Mask = np.zeros(self._rows, np.bool_)
        whole[self._owners[mask]] = True
        return whole

    def firsts(self) -> Iterator[str | None]:
        """Each row's first value, in lower case."""
        if self._owners is None:
            return (self.low[code] for code in self.codes)
        starts = np.searchsorted(self._owners, np.arange(self._rows))
        return (self.low[self.codes[at]] for at in starts)


class _Columns:
    """The columns of a group, made when a rule first asks."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._made: dict[str, _Column | None] = {}
        self._tested: dict[Any, Verdict] = {}
        named = logsources()["fields"]
        channels = {channel.lower(): by_id for channel, by_id in named.items()}
        self._aliases: dict[str, str] = channels.get(group.channel, {}).get(str(group.event_id), {})
        self._keys: dict[str, str] | None = None

    def column(self, name: str) -> _Column | None:
        """The column of a field; None when no event has it."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> _Column | None:
        rows = self._group.rows
        alias = self._aliases.get(name)
        if alias is not None and not any(name in row for row in rows):
            name = alias
        raw = [row.get(name) for row in rows]
        if all(value is None for value in raw):
            name = self._spelling(name)
            raw = [row.get(name) for row in rows]
            if all(value is None for value in raw):
                return None
        return _Column(raw)

    def _spelling(self, name: str) -> str:
        if self._keys is None:
            self._keys = {key.lower(): key for row in self._group.rows for key in row}
        return self._keys.get(name.lower(), name)

    def everything(self) -> _Column:
        """All values of an event as one text, for keywords."""
        if "\0" not in self._made:
            texts = ["\n".join(_words(row)) for row in self._group.rows]
            self._made["\0"] = _Column(texts)
        made = self._made["\0"]
        assert made is not None
        return made

    def decide(self, test: Test) -> Verdict:
        """The rows that pass a test; rules share tests, so each is decided once."""
        key: Any = test if test.op != "regex" else (test.field, id(test.value))
        if key not in self._tested:
            self._tested[key] = self._decide(test)
        return self._tested[key]

    def _decide(self, test: Test) -> Verdict:
        column = self.everything() if test.field is None else self.column(test.field)
        if test.op in ("null", "exists"):
            wanted = test.op == "exists" and test.value
            if column is None:
                return not wanted
            if test.op == "null":
                return column.spread([not v for v in column.values])
            return column.spread([(v is not None) is wanted for v in column.values])
        if column is None:
            return False
        if test.op == "same":
            return self._same(column, *test.value)
        return _TESTS[test.op](column, test)

    def _same(self, column: _Column, other: str, how: str) -> Verdict:
        beside = self.column(other)
        if beside is None:
            return False
        compare = _COMPARISONS[how]
        found = np.fromiter(
            (
                a is not None and b is not None and compare(a, b)
                for a, b in zip(column.firsts(), beside.firsts(), strict=True)
            ),
            np.bool_,
            len(self._group.rows),
        )
        return found


def _words(row: dict[str, Any]) -> Iterator[str]:
    for value in row.values():
        yield from map(str, value) if type(value) is tuple else (str(value),)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if value is True or value is False:
        return str(value).lower()
    return str(value)


def _decide(node: Node, columns: _Columns) -> Verdict:
    if isinstance(node, Test):
        return columns.decide(node)
    if isinstance(node, Not):
        inner = _decide(node.part, columns)
        return not inner if isinstance(inner, bool) else ~inner
    if isinstance(node, AllOf):
        return _all(node, columns)
    return _any(node, columns)


def _all(node: AllOf, columns: _Columns) -> Verdict:
    found: Verdict = True
    for part in node.parts:
        verdict = _decide(part, columns)
        if verdict is False:
            return False
        if verdict is True:
            continue
        found = verdict if found is True else found & verdict
        if not np.any(found):
            return False
    return found


def _any(node: AnyOf, columns: _Columns) -> Verdict:
    found: Verdict = False
    for part in node.parts:
        verdict = _decide(part, columns)
        if verdict is True:
            return True
        if verdict is False:
            continue
        found = verdict if found is False else found | verdict
    return found


def _held(column: _Column, test: Test) -> list[str | None]:
    return column.values if test.cased else column.low


def _contains(column: _Column, test: Test) -> Verdict:
    if test.value not in column.blob(test.cased):
        return False
    return column.spread([v is not None and test.value in v for v in _held(column, test)])


def _starts(column: _Column, test: Test) -> Verdict:
    if _JOIN + test.value not in column.blob(test.cased):
        return False
    return column.spread([v is not None and v.startswith(test.value) for v in _held(column, test)])


def _ends(column: _Column, test: Test) -> Verdict:
    if test.value + _JOIN not in column.blob(test.cased):
        return False
    return column.spread([v is not None and v.endswith(test.value) for v in _held(column, test)])


def _equals(column: _Column, test: Test) -> Verdict:
    if _JOIN + test.value + _JOIN not in column.blob(test.cased):
        return False
    return column.spread([v == test.value for v in _held(column, test)])


def _regex(column: _Column, test: Test) -> Verdict:
    pattern = test.value
    return column.spread(
        [v is not None and pattern.search(v) is not None for v in _held(column, test)]
    )


def _cidr(column: _Column, test: Test) -> Verdict:
    return column.spread([_in_network(v, test.value) for v in column.values])


def _in_network(text: str | None, network: Any) -> bool:
    try:
        address = ipaddress.ip_address((text or "").strip().removeprefix("::ffff:"))
    except ValueError:
        return False
    return address.version == network.version and address in network


def _compare(column: _Column, test: Test) -> Verdict:
    operator, wanted = test.value
    compare: Callable[[float], bool] = {
        "LT": lambda v: v < wanted,
        "LTE": lambda v: v <= wanted,
        "GT": lambda v: v > wanted,
        "GTE": lambda v: v >= wanted,
        "NEQ": lambda v: v != wanted,
    }[operator]
    return column.spread([(n := number(v)) is not None and compare(n) for v in column.values])


def number(text: str | None) -> float | None:
    """The number that a text says, decimal or 0x; None where it says none."""
    try:
        return float(int(text, 0)) if text and text.lower().startswith("0x") else float(text or "")
    except ValueError:
        return None


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda a, b: a == b,
    "contains": lambda a, b: b in a,
    "starts": str.startswith,
    "ends": str.endswith,
}
_TESTS: dict[str, Callable[[_Column, Test], Verdict]] = {
    "contains": _contains,
    "starts": _starts,
    "ends": _ends,
    "equals": _equals,
    "regex": _regex,
    "cidr": _cidr,
    "compare": _compare,
}
