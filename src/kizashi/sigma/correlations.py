"""Sigma correlations: what the hits of several rules must amount to, read from their documents.

The types and their words are those of the specification, version 2.1; `docs/sigma.md` says what
Kizashi makes of what the specification leaves open.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

from kizashi.sigma.refusals import Unable

COUNTS = ("event_count", "value_count", "value_sum")
LEVELS_OF = ("value_avg", "value_median", "value_percentile")
TEMPORAL = ("temporal", "temporal_ordered")
KINDS = (*COUNTS, *LEVELS_OF, *TEMPORAL)
OPERATORS = ("gt", "gte", "lt", "lte", "eq", "neq")
KEYS = ("type", "rules", "group-by", "timespan", "condition", "aliases", "generate")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "M": 2_629_746, "y": 31_556_952}
MOST_PARTS = 50
MOST_TERMS = 64
MOST_CHARACTERS = 2000
_TIMESPAN = re.compile(r"([1-9][0-9]{0,6})([smhdwMy])")
_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")


class Term(NamedTuple):
    """One way in which an expression holds: parts that are there, in the order in which they are
    named, and parts that are not."""

    present: tuple[str, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation ready to run. `parts` are ids of rules and of other correlations."""

    id: str
    name: str
    title: str
    level: str
    tags: tuple[str, ...]
    path: str
    kind: str
    parts: tuple[str, ...]
    group_by: tuple[str, ...]
    span_s: int
    bounds: tuple[tuple[str, float], ...]  # operator and number; all must hold
    fields: tuple[str, ...] = ()  # whose values are counted or summed
    percentile: float | None = None
    aliases: Mapping[str, Mapping[str, str]] | None = None  # alias -> part -> its field
    terms: tuple[Term, ...] = ()  # of a condition in words; one of them must hold
    generate: bool = False
    benign: tuple[str, ...] = ()  # what its author calls false positives

    def field_of(self, name: str, part: str) -> str:
        """The field of a part's events that a name of `group-by` or `field` stands for."""
        return (self.aliases or {}).get(name, {}).get(part, name)


def read(document: Mapping[str, Any], path: str) -> Correlation:
    """The correlation of a document, its parts as written. Unable where it is wrong."""
    try:
        return _read(document, path)
    except Unable as reason:
        key = str(reason).partition(":")[0]
        raise Unable(
            str(reason), ("level",) if key == "level" else ("correlation", key)
        ) from reason


def _read(document: Mapping[str, Any], path: str) -> Correlation:
    said = document["correlation"]
    if not isinstance(said, dict):
        raise Unable("correlation: must be a mapping")
    for key in said:
        if key not in KEYS:
            raise Unable(f"correlation: unknown key {str(key)!r}. One of: {', '.join(KEYS)}")
    kind = str(said.get("type")).lower()
    if kind not in KINDS:
        raise Unable(f"type: unknown correlation {kind!r}. One of: {', '.join(KINDS)}")
    parts = _names(said, "rules")
    condition = said.get("condition")
    terms = _terms(condition, kind) if isinstance(condition, str) else ()
    named = tuple(dict.fromkeys(p for term in terms for p in (*term.present, *term.absent)))
    if terms and parts and set(parts) != set(named):
        raise Unable("condition: must name each of the rules, and no other")
    parts = parts or named
    if not parts:
        raise Unable("rules: a correlation needs some")
    if len(parts) > MOST_PARTS:
        raise Unable(f"rules: more than {MOST_PARTS}")
    if not isinstance(said.get("generate", False), bool):
        raise Unable("generate: must be true or false")
    levels = ("informational", "low", "medium", "high", "critical")
    level = str(document.get("level") or "").lower()
    if level and level not in levels:
        raise Unable(f"level: no level {level!r}")
    made = Correlation(
        id=str(document.get("id") or document.get("name") or document.get("title") or path),
        name=str(document.get("name") or ""),
        title=str(document.get("title") or ""),
        level=level,
        tags=tuple(str(tag) for tag in document.get("tags") or ()),
        path=path,
        kind=kind,
        parts=parts,
        group_by=_names(said, "group-by"),
        span_s=_span(said.get("timespan")),
        bounds=(),
        aliases=_aliases(said.get("aliases", {})),
        terms=terms,
        generate=said.get("generate", False),
        benign=_benign(document.get("falsepositives")),
    )
    return made if terms else _bounded(made, condition)


