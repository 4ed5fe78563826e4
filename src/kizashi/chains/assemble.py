"""From signals and links to ranked incidents.

Signals that causes tie form a group; the chain that fits most of a group's stages names it. A group
that fits no chain, and a single signal, is an incident only from its weight, and medium at most.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, NamedTuple

import duckdb

from kizashi.chains import Chain, ChainStage, rivals, scoring
from kizashi.incidents import LINKED, Evidence, Incident, Missing, Stage, Trace
from kizashi.schema import tables

ORDER_SLACK = timedelta(minutes=10)
# Signals of one detector beyond which it is wild: a fixed number, or several a host-day.
WILD_LEAST, WILD_PER_HOST_DAY = 20_000, 5.0
MOST_EVIDENCE = 20  # records of one stage
# An explained incident stays below medium.
EXPLAINED = 1.9
# Links by which one signal's program put another's there.
BRINGING = ("file_written", "file_run", "started_by", "descendant")
# What installing and using a program looks like; no other behaviour is explained by it.
EXPLICABLE = ("downloaded_run", "persistence", "user_path_network", "odd_client", "beacon")
# A machine that only its shared address names; numbers and an address need no translation.
BEHIND = "1/{n} @ {address}"
# Verdicts move a weight no further than this, so that none silences or makes an alarm alone.
LEAST_HEEDED, MOST_HEEDED = 0.2, 1.5
HEEDED = "; earlier verdicts changed {n} weights, {detector} from {old} to {new}"
HEEDED_JA = "。過去の判定で {n} 件の重みが変わった（{detector} は {old} から {new}）"
IN_USE = (
    "Software in use here: {thing} is on {hosts} other hosts; each step is its own or installs it"
)
IN_USE_JA = (
    "ここで使われているソフト：{thing} は他の {hosts} 台にもあり、どの段階もその導入か動作である"
)
# Signals about a person rather than a machine name their host so.
PERSONS = ("recipient:", "person:")
HELD = "; held at medium: the zone of clock {clock} looks wrong (kizashi clocks --confirm)"
HELD_JA = "。時計 {clock} の時間帯が疑わしいため medium に留める（kizashi clocks --confirm）"


@dataclass(frozen=True, slots=True)
class DetectorFacts:
    """What assembling asks of a detector; `summarise` says a signal's details in both languages.
    A user's rule joins signals: it is their chain, whatever chain of ours they fit."""

    title: str
    title_ja: str
    family: str
    stage: str
    benign: str
    benign_ja: str
    tables: tuple[str, ...]
    chance_per_host_day: float
    chance_host_days: float  # behind that chance
    summarise: Callable[[Mapping[str, object]], tuple[str, str]]
    is_rule: bool = False


@dataclass(frozen=True, slots=True)
class Signal:
    """One row of the signal table."""

    signal_id: str
    detector: str
    family: str
    stage: str
    techniques: tuple[str, ...]
    site: str
    host_id: str
    first_seen: datetime
    last_seen: datetime
    user: str | None
    image: str | None
    destination: str | None
    server_ip: str | None
    recipient: str | None
    confidence: float
    clock_id: str | None
    shift_s: float | None
    zone_unsure: bool | None
    details: dict[str, object]
    evidence: tuple[tuple[int, int], ...]


class Link(NamedTuple):
    """Why one signal belongs to another."""

    from_id: str
    to_id: str
    kind: str
    reason: str


class Familiar(NamedTuple):
    """What other hosts knew before: their number, their share of the fleet, and the thing."""

    hosts: int
    share: float
    thing: str


@dataclass(frozen=True, slots=True)
class Span:
    """What the logs cover: the tables with rows, and their time."""

    tables: dict[str, tuple[datetime, datetime]]
    host_days: float


@dataclass(frozen=True, slots=True)
class Ties:
    """What is known of the signals together: their links, what other hosts knew before, and the
    addresses that several machines share, with how many."""

    links: list[Link]
    familiar: Mapping[str, Familiar]
    gateways: Mapping[str, int]
    # By likeness, how many incidents that show it people judged true, and benign.
    verdicts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    rivals: rivals.Explanations = field(default_factory=dict)  # what honest work would explain


