"""Sigma rules as trees of tests on fields, read by pySigma; the filters that narrow them and the
correlations beside them.

A rule that cannot run is told with its file and the reason, and stops nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import re2
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.exceptions import SigmaError
from sigma.rule import SigmaDetections, SigmaRule
from sigma.types import (
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SpecialChars,
)

from kizashi.sigma import correlations as correlating
from kizashi.sigma import tables
from kizashi.sigma.correlations import Correlation
from kizashi.sigma.documents import check, documents, line_of, text_of
from kizashi.sigma.refusals import Unable, Unserved

MOST_TESTS = 20_000
_WRONG = (SigmaError, RecursionError, re.error, TypeError, ValueError, KeyError, AttributeError)
Placeholders = Mapping[str, Sequence[str]]
_NO_PLACEHOLDERS: Placeholders = MappingProxyType({})
_KINDS = ("detection", "correlation", "filter")


class Test(NamedTuple):
    """One test. `field` is None for a keyword, looked for in every value of the event.

    `op` is equals, contains, starts, ends, regex, cidr, compare, null, exists or same (as another
    field); `value` is lower case unless `cased`.
    """

    field: str | None
    op: str
    value: Any
    cased: bool = False


class AllOf(NamedTuple):
    """Every part holds."""

    parts: tuple[Node, ...]


class AnyOf(NamedTuple):
    """One part holds."""

    parts: tuple[Node, ...]


class Not(NamedTuple):
    """The part does not hold; a field that is absent makes its tests false, and this true."""

    part: Node


Node = Test | AllOf | AnyOf | Not
ALWAYS, NEVER = AllOf(()), AnyOf(())


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule ready to run. `records` are (channel, event ids), any id where none; empty for all."""

    id: str
    name: str
    title: str
    level: str
    tags: tuple[str, ...]
    path: str
    product: str
    category: str
    service: str
    records: tuple[tuple[str, frozenset[int]], ...]
    node: Node

    @property
    def logsource(self) -> str:
        return " ".join(part for part in (self.product, self.category, self.service) if part)


class Filter(NamedTuple):
    """What must hold besides, of rules by id or name, or of any rule (`of` empty), that are of its
    log source; an empty part of a log source is every one."""

    id: str
    path: str
    of: tuple[str, ...]
    source: tuple[str, str, str]  # product, category, service
    node: Node