def _benign(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(str(item) for item in items if item)


def _names(said: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = said.get(key) or ()
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(i, str) and i for i in items):
        raise Unable(f"{key}: must be a name or a list of names")
    return tuple(items)


def _span(value: object) -> int:
    found = _TIMESPAN.fullmatch(str(value))
    if not found:
        raise Unable(f"timespan: {str(value)[:40]!r} is none; write 30s, 5m, 1h or 2d")
    return int(found[1]) * SECONDS[found[2]]


def _aliases(value: object) -> dict[str, dict[str, str]]:
    if not isinstance(value, dict):
        raise Unable("aliases: must be a mapping of alias to rule and field")
    for name, by_rule in value.items():
        if not isinstance(by_rule, dict) or not all(
            isinstance(rule, str) and isinstance(field, str) for rule, field in by_rule.items()
        ):
            raise Unable(f"aliases: {str(name)!r} must map each rule to a field")
    return {str(name): dict(by_rule) for name, by_rule in value.items()}


def _bounded(made: Correlation, condition: object) -> Correlation:
    if condition is None and made.kind in TEMPORAL:
        return replace(made, bounds=(("gte", float(len(set(made.parts)))),))
    if not isinstance(condition, dict):
        raise Unable(f"condition: {made.kind} needs one, such as {{gte: 10}}")
    for key in condition:
        if key not in (*OPERATORS, "field", "percentile"):
            raise Unable(f"condition: unknown key {str(key)!r}")
    bounds = tuple((op, _number(op, condition[op])) for op in OPERATORS if op in condition)
    if not bounds:
        raise Unable(f"condition: needs one of {', '.join(OPERATORS)}")
    fields = _names(condition, "field")
    if made.kind.startswith("value_") and not fields:
        raise Unable(f"condition: {made.kind} needs a field")
    if made.kind != "value_count" and len(fields) > 1:
        raise Unable(f"condition: {made.kind} takes one field")
    percentile = condition.get("percentile")
    if percentile is not None:
        percentile = _number("percentile", percentile)
        if made.kind != "value_percentile" or not 0 <= percentile <= 100:
            raise Unable("condition: percentile must be 0 to 100, of a value_percentile")
    return replace(made, bounds=bounds, fields=fields, percentile=percentile)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unable(f"condition: {name} must be a number, is {str(value)[:40]!r}")
    return float(value)


def _terms(text: str, kind: str) -> tuple[Term, ...]:
    """A condition in words (`a and (b or not c)`) as the ways in which it holds."""
    if kind not in TEMPORAL:
        raise Unable(f"condition: only temporal types take words, not {kind}")
    if len(text) > MOST_CHARACTERS:
        raise Unable(f"condition: more than {MOST_CHARACTERS} characters")
    tokens = [found[1] for found in _TOKEN.finditer(text)]
    ways, rest = _either(tokens, 0)
    if rest != len(tokens):
        raise Unable(f"condition: not understood from {tokens[rest][:40]!r} on")
    terms = []
    for way in ways:
        present = tuple(dict.fromkeys(name for name, wanted in way if wanted))
        absent = tuple(dict.fromkeys(name for name, wanted in way if not wanted))
        if not present:
            raise Unable("condition: absence alone would hold always; name what must be there")
        if not set(present) & set(absent):
            terms.append(Term(present, absent))
    if not terms:
        raise Unable("condition: contradicts itself")
    return tuple(dict.fromkeys(terms))


_Ways = list[tuple[tuple[str, bool], ...]]


def _either(tokens: list[str], at: int) -> tuple[_Ways, int]:
    ways, at = _both(tokens, at)
    while at < len(tokens) and tokens[at].lower() == "or":
        more, at = _both(tokens, at + 1)
        ways = ways + more
    return _few(ways), at


def _both(tokens: list[str], at: int) -> tuple[_Ways, int]:
    ways, at = _one(tokens, at)
    while at < len(tokens) and tokens[at].lower() == "and":
        more, at = _one(tokens, at + 1)
        ways = _few([a + b for a in ways for b in more])
    return ways, at


def _one(tokens: list[str], at: int) -> tuple[_Ways, int]:
    if at >= len(tokens) or at > 200:
        raise Unable("condition: ends in the middle, or has more than 200 words")
    word = tokens[at]
    if word.lower() == "not":
        ways, at = _one(tokens, at + 1)
        opposite = [tuple((n, not wanted) for n, wanted in way) for way in ways]
        return list(_choices(opposite)), at
    if word == "(":
        ways, at = _either(tokens, at + 1)
        if at >= len(tokens) or tokens[at] != ")":
            raise Unable("condition: a bracket is not closed")
        return ways, at + 1
    if word == ")" or word.lower() in ("and", "or"):
        raise Unable(f"condition: a rule's name is missing before {word!r}")
    return [((word, True),)], at + 1


def _choices(ways: _Ways) -> Iterator[tuple[tuple[str, bool], ...]]:
    if math.prod(map(len, ways)) > MOST_TERMS:
        raise Unable(f"condition: more than {MOST_TERMS} ways to hold")
    return product(*ways)


def _few(ways: _Ways) -> _Ways:
    if len(ways) > MOST_TERMS:
        raise Unable(f"condition: more than {MOST_TERMS} ways to hold")
    return ways


def resolved(
    correlations: Iterable[Correlation], ids: Mapping[str, str]
) -> tuple[list[Correlation], list[tuple[Correlation, str]]]:
    """The correlations with the ids of their parts, those that others need first; and those that
    cannot run, each with the reason. `ids` are the rules by id and by name."""
    waiting = list(correlations)
    known = dict(ids)
    ready: list[Correlation] = []
    while waiting:
        later = []
        for one in waiting:
            if any(part not in known for part in one.parts):
                later.append(one)
                continue
            ready.append(_with_ids(one, known))
            known |= {key: one.id for key in (one.id, one.name) if key}
        if len(later) == len(waiting):
            break
        waiting = later
    unmet = {key for one in waiting for key in (one.id, one.name) if key}
    return ready, [(one, _lack(one, known, unmet)) for one in waiting]


def _with_ids(one: Correlation, ids: Mapping[str, str]) -> Correlation:
    aliases = {
        alias: {ids.get(part, part): field for part, field in by_part.items()}
        for alias, by_part in (one.aliases or {}).items()
    }
    terms = tuple(
        Term(tuple(ids[p] for p in t.present), tuple(ids[p] for p in t.absent)) for t in one.terms
    )
    return replace(one, parts=tuple(ids[p] for p in one.parts), aliases=aliases, terms=terms)


def _lack(one: Correlation, known: Mapping[str, str], unmet: set[str]) -> str:
    lacking = [part for part in one.parts if part not in known]
    if any(part not in unmet for part in lacking):
        names = ", ".join(repr(part[:80]) for part in lacking if part not in unmet)
        return f"rules: refers to {names}, which no rule here that can run is called"
    return "rules: refers, by way of others, to itself or to one that cannot run"
