"""Rules over groups of events, column by column.

A column holds its distinct values once. All literals that the rules ask of a field are looked for
in one pass over each value, and only a test that some value passes is spread over the rows; a tree
stops at the first part that nothing passes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import re2

from kizashi.sigma.events import Group, Place
from kizashi.sigma.rules import AllOf, AnyOf, Node, Not, Rule, Test, logsources, on
from kizashi.sigma.tables import is_ours

Mask = npt.NDArray[np.bool_]
# True or False where every row agrees.
Verdict = Mask | bool
AUTOMATON_BYTES = 64 << 20  # of one field; thousands of literals take some MB


class Hit(NamedTuple):
    """A rule met by an event, where the event stands, and its fields."""

    rule: Rule
    place: Place
    fields: dict[str, Any]


def hits(groups: Sequence[Group], rules: Sequence[Rule]) -> Iterator[Hit]:
    """Every rule met by the events, in order of group and rule."""
    yield from Matcher(rules).hits(groups)


class Matcher:
    """Rules ready for many groups: by channel, and with their literals by field."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._everywhere: list[tuple[int, Rule]] = []
        self._by_channel: dict[str, list[tuple[int, frozenset[int], Rule]]] = {}
        asked: dict[str | None, dict[Test, None]] = {}
        for number, rule in enumerate(rules):
            for test in _literal_tests(rule.node):
                asked.setdefault(test.field, {})[test] = None
            if not rule.records:
                self._everywhere.append((number, rule))
            for channel, ids in rule.records:
                self._by_channel.setdefault(channel, []).append((number, ids, rule))
        self._asked = {field: list(tests) for field, tests in asked.items()}
        self._literals: dict[str | None, _Literals] = {}

    def hits(self, groups: Iterable[Group]) -> Iterator[Hit]:
        """Every rule met by the events, in order of group and rule."""
        for group in groups:
            columns = _Columns(group, self.literals)
            for rule in self._wanted(group):
                node = on(rule.node, group.channel) if is_ours(group.channel) else rule.node
                verdict = _decide(node, columns)
                if verdict is False:
                    continue
                every = range(len(group.rows))
                for row in every if verdict is True else np.flatnonzero(verdict).tolist():
                    yield Hit(rule, group.places[row], group.rows[row])

    def _wanted(self, group: Group) -> list[Rule]:
        own = self._by_channel.get(group.channel, ())
        found = {n: rule for n, ids, rule in own if not ids or group.event_id in ids}
        found.update(self._everywhere)
        return [found[number] for number in sorted(found)]

    def literals(self, field: str | None) -> _Literals:
        """What the rules look for in a field; made when a column first needs it."""
        if field not in self._literals:
            self._literals[field] = _Literals(self._asked.get(field, []))
        return self._literals[field]


def _literal_tests(node: Node) -> Iterator[Test]:
    if isinstance(node, Test):
        if node.op in _PATTERNS and not node.cased:
            yield node
        return
    for part in (node.part,) if isinstance(node, Not) else node.parts:
        yield from _literal_tests(part)


class _Literals:
    """The literal tests of one field as one automaton."""

    def __init__(self, tests: Sequence[Test]) -> None:
        options = re2.Options()
        options.log_errors = False
        options.dot_nl = True
        options.max_mem = AUTOMATON_BYTES
        self._tests = tests
        self._set = re2.Set.SearchSet(options)
        for test in tests:
            self._set.Add(_PATTERNS[test.op].format(re2.escape(test.value)))
        # Met by every value: where it is not, the automaton ran out of memory and knows nothing.
        self._set.Add("")
        self._set.Compile()

    def met(self, values: Sequence[str | None]) -> dict[Test, list[int]]:
        """The tests that some of the values pass, and the places of those values."""
        found: dict[Test, list[int]] = {}
        for place, value in enumerate(values):
            if value is None:
                continue
            numbers = self._set.Match(value)
            if numbers:
                passed = [self._tests[n] for n in numbers if n < len(self._tests)]
            else:
                passed = [test for test in self._tests if _PLAIN[test.op](value, test.value)]
            for test in passed:
                found.setdefault(test, []).append(place)
        return found


class _Column:
    """Distinct values of one field, as written and in lower case; each row's place among them. A
    row may have several values: `_owners` then says whose each place is."""

    __slots__ = ("_owners", "_rows", "codes", "low", "values")

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

    def __init__(self, group: Group, literals: Callable[[str | None], _Literals]) -> None:
        self._group = group
        self._literals = literals
        self._met: dict[str | None, dict[Test, list[int]]] = {}
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
            self._keys = {key.lower(): key for key in sorted(set().union(*self._group.rows))}
        return self._keys.get(name.lower(), name)

    def everything(self) -> _Column:
        """All values of an event as one text, for keywords."""
        if "\0" not in self._made:
            texts = [_joined(row) for row in self._group.rows]
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
        if test.op in _PATTERNS and not test.cased:
            return self._literal(column, test)
        return _TESTS[test.op](column, test)

    def _literal(self, column: _Column, test: Test) -> Verdict:
        if test.field not in self._met:
            self._met[test.field] = self._literals(test.field).met(column.low)
        places = self._met[test.field].get(test)
        if places is None:
            return False
        passed = [False] * len(column.low)
        for place in places:
            passed[place] = True
        return column.spread(passed)

    def _same(self, column: _Column, other: str, how: str) -> Verdict:
        beside = self.column(other)
        if beside is None:
            return False
        compare = _PLAIN[how]
        found = np.fromiter(
            (
                a is not None and b is not None and compare(a, b)
                for a, b in zip(column.firsts(), beside.firsts(), strict=True)
            ),
            np.bool_,
            len(self._group.rows),
        )
        return found


def _joined(row: dict[str, Any]) -> str:
    values: Iterable[Any] = row.values()
    if type(row) is not dict:  # only whole records have several values of a field
        values = (v for held in values for v in (held if type(held) is tuple else (held,)))
    return "\n".join(map(str, values))


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


def _plain(column: _Column, test: Test) -> Verdict:
    holds = _PLAIN[test.op]
    return column.spread([v is not None and holds(v, test.value) for v in _held(column, test)])


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


_PLAIN: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda a, b: a == b,
    "contains": lambda a, b: b in a,
    "starts": str.startswith,
    "ends": str.endswith,
}
# The same for the automaton.
_PATTERNS = {
    "equals": r"\A{}\z",
    "contains": "{}",
    "starts": r"\A{}",
    "ends": r"{}\z",
}
_TESTS: dict[str, Callable[[_Column, Test], Verdict]] = {
    **dict.fromkeys(_PLAIN, _plain),
    "regex": _regex,
    "cidr": _cidr,
    "compare": _compare,
}