class Lowered(NamedTuple):
    """What is told no longer, because people judged its like benign."""

    title: str
    title_ja: str
    old: float
    new: float


class Assembled(NamedTuple):
    """What assembling found: `scores` are those of every group of signals, told or not."""

    incidents: tuple[Incident, ...]
    scores: tuple[float, ...]
    lowered: tuple[Lowered, ...] = ()


def link_kinds() -> dict[str, dict[str, object]]:
    """Kinds of link from links.toml."""
    text = files(__package__).joinpath("links.toml").read_text("utf-8")
    return dict(tomllib.loads(text)["kind"])


def align(con: duckdb.DuckDBPyConnection, confirmed: Iterable[str] = ()) -> None:
    """Bring every signal's times to the reference clock. `confirmed` are clocks whose zone error a
    person has confirmed."""
    con.execute("SET VARIABLE confirmed_clocks = ?::VARCHAR[]", [sorted(confirmed)])
    rows = " UNION ALL ".join(f"SELECT file_id, host_id, clock_id FROM {name}" for name in tables())
    con.execute(
        "CREATE OR REPLACE TEMP TABLE anchor_clock AS "
        f"SELECT file_id, host_id, min(clock_id) AS clock_id FROM ({rows}) "
        "WHERE file_id IN (SELECT evidence[1].file_id FROM signal) "
        "AND host_id IN (SELECT host_id FROM signal) GROUP BY file_id, host_id"
    )
    con.execute(files(__package__).joinpath("aligning.sql").read_text("utf-8"))


# Look-ups that linking may need: around the failures, with room for what was found and for clocks.
_FACTS = {
    "facts_from": "SELECT min(first_seen) - INTERVAL 1 DAY",
    "facts_to": "SELECT max(last_seen) + INTERVAL 2 DAY",
}


def tie(
    con: duckdb.DuckDBPyConnection, verdicts: Mapping[str, tuple[int, int]] | None = None
) -> Ties:
    """Every causal pair among the signals, and what qualifies them, in a fixed order."""
    for bound, when in _FACTS.items():
        con.execute(f"SET VARIABLE {bound} = ({when} FROM signal WHERE family = 'dns_failures')")
    links = [Link(*row) for row in _asked(con, "linking.sql")]
    for bound in _FACTS:
        con.execute(f"SET VARIABLE {bound} = NULL")
    return Ties(
        links,
        {row[0]: Familiar(*row[1:]) for row in _asked(con, "familiar.sql")},
        dict(_asked(con, "gateway.sql")),
        verdicts or {},
        rivals.match(con),
    )