class Broken(NamedTuple):
    """A rule that cannot run: its file, why, the line (0 where none is to blame) and its log
    source. `is_unserved` where the rule is well and no log here is of its source."""

    path: str
    reason: str
    is_unserved: bool = False
    line: int = 0
    logsource: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a set of folders gave; correlations come after the rules and correlations they refer to.
    Filters are in the rules already. `others` are files of Sigma that hold none of these."""

    rules: tuple[Rule, ...]
    broken: tuple[Broken, ...]
    others: tuple[str, ...] = ()
    correlations: tuple[Correlation, ...] = ()

    @property
    def inner(self) -> frozenset[str]:
        """Ids that serve correlations alone: hits of theirs are not told by themselves."""
        apart = {part for one in self.correlations if one.generate for part in one.parts}
        return frozenset(p for one in self.correlations for p in one.parts if p not in apart)

    def of_levels(self, levels: Collection[str]) -> Rules:
        """The rules and correlations of some levels, and all that these correlations refer to."""
        asked = {c.id for c in self.correlations if c.level in levels} - self.inner
        for one in reversed(self.correlations):
            if one.id in asked:
                asked.update(one.parts)
        kept = tuple(r for r in self.rules if r.level in levels or r.id in asked)
        chosen = tuple(c for c in self.correlations if c.id in asked)
        return replace(self, rules=kept, correlations=chosen)


def load(paths: Iterable[Path], placeholders: Placeholders = _NO_PLACEHOLDERS) -> Rules:
    """Every rule and correlation under the paths: `.yml` and `.yaml`, in order of path.
    `placeholders` are the values that `expand` asks for, by name."""
    return parse(((str(path), path) for path in _files(paths)), placeholders)


def parse(
    texts: Iterable[tuple[str, str | Path]], placeholders: Placeholders = _NO_PLACEHOLDERS
) -> Rules:
    """The rules and correlations of some texts, or of files that hold them, each with its label."""
    found: list[Rule] = []
    broken: list[Broken] = []
    others: list[str] = []
    waiting: list[tuple[Correlation, int]] = []
    filters: list[tuple[Filter, int]] = []
    for label, source in texts:
        text = ""
        try:
            text = source if isinstance(source, str) else text_of(source)
            held = documents(text)
        except Unable as reason:
            broken.append(Broken(label, str(reason), line=reason.line))
            continue
        if not any(key in document for document in held for key in ("title", *_KINDS)):
            others.append(label)
            continue
        for number, document in enumerate(held):
            try:
                if "filter" in document:
                    check(document)
                    own = _filter(document, label, placeholders)
                    filters.append((own, line_of(text, number, ("filter", "rules"))))
                elif "detection" in document and "correlation" not in document:
                    check(document)
                    found.append(_rule(document, label, placeholders))
                elif (one := _correlation(document, label)) is not None:
                    line = line_of(text, number, ("correlation", "rules"))
                    waiting.append((one, line))
            except Unable as reason:
                line = reason.line or line_of(text, number, reason.keys)
                is_unserved = isinstance(reason, Unserved)
                source = _source_of(document)
                broken.append(Broken(label, str(reason), is_unserved, line, source))
    ids = {rule.name: rule.id for rule in found if rule.name} | {rule.id: rule.id for rule in found}
    broken += _unmet(filters, ids)
    found = [_narrowed(rule, [one for one, _line in filters]) for rule in found]
    lines = {id(one): line for one, line in waiting}
    ready, lacking = correlating.resolved((one for one, _line in waiting), ids)
    broken += [Broken(one.path, reason, line=lines[id(one)]) for one, reason in lacking]
    return Rules(tuple(found), tuple(broken), tuple(others), tuple(ready))


def _source_of(document: Mapping[str, Any]) -> str:
    said = document.get("logsource")
    keys = ("product", "category", "service")
    return " ".join(str(said[k]) for k in keys if said.get(k)) if isinstance(said, dict) else ""


def _correlation(document: dict[str, Any], label: str) -> Correlation | None:
    """The correlation of a document; None for YAML of another kind."""
    check(document)
    if "correlation" in document:
        return correlating.read(document, label)
    if "title" in document:
        raise Unable("no detection: neither a rule, nor a filter, nor a correlation")
    return None


def _filter(document: dict[str, Any], path: str, given: Placeholders) -> Filter:
    said = document["filter"]
    if not isinstance(said, dict):
        raise Unable("filter: must be a mapping", ("filter",))
    of = said.get("rules")
    if of is None:
        raise Unable("filter: needs rules: a list of ids or names, or any", ("filter",))
    names = [of] if isinstance(of, str) else of
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Unable("filter: rules must be a list of ids or names, or any", ("filter", "rules"))
    source = document.get("logsource")
    if not isinstance(source, dict):
        raise Unable("filter: needs a log source", ("logsource",))
    own = {key: value for key, value in said.items() if key != "rules"}
    try:
        parsed = SigmaDetections.from_dict(own).parsed_condition
        trees = tuple(_node(condition.parsed, given) for condition in parsed)
    except _WRONG as error:
        said_wrong = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise Unable(said_wrong, ("filter", "condition")) from error
    return Filter(
        id=str(document.get("id") or document.get("name") or document.get("title") or path),
        path=path,
        of=() if not names or [name.lower() for name in names] == ["any"] else tuple(names),
        source=(
            str(source.get("product") or ""),
            str(source.get("category") or ""),
            str(source.get("service") or ""),
        ),
        node=AllOf(trees),
    )


def _unmet(filters: Iterable[tuple[Filter, int]], ids: Collection[str]) -> Iterator[Broken]:
    """Filters for rules that are not here; whatever else they are for is narrowed all the same."""
    for one, line in filters:
        for name in one.of:
            if name not in ids:
                said = f"filter: refers to {name[:80]!r}, which no rule here that can run is called"
                yield Broken(one.path, said, line=line)


def _narrowed(rule: Rule, filters: Sequence[Filter]) -> Rule:
    """The rule with every filter that is for it."""
    own = (rule.product, rule.category, rule.service)
    nodes = [
        one.node
        for one in filters
        if (not one.of or rule.id in one.of or (rule.name and rule.name in one.of))
        and all(not asked or asked == has for asked, has in zip(one.source, own, strict=True))
    ]
    return replace(rule, node=AllOf((rule.node, *nodes))) if nodes else rule


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                p for p in path.rglob("*") if p.suffix in (".yml", ".yaml") and p.is_file()
            )
        else:
            yield path


def _rule(document: dict[str, Any], path: str, given: Placeholders) -> Rule:
    try:
        rule = SigmaRule.from_dict(document)
        trees = [_node(condition.parsed, given) for condition in rule.detection.parsed_condition]
    except Unable as reason:
        raise Unable(str(reason), _offender(document, str(reason), given)) from reason
    except _WRONG as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise Unable(said, _offender(document, said, given)) from error
    node = trees[0] if len(trees) == 1 else AnyOf(tuple(trees))
    if count(node) > MOST_TESTS:
        raise Unable(f"more than {MOST_TESTS} tests")
    source = rule.logsource
    return Rule(
        id=str(rule.id or rule.name or Path(path).stem),
        name=str(rule.name or ""),
        title=str(rule.title or ""),
        level=rule.level.name.lower() if rule.level else "",
        tags=tuple(str(tag) for tag in rule.tags),
        path=path,
        product=source.product or "",
        category=source.category or "",
        service=source.service or "",
        records=_seeing(_records(source.product, source.category, source.service), node),
        node=node,
    )


def _seeing(
    records: tuple[tuple[str, frozenset[int]], ...], node: Node
) -> tuple[tuple[str, frozenset[int]], ...]:
    """The records that have the fields without which the rule could never hold."""
    kept = tuple(one for one in records if not is_never(on(node, one[0])))
    if records and not kept:
        raise Unserved(_lacking(records[0][0], node), ("detection",))
    return kept


def unseen(rule: Rule) -> str:
    """Why no event table can answer a rule: its log source has none, or the table lacks fields."""
    records = _records(rule.product, rule.category, rule.service)
    for channel, _ids in records:
        if channel.startswith(tables.TABLE) and is_never(on(rule.node, channel)):
            return _lacking(channel, rule.node)
    return "no event table of ours holds this log source"


def _lacking(channel: str, node: Node) -> str:
    lacking = sorted(f for f in fields(node) if not tables.has(channel, f))
    return f"no column of {tables.view(channel).table} holds {', '.join(lacking)}"


def on(node: Node, channel: str) -> Node:
    """The node as rows of a table can decide it: a field that no column holds decides nothing."""
    return assumed(node, lambda field: tables.has(channel, field), hope=False)


def fields(node: Node) -> frozenset[str]:
    """The fields that a tree asks for."""
    if isinstance(node, Test):
        return frozenset({node.field} if node.field else ())
    parts = (node.part,) if isinstance(node, Not) else node.parts
    return frozenset().union(*(fields(part) for part in parts))


def _offender(document: dict[str, Any], said: str, given: Placeholders) -> tuple[str | int, ...]:
    """The keys that lead to what is wrong: a part of the detection that cannot be read by itself,
    else the attribute that the error names, else the condition."""
    detection = document.get("detection")
    if isinstance(detection, dict):
        for name, part in detection.items():
            if name not in ("condition", "timeframe") and not _is_readable(part, given):
                return ("detection", str(name), *_within(part, given))
    named = [key for key in document if str(key) != "detection" and str(key) in said.lower()]
    return (named[0],) if named else ("detection", "condition")


def _within(part: object, given: Placeholders) -> tuple[str | int, ...]:
    if isinstance(part, dict):
        return next(((str(k),) for k, v in part.items() if not _is_readable({k: v}, given)), ())
    if isinstance(part, list):
        for number, item in enumerate(part):
            if not _is_readable(item, given):
                return (number, *_within(item, given))
    return ()


def _is_readable(part: Any, given: Placeholders) -> bool:
    try:
        detection = SigmaDetections.from_dict({"s": part, "condition": "s"})
        for condition in detection.parsed_condition:
            _node(condition.parsed, given)
    except (Unable, *_WRONG):
        return False
    return True


def count(node: Node) -> int:
    """Number of tests in a tree."""
    if isinstance(node, Test):
        return 1
    if isinstance(node, Not):
        return count(node.part)
    return sum(map(count, node.parts))


def assumed(node: Node, is_known: Callable[[str], bool], *, hope: bool) -> Node:
    """The node where each test on a field that is not known comes out as is hoped for, or feared:
    without hope it holds only where it would hold whatever the field says."""
    if isinstance(node, Test):
        if node.field is None or is_known(node.field):
            return node
        return ALWAYS if hope else NEVER
    if isinstance(node, Not):
        inner = assumed(node.part, is_known, hope=not hope)
        return NEVER if is_always(inner) else ALWAYS if is_never(inner) else Not(inner)
    parts = tuple(assumed(part, is_known, hope=hope) for part in node.parts)
    if isinstance(node, AllOf):
        if any(map(is_never, parts)):
            return NEVER
        return AllOf(tuple(part for part in parts if not is_always(part)))
    if any(map(is_always, parts)):
        return ALWAYS
    return AnyOf(tuple(part for part in parts if not is_never(part)))


def is_always(node: Node) -> bool:
    """It holds of every event."""
    return isinstance(node, AllOf) and not node.parts


def is_never(node: Node) -> bool:
    """It holds of none."""
    return isinstance(node, AnyOf) and not node.parts


@cache
def logsources() -> dict[str, Any]:
    """logsources.toml."""
    return tomllib.loads(files(__package__).joinpath("logsources.toml").read_text("utf-8"))


@cache
def _records(
    product: str | None, category: str | None, service: str | None
) -> tuple[tuple[str, frozenset[int]], ...]:
    """Channels of Windows and views of our tables that hold the log source."""
    known = logsources()
    named: dict[str, list[int]] = {}
    if product in (None, "windows"):
        if category:
            named = known["category"].get(category, {})
        elif service:
            named = {channel: [] for channel in known["service"].get(service, ())}
        elif product:
            return ()
    elif own := known["product"].get(product):
        named = {channel: [] for channel in own}
    records = [(channel.lower(), frozenset(ids)) for channel, ids in named.items()]
    records += [(channel, frozenset()) for channel in tables.channels(product, category, service)]
    if not records:
        kind = " ".join(part for part in (product, category, service) if part)
        why = known["unserved"].get(kind)
        lack = f"no log here is of the source {kind!r}"
        raise Unserved(f"{lack}: {why}" if why else lack, ("logsource",))
    return tuple(records)


def _node(condition: Any, given: Placeholders) -> Node:
    if isinstance(condition, ConditionAND):
        return AllOf(tuple(_node(part, given) for part in condition.args))
    if isinstance(condition, ConditionOR):
        return AnyOf(tuple(_node(part, given) for part in condition.args))
    if isinstance(condition, ConditionNOT):
        return Not(_node(condition.args[0], given))
    if isinstance(condition, ConditionFieldEqualsValueExpression):
        return _test(condition.field, condition.value, given)
    if isinstance(condition, ConditionValueExpression):
        return _test(None, condition.value, given)
    raise Unable(f"condition of an unknown kind, {type(condition).__name__}")


def _filled(value: Any, given: Placeholders) -> list[Any]:
    """A value with each placeholder replaced by each of the values given for it."""

    def fill(placeholder: Placeholder) -> Iterator[SigmaString]:
        values = given.get(placeholder.name)
        if not values:
            raise Unable(
                f"nothing given for %{placeholder.name}%. Write in kizashi.toml, under "
                f"[sigma.placeholders]: {placeholder.name} = [...]"
            )
        yield from (SigmaString(one) for one in values)

    return list(value.replace_placeholders(fill))


def _test(name: str | None, value: Any, given: Placeholders) -> Node:
    if isinstance(value, SigmaExpansion):
        return AnyOf(tuple(_test(name, part, given) for part in value.values))
    if isinstance(value, SigmaString | SigmaRegularExpression) and value.contains_placeholder():
        return AnyOf(tuple(_test(name, part, given) for part in _filled(value, given)))
    if isinstance(value, SigmaString):
        return _text_test(name, value)
    if isinstance(value, SigmaRegularExpression):
        return Test(name, "regex", _regex(value), cased=True)
    if isinstance(value, SigmaNumber):
        return Test(name, "equals" if name else "contains", str(value.number))
    if isinstance(value, SigmaBool):
        return Test(name, "equals", str(value.boolean).lower())
    if isinstance(value, SigmaNull):
        return Test(name, "null", None)
    if isinstance(value, SigmaExists):
        return Test(name, "exists", bool(value.exists))
    if isinstance(value, SigmaCIDRExpression):
        network: IPv4Network | IPv6Network = value.network
        return Test(name, "cidr", network)
    if isinstance(value, SigmaCompareExpression):
        return Test(name, "compare", (value.op.name, float(value.number.number)))
    if isinstance(value, SigmaFieldReference):
        how = "starts" if value.starts_with else "ends" if value.ends_with else "equals"
        if value.starts_with and value.ends_with:
            how = "contains"
        return Test(name, "same", (value.field, how))
    raise Unable(f"values of the kind {type(value).__name__} cannot be matched")


def _regex(value: SigmaRegularExpression) -> Any:
    """RE2, so that no pattern takes more than linear time."""
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = SigmaRegularExpressionFlag.IGNORECASE not in value.flags
    options.dot_nl = SigmaRegularExpressionFlag.DOTALL in value.flags
    many = "(?m)" if SigmaRegularExpressionFlag.MULTILINE in value.flags else ""
    return _compiled(many + str(value.regexp), options)


def _compiled(pattern: str, options: Any) -> Any:
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise Unable(f"RE2 cannot read the pattern {pattern[:100]!r}: {error}") from error


def _text_test(name: str | None, value: SigmaString) -> Test:
    """The plainest test that says the same: wildcards at the ends need no pattern."""
    cased = isinstance(value, SigmaCasedString)
    parts = list(value.s)
    fold = (lambda text: text) if cased else str.lower
    many = SpecialChars.WILDCARD_MULTI
    inner = [p for p in parts if not isinstance(p, str)]
    text = "".join(fold(p) for p in parts if isinstance(p, str))
    opens, closes = bool(parts) and parts[0] == many, bool(parts) and parts[-1] == many
    outer = int(opens) + int(closes and len(parts) > 1)
    if len(inner) == outer and all(p == many for p in inner):
        if not text and outer:
            return Test(name, "exists", True)
        if name is None or (opens and closes and len(parts) > 1):
            return Test(name, "contains", text, cased)
        if opens:
            return Test(name, "ends", text, cased)
        if closes:
            return Test(name, "starts", text, cased)
        return Test(name, "equals", text, cased)
    pattern = "".join(
        re2.escape(fold(p)) if isinstance(p, str) else (".*" if p == many else ".") for p in parts
    )
    whole = pattern if name is None else rf"\A(?:{pattern})\z"
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    return Test(name, "regex", _compiled(whole, options), cased)
