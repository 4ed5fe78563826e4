"""Sigma correlations that a hunt is given: a signal each time one holds, tied to those it joined.

They look at our own signals and at the event tables. The author's level is the prior of how often
one holds by chance; the lake's own counts correct it, as they do a detector's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from kizashi.detectors.folder import Detector
from kizashi.sigma import (
    TABLE,
    Correlation,
    Episode,
    Group,
    Matcher,
    Place,
    Rule,
    Rules,
    Watch,
    correlate,
    hits,
    is_ours,
    table_events,
    view,
)
from kizashi.sigma.rules import assumed

PREFIX = "rule:"
# Chance per host-day that an author means by a level: the least score of that severity.
LEVELS = {
    "informational": 0.5,
    "low": 0.1,
    "medium": 0.01,
    "": 0.01,
    "high": 0.001,
    "critical": 3e-5,
}
# Episodes of one correlation beyond which it is no finding.
MOST_EPISODES = 1000
SIGNALS = f"{TABLE}signal"
# What is known of a detector's signals before there is any.
KNOWN = ("detector", "family", "stage")
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)
_TACTIC = re.compile(r"attack\.([a-z][a-z_-]+)", re.IGNORECASE)
_ROWS = pa.schema(
    {
        "signal_id": pa.string(),
        "detector": pa.string(),
        "family": pa.string(),
        "stage": pa.string(),
        "techniques": pa.list_(pa.string()),
        "site": pa.string(),
        "host_id": pa.string(),
        "first_seen": pa.timestamp("us"),
        "last_seen": pa.timestamp("us"),
        "confidence": pa.float64(),
        "details": pa.string(),
        "evidence": pa.list_(pa.struct({"file_id": pa.uint64(), "record_no": pa.uint64()})),
    }
)


@dataclass(frozen=True, slots=True)
class UserRule:
    """A correlation as a detector of this hunt."""

    id: str
    correlation: Correlation
    stage: str
    techniques: tuple[str, ...]
    tables: tuple[str, ...]

    @property
    def chance_per_host_day(self) -> float:
        return LEVELS[self.correlation.level]


class Found(NamedTuple):
    """Pairs (rule's signal, signal it joined, rule's title), and episodes left out by rule id."""

    ties: tuple[tuple[str, str, str], ...]
    left_out: Mapping[str, int]


class _Stood(NamedTuple):
    """Who met a rule at a place: the host, and the signal where it was one."""

    part: str
    host_id: str
    signal_id: str | None


def user_rules(given: Rules) -> tuple[UserRule, ...]:
    """The outermost correlations: those that serve no other."""
    by_id = {rule.id: rule for rule in given.rules}
    inner = {one.id: one for one in given.correlations}
    made = []
    for one in given.correlations:
        if one.id in given.inner:
            continue
        rules = [by_id[part] for part in _parts(one, inner) if part in by_id]
        tactics = [
            m[1].lower().replace("_", "-") for tag in one.tags if (m := _TACTIC.fullmatch(tag))
        ]
        made.append(
            UserRule(
                f"{PREFIX}{one.name or one.id}",
                one,
                tactics[0] if tactics else "execution",
                tuple(m[1].upper() for tag in one.tags if (m := _TECHNIQUE.fullmatch(tag))),
                tuple(sorted({table for rule in rules for table in _tables(rule)})),
            )
        )
    return tuple(made)


def _parts(one: Correlation, inner: Mapping[str, Correlation]) -> Iterator[str]:
    for part in one.parts:
        yield part
        if part in inner:
            yield from _parts(inner[part], inner)


def _channels(rule: Rule) -> list[str]:
    return [channel for channel, _ids in rule.records if is_ours(channel)]


def _tables(rule: Rule) -> tuple[str, ...]:
    """The tables that a rule looks at; of whole records, the one that holds most."""
    return tuple(
        view(channel).table if channel.startswith(TABLE) else "other_activity"
        for channel in _channels(rule)
    )


def lacks(
    rule: UserRule,
    given: Rules,
    known: Mapping[str, Detector],
    blind: Collection[str],
    empty: Collection[str],
) -> str:
    """What keeps a correlation from being seen: a rule of it that no detector's signals can meet,
    or whose detectors or tables could not look. Empty where nothing does."""
    inner = {one.id: one for one in given.correlations}
    wanted = set(_parts(rule.correlation, inner))
    for part in given.rules:
        if part.id not in wanted:
            continue
        name = part.name or part.id
        channels = _channels(part)
        if not channels:
            return f"{name}: no table holds its log source"
        if SIGNALS not in channels:
            if all(table in empty for table in _tables(part)):
                return f"{name}: no {', '.join(_tables(part))}"
            continue
        able = _able(part, known)
        if not able:
            return f"{name}: no detector states such signals"
        if all(detector in blind for detector in able):
            return f"{name}: {', '.join(able)} could not look"
    return ""


def _able(part: Rule, known: Mapping[str, Detector]) -> list[str]:
    """The detectors whose signals may meet a rule, by what is known of them."""
    rows: list[dict[str, Any]] = [
        {"detector": d.id, "family": d.family, "stage": d.stage} for d in known.values()
    ]
    group = Group(SIGNALS, 0, [Place("", n) for n in range(len(rows))], rows)
    asked = replace(part, node=assumed(part.node, KNOWN.__contains__, hope=True))
    return [str(hit.fields["detector"]) for hit in hits([group], [asked])]


def run(con: duckdb.DuckDBPyConnection, given: Rules, rules: Sequence[UserRule]) -> Found:
    """Put a signal into `signal` for each time that one of the rules holds."""
    watch = Watch(given.correlations)
    stood = _seen(con, given, watch)
    by_id = {rule.correlation.id: rule for rule in rules}
    inner = {one.id: one for one in given.correlations}
    rows: list[dict[str, Any]] = []
    ties: dict[tuple[str, str, str], None] = {}
    first: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}
    told: Counter[str] = Counter()
    for episode in correlate(given.correlations, watch):
        rule = by_id.get(episode.correlation.id)
        if rule is None:
            continue
        told[rule.id] += 1
        if told[rule.id] > MOST_EPISODES:
            continue
        parts = set(_parts(rule.correlation, inner))
        here = [one for place in episode.places for one in stood[place] if one.part in parts]
        joined = sorted({one.signal_id for one in here if one.signal_id})
        row = _row(rule, episode, here[0].host_id, is_story=bool(joined))
        rows.append(row)
        title = rule.correlation.title or rule.id
        own = str(row["signal_id"])
        ties |= dict.fromkeys((signal, own, title) for signal in joined)
        # What holds again of the same group is one story.
        before = first.setdefault((rule.id, episode.group), own)
        if before != own:
            ties[before, own, title] = None
    con.register("user_rule_rows", pa.Table.from_pylist(rows, _ROWS))
    con.execute("INSERT INTO signal BY NAME FROM user_rule_rows")
    con.unregister("user_rule_rows")
    over = {rule: count - MOST_EPISODES for rule, count in told.items() if count > MOST_EPISODES}
    return Found(tuple(ties), over)


def _seen(con: duckdb.DuckDBPyConnection, given: Rules, watch: Watch) -> dict[Place, list[_Stood]]:
    """Show the watch every hit of the rules that it waits for; who stood where."""
    asked = [rule for rule in given.rules if rule.id in watch.wanted]
    channels = {channel for rule in asked for channel in _channels(rule)}
    stood: dict[Place, list[_Stood]] = defaultdict(list)
    matcher = Matcher(asked)
    for group in table_events(con, str, channels):
        for hit in matcher.hits([group]):
            watch.add(hit)
            said = hit.fields
            host = str(said.get("host_id") or "")
            stood[hit.place].append(_Stood(hit.rule.id, host, said.get("signal_id")))
    return stood


def _row(rule: UserRule, episode: Episode, host: str, *, is_story: bool) -> dict[str, Any]:
    group = ", ".join(f"{name} {value}" for name, value in episode.group)
    anchor = episode.places[0]
    own = f"{rule.id}|{group}|{anchor.file}|{anchor.line}"
    said = {"rule": rule.correlation.title or rule.id, "group": group, "amount": episode.count}
    return {
        "signal_id": hashlib.md5(own.encode(), usedforsecurity=False).hexdigest(),
        "detector": rule.id,
        "family": rule.id,
        "stage": rule.stage,
        "techniques": list(rule.techniques),
        "site": host.rpartition("/")[0],
        "host_id": host,
        # What joins signals holds from the last of them on, and comes after them in the story.
        "first_seen": int((episode.last if is_story else episode.first) * 1e6),
        "last_seen": int(episode.last * 1e6),
        "confidence": 1.0,
        "details": json.dumps(said, ensure_ascii=False),
        "evidence": [{"file_id": int(p.file), "record_no": p.line} for p in episode.places],
    }