def _asked(con: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    text = files(__package__).joinpath("links.toml").read_text("utf-8")
    for setting, said in tomllib.loads(text)["settings"].items():
        value = said["default"]
        literal = json.dumps(value).replace('"', "'") if isinstance(value, list) else repr(value)
        con.execute(f"SET VARIABLE {setting} = {literal}")
    return con.execute(files(__package__).joinpath(name).read_text("utf-8")).fetchall()


def set_wild_aside(con: duckdb.DuckDBPyConnection, host_days: float) -> dict[str, int]:
    """Move the signals of detectors gone wild from `signal` to `set_aside`; how many of each. Wild
    is more than a person or a chain could use: they would tie everything to everything."""
    most = max(WILD_LEAST, WILD_PER_HOST_DAY * host_days)
    con.execute("CREATE OR REPLACE TEMP TABLE set_aside AS FROM signal LIMIT 0")
    found = dict(
        con.execute(
            "SELECT detector, count(*) FROM signal GROUP BY ALL HAVING count(*) > ? ORDER BY ALL",
            [most],
        ).fetchall()
    )
    if found:
        names = list(found)
        con.execute("INSERT INTO set_aside FROM signal WHERE list_contains(?, detector)", [names])
        con.execute("DELETE FROM signal WHERE list_contains(?, detector)", [names])
    return found


def signals(con: duckdb.DuckDBPyConnection) -> list[Signal]:
    """Every signal, in a fixed order."""
    found = con.execute(
        "SELECT * FROM signal WHERE first_seen IS NOT NULL ORDER BY first_seen, signal_id"
    )
    names = [column[0] for column in found.description or []]
    return [_signal(dict(zip(names, row, strict=True))) for row in found.fetchall()]


def _signal(row: dict[str, Any]) -> Signal:
    """A row of the signal table; its columns join the details, so that a summary can name them."""
    plain = {name: value for name, value in row.items() if name not in ("details", "evidence")}
    chosen = {name: row[name] for name in Signal.__slots__ if name not in ("details", "evidence")}
    chosen["techniques"] = tuple(row["techniques"] or ())
    chosen["confidence"] = 1.0 if row["confidence"] is None else row["confidence"]
    evidence = tuple((int(e["file_id"]), int(e["record_no"])) for e in row["evidence"] or ())
    return Signal(**chosen, details=plain | json.loads(row["details"] or "{}"), evidence=evidence)


def assemble(
    found: list[Signal],
    ties: Ties,
    known: Mapping[str, DetectorFacts],
    chains: Mapping[str, Chain],
    span: Span,
    labels: Mapping[int, str],
) -> Assembled:
    """Ranked incidents, and how much every group weighs."""
    chances = _chances(found, known, span.host_days)
    by_id = {signal.signal_id: signal for signal in found}
    incidents, scores, lowered = [], [], []
    of_group: dict[int, list[Link]] = defaultdict(list)
    groups = _groups(by_id, ties.links)
    place = {i: n for n, group in enumerate(groups) for i in group}
    for link in ties.links:
        if link.from_id in place and link.to_id in place:
            of_group[place[link.from_id]].append(link)
    for number, group in enumerate(groups):
        members = [by_id[i] for i in group]
        own = {i: ties.familiar[i] for i in group if i in ties.familiar}
        inner = Ties(of_group[number], own, ties.gateways, ties.verdicts, ties.rivals)
        weighed = _weighed(members, inner, known, chains, chances)
        scores.append(weighed.score)
        if weighed.match or weighed.unexplained >= scoring.SEVERITIES[-1][1]:
            incidents.append(_incident(members, inner, known, weighed, span, labels))
        elif weighed.heard:
            unheard = _weighed(members, replace(inner, verdicts={}), known, chains, chances)
            if unheard.unexplained >= scoring.SEVERITIES[-1][1]:
                was = _incident(members, inner, known, unheard, span, labels)
                lowered.append(Lowered(was.title, was.title_ja, was.score, round(weighed.score, 2)))
    order = {name: n for n, (name, _least) in enumerate(scoring.SEVERITIES)}
    incidents.sort(key=lambda i: (order.get(i.severity, 9), -i.score, i.first_seen, i.id))
    ranked = tuple(replace(incident, rank=n) for n, incident in enumerate(incidents, 1))
    return Assembled(ranked, tuple(sorted(scores)), tuple(sorted(lowered)))


def _chances(
    found: list[Signal], known: Mapping[str, DetectorFacts], host_days: float
) -> dict[str, scoring.Chance]:
    fired: dict[str, dict[tuple[str, object], float]] = defaultdict(dict)
    for signal in found:
        best, day = fired[signal.detector], (signal.host_id, signal.first_seen.date())
        best[day] = max(best.get(day, 0.0), signal.confidence)
    return {
        name: scoring.Chance(
            facts.chance_per_host_day,
            facts.chance_host_days,
            tuple(sorted(fired[name].values())),
            host_days,
        )
        for name, facts in known.items()
    }


def _groups(by_id: Mapping[str, Signal], ties: Iterable[Link]) -> list[set[str]]:
    parent = {i: i for i in by_id}

    def root(i: str) -> str:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for tie in ties:
        if tie.from_id in parent and tie.to_id in parent:
            a, b = sorted((root(tie.from_id), root(tie.to_id)))
            parent[b] = a
    groups: dict[str, set[str]] = defaultdict(set)
    for i in by_id:
        groups[root(i)].add(i)
    return list(groups.values())


class _Match(NamedTuple):
    chain: Chain
    stages: dict[ChainStage, Signal]


class _Weighed(NamedTuple):
    """A group's weight, the chain it fits, and what an analyst must know of how it came about."""

    score: float
    match: _Match | None
    rule: Signal | None  # the correlation that joins the group
    weights: Mapping[str, float]
    heard: tuple[str, str] | None  # what earlier verdicts changed
    in_use: Familiar | None
    honest: rivals.Honest | None  # the rival story that explains all of it
    unexplained: float  # the score without that story


def _weighed(
    members: list[Signal],
    ties: Ties,
    known: Mapping[str, DetectorFacts],
    chains: Mapping[str, Chain],
    chances: Mapping[str, scoring.Chance],
) -> _Weighed:
    weights = {s.signal_id: _weight(s, members, chances) for s in members}
    for signal_id, common in ties.familiar.items():
        # Nothing is rarer than the share of hosts that show it.
        weights[signal_id] = min(weights[signal_id], round(-math.log10(common.share), 3))
    heard = _heed(members, weights, ties.verdicts)
    match = _best_chain(members, chains) if len(members) > 1 else None
    telling = [t for t in ties.links if not _is_known_pair(t, ties.familiar)]
    rule = _rule(members, known, weights)
    score = _score(members, telling, weights, known)
    in_use = _in_use(members, ties.links, ties.familiar)
    if in_use is not None:
        score = min(score, EXPLAINED)
    if match is None and rule is None:
        # Without a chain's order only the heaviest witness speaks.
        score = min(score, max(weights.values()) + 0.5 * (len(members) > 1))
    honest = rivals.explain(weights, ties.rivals)
    explained = min(score, EXPLAINED) if honest else score
    return _Weighed(explained, match, rule, weights, heard, in_use, honest, score)


def _incident(
    members: list[Signal],
    ties: Ties,
    known: Mapping[str, DetectorFacts],
    weighed: _Weighed,
    span: Span,
    labels: Mapping[int, str],
) -> Incident:
    score, match, rule, weights, heard, in_use, honest, _unexplained = weighed
    heaviest = max(members, key=lambda s: (weights[s.signal_id], s.signal_id))
    unsure = _unsure_clock(members)
    joined = {s.family for s in members if not known[s.detector].is_rule}
    is_chain = match is not None or (rule is not None and len(joined) > 1)
    severity = scoring.severity(score, single=not is_chain or unsure is not None)
    facts = known[(rule or heaviest).detector]
    words, words_ja = scoring.in_words(score, span.host_days)
    if heard:
        words += heard[0]
        words_ja += heard[1]
    if unsure is not None:
        words += HELD.format(clock=unsure)
        words_ja += HELD_JA.format(clock=unsure)
    hosts = _hosts(members, ties.gateways)
    users = sorted({u for s in members for u in (s.user, s.recipient) if u})
    first = min(members, key=lambda s: (s.first_seen, s.signal_id))
    named = match.chain if match and rule is None else facts
    title = (named.title, named.title_ja)
    where = ", ".join(hosts) or ", ".join(users)
    benign = (named.benign, named.benign_ja)
    if in_use is not None:
        benign = (
            IN_USE.format(thing=in_use.thing, hosts=in_use.hosts),
            IN_USE_JA.format(thing=in_use.thing, hosts=in_use.hosts),
        )
    elif honest is not None:
        benign = (honest.story, honest.story_ja)
    name = match.chain.id if match else (LINKED if len(members) > 1 else heaviest.detector)
    if rule is not None:
        name = rule.detector
    return Incident(
        id=hashlib.sha256(f"{first.host_id} {first.signal_id}".encode()).hexdigest()[:12],
        rank=0,
        score=round(score, 2),
        severity=severity,
        chain=name,
        title=f"{title[0]}: {where}",
        title_ja=f"{title[1]}: {where}",
        site=next((s.site for s in members if s.site), ""),
        hosts=tuple(hosts),
        users=tuple(users),
        first_seen=min(s.first_seen for s in members),
        last_seen=max(s.last_seen for s in members),
        techniques=tuple(sorted({t for s in members for t in s.techniques})),
        destinations=tuple(
            sorted({d for s in members for d in [s.destination or s.server_ip] if d})
        ),
        stages=_stages(members, ties.links, known, labels),
        missing=_missing(match, known, span) if match else (),
        benign_story=benign[0],
        benign_story_ja=benign[1],
        rival=honest.id if honest else "",
        chance=words,
        chance_ja=words_ja,
        traces=tuple(
            Trace(s.signal_id, likeness(s)) for s in sorted(members, key=lambda s: s.signal_id)
        ),
    )


def likeness(signal: Signal) -> str:
    """What another signal shares that is like this one: its detector, and where it went, what it
    made, who sent it or which program it was. Empty where it names none of these."""
    program = (signal.image or "").replace("\\", "/").rpartition("/")[2].lower()
    sender = signal.details.get("sender")
    made = signal.details.get("object")
    thing = signal.destination or made or sender or program
    return f"{signal.detector} {thing}" if thing else ""


def heeded(true: int, benign: int) -> float:
    """By how much verdicts of so many incidents move the weight of their like."""
    return min(MOST_HEEDED, max(LEAST_HEEDED, (1 + true) / (1 + benign)))


def _heed(
    members: list[Signal],
    weights: dict[str, float],
    verdicts: Mapping[str, tuple[int, int]],
) -> tuple[str, str] | None:
    """Weigh signals by what people said of their like; what that changed, in both languages."""
    before = dict(weights)
    for signal in members:
        true, benign = verdicts.get(likeness(signal), (0, 0))
        factor = heeded(true, benign)
        weights[signal.signal_id] = round(weights[signal.signal_id] * factor, 3)
    changed = {i: (before[i], weights[i]) for i in weights if before[i] != weights[i]}
    if not changed:
        return None
    most = max(changed, key=lambda i: (abs(changed[i][0] - changed[i][1]), i))
    named = next(s.detector for s in members if s.signal_id == most)
    values = {
        "n": len(changed),
        "detector": named,
        "old": changed[most][0],
        "new": changed[most][1],
    }
    return HEEDED.format(**values), HEEDED_JA.format(**values)


def _hosts(members: list[Signal], gateways: Mapping[str, int]) -> list[str]:
    """The machines; of an address that several share, one of them, unless a machine is known."""
    named = {s.host_id for s in members if not s.host_id.startswith(PERSONS)}
    own = {h.split("/", 1)[-1] for h in named if h not in gateways}
    shared = {
        BEHIND.format(n=gateways[h], address=h.split("/", 1)[-1]) for h in named if h in gateways
    }
    return sorted(own) if own else sorted(shared)


def _is_known_pair(tie: Link, familiar: Mapping[str, Familiar]) -> bool:
    return tie.from_id in familiar and tie.to_id in familiar


def _in_use(
    members: list[Signal], ties: list[Link], familiar: Mapping[str, Familiar]
) -> Familiar | None:
    """The rival story that all of this is software that others here had before: each signal is
    about it, or brought it. None where something is left that this does not explain."""
    if not familiar:
        return None
    brought = {t.from_id for t in ties if t.kind in BRINGING and t.to_id in familiar}
    by = {t.to_id for t in ties if t.kind == "same_process" and t.from_id in brought}
    by |= {t.from_id for t in ties if t.kind == "same_process" and t.to_id in brought}
    known = familiar.keys() | brought | by
    if not all(s.signal_id in known and s.family in EXPLICABLE for s in members):
        return None
    return max(familiar.values())


def _unsure_clock(members: list[Signal]) -> str | None:
    """A clock whose unproven zone error decides the order of the group; None where none does."""
    clocks = {s.clock_id for s in members if s.clock_id}
    unsure = sorted(s.clock_id for s in members if s.clock_id and s.zone_unsure)
    return unsure[0] if unsure and len(clocks) > 1 else None


def _weight(signal: Signal, members: list[Signal], chances: Mapping[str, scoring.Chance]) -> float:
    own = {
        (s.host_id, s.first_seen.date())
        for s in members
        if s.detector == signal.detector and s.confidence >= signal.confidence
    }
    return scoring.weight(chances[signal.detector], signal.confidence, len(own))


def _rule(
    members: list[Signal], known: Mapping[str, DetectorFacts], weights: Mapping[str, float]
) -> Signal | None:
    """The heaviest signal of a user's rule."""
    stated = [s for s in members if known[s.detector].is_rule]
    return max(stated, key=lambda s: (weights[s.signal_id], s.signal_id), default=None)


def _score(
    members: list[Signal],
    ties: list[Link],
    weights: Mapping[str, float],
    known: Mapping[str, DetectorFacts],
) -> float:
    """Weights of the signals, a family once, and of the links that hold the group together. A
    user's rule is no further witness of what it joined: the weightier of the two counts."""
    families: dict[str, float] = {}
    stated = 0.0
    for signal in members:
        if known[signal.detector].is_rule:
            stated = max(stated, weights[signal.signal_id])
            continue
        families[signal.family] = max(families.get(signal.family, 0.0), weights[signal.signal_id])
    kinds = link_kinds()
    family_of = {s.signal_id: s.family for s in members}
    linked: dict[tuple[str, ...], float] = {}
    for tie in ties:
        pair = tuple(sorted((family_of[tie.from_id], family_of[tie.to_id])))
        if pair[0] != pair[1] and families.keys() >= set(pair):
            linked[pair] = max(linked.get(pair, 0.0), float(str(kinds[tie.kind]["weight"])))
    # A tree of n families has n - 1 links; further ones repeat what the first said.
    strongest = sorted(linked.values(), reverse=True)[: max(0, len(families) - 1)]
    return round(max(stated, sum(families.values()) + sum(strongest)), 3)


def _best_chain(members: list[Signal], chains: Mapping[str, Chain]) -> _Match | None:
    fits = []
    for chain in chains.values():
        spans = _spans(chain, members)
        told = [s for s in chain.stages if s.required]
        if any(stage not in spans for stage in told) or not _in_order(chain, told, spans):
            continue
        # A stage that it can do without, and that comes at the wrong time, is no stage of it.
        for stage in chain.stages:
            if stage in spans and stage not in told and _in_order(chain, [*told, stage], spans):
                told.append(stage)
        if len(told) >= chain.minimum:
            fits.append(_Match(chain, {stage: spans[stage].first for stage in told}))
    # Of two that tell as many stages, the one that asks for more of them says more.
    return max(fits, key=lambda m: (len(m.stages), m.chain.required, m.chain.id), default=None)


class _Seen(NamedTuple):
    """A stage's first signal, and the time from its first to its last."""

    first: Signal
    begin: datetime
    end: datetime


def _spans(chain: Chain, members: list[Signal]) -> dict[ChainStage, _Seen]:
    found = {}
    for stage in chain.stages:
        fit = [s for s in members if s.detector in stage.detectors]
        if fit:
            first = min(fit, key=lambda s: (s.first_seen, s.signal_id))
            found[stage] = _Seen(first, first.first_seen, max(s.last_seen for s in fit))
    return found


def _in_order(chain: Chain, told: list[ChainStage], spans: Mapping[ChainStage, _Seen]) -> bool:
    """Each stage begins before a later one has ended."""
    ordered = [spans[stage] for stage in chain.stages if stage in told]
    return all(
        early.begin <= late.end + ORDER_SLACK
        for n, early in enumerate(ordered)
        for late in ordered[n + 1 :]
    )


def _stages(
    members: list[Signal],
    ties: list[Link],
    known: Mapping[str, DetectorFacts],
    labels: Mapping[int, str],
) -> tuple[Stage, ...]:
    kinds = link_kinds()
    # links.toml names the kinds from the most direct to the most inferred.
    directness = {kind: number for number, kind in enumerate(kinds)}
    told: dict[str, int] = {}
    out: list[Stage] = []
    lines: dict[tuple[object, ...], int] = {}
    for signal in sorted(members, key=lambda s: (s.first_seen, s.signal_id)):
        proofs = tuple(Evidence(labels.get(f, f"{f:015x}"), n) for f, n in signal.evidence)
        before = lines.setdefault(_same(signal), len(out))
        if before < len(out):
            told[signal.signal_id] = before
            out[before] = _again(out[before], signal, proofs)
            continue
        tie = min(
            (
                t
                for t in ties
                if signal.signal_id in (t.from_id, t.to_id) and {t.from_id, t.to_id} & told.keys()
            ),
            key=lambda t: (directness[t.kind], t),
            default=None,
        )
        summary, summary_ja = known[signal.detector].summarise(signal.details)
        kind = kinds[tie.kind] if tie else {}
        out.append(
            Stage(
                stage=signal.stage,
                time=signal.first_seen,
                detector=signal.detector,
                techniques=signal.techniques,
                entity=_entity(signal),
                summary=summary,
                summary_ja=summary_ja,
                evidence=proofs,
                inferred=bool(kind.get("inferred", False)),
                link=str(kind.get("text", "")).format(reason=tie.reason) if tie else "",
                link_ja=str(kind.get("text_ja", "")).format(reason=tie.reason) if tie else "",
                tied_to=told[({tie.from_id, tie.to_id} - {signal.signal_id}).pop()]
                if tie
                else None,
                shift_s=round(signal.shift_s or 0.0, 3),
                beats=_beats(signal.details.get("beats_heard")),
                siblings=_texts(signal.details.get("siblings")),
                other_hosts=_texts(signal.details.get("other_hosts")),
            )
        )
        told[signal.signal_id] = before
    return tuple(out)


def _same(signal: Signal) -> tuple[object, ...]:
    """What two signals of a detector share that say the same of the same thing."""
    place = signal.destination or signal.server_ip
    made = signal.details.get("object")
    thing = (place, made) if place or made else signal.details.get("process_guid")
    named = thing or signal.signal_id
    return signal.detector, signal.host_id, (signal.image or "").lower(), signal.recipient, named


def _again(stage: Stage, signal: Signal, proofs: tuple[Evidence, ...]) -> Stage:
    """The stage, told once more by a later signal; its first evidence stays first."""
    return replace(
        stage,
        times=stage.times + 1,
        last_time=max(stage.last_time or stage.time, signal.last_seen),
        techniques=tuple(dict.fromkeys((*stage.techniques, *signal.techniques))),
        evidence=tuple(dict.fromkeys((*stage.evidence, *proofs)))[:MOST_EVIDENCE],
    )


def _beats(said: object) -> tuple[datetime, ...]:
    """Moments as details hold them, JSON texts."""
    if not isinstance(said, list):
        return ()
    return tuple(datetime.fromisoformat(str(moment)) for moment in said)


def _texts(said: object) -> tuple[str, ...]:
    """A list of texts, as details hold it."""
    return tuple(str(text) for text in said) if isinstance(said, list) else ()


def _entity(signal: Signal) -> str:
    host = signal.recipient or signal.host_id.removeprefix("person:").split("/", 1)[-1]
    program = (signal.image or "").replace("\\", "/").rsplit("/", 1)[-1]
    return f"{host} {program}".strip()


def _missing(match: _Match, known: Mapping[str, DetectorFacts], span: Span) -> tuple[Missing, ...]:
    out = []
    for stage in match.chain.stages:
        if stage in match.stages:
            continue
        tables = sorted({t for d in stage.detectors if d in known for t in known[d].tables})
        have = [t for t in tables if t in span.tables]
        first = min((s.first_seen for s in match.stages.values()), default=None)
        what = ", ".join(tables)
        if not have:
            said = ("no_such_log", f"no log of {what} was given", f"{what} のログが無い")
        elif first and all(span.tables[t][0] > first or span.tables[t][1] < first for t in have):
            said = (
                "outside_log_time",
                f"{what} does not cover that time",
                f"{what} はこの時刻を含まない",
            )
        else:
            said = (
                "log_present_nothing_there",
                f"{what} was read; nothing was found",
                f"{what} を読んだが何も無かった",
            )
        out.append(Missing(stage.stage, *said))
    return tuple(out)
