"""The order of the stages: ingest, settle, derive, detect, link, assemble. No other module knows
it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from importlib.resources import as_file
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from kizashi import detectors as detecting
from kizashi import entities, names
from kizashi import indicators as known_indicators
from kizashi.chains import Chain, assemble, chains
from kizashi.config import Config
from kizashi.entities import health, lag
from kizashi.errors import UsageError
from kizashi.incidents import (
    SEVERITIES,
    Asset,
    Blind,
    HuntResult,
    Incident,
    Note,
    PackHunt,
    SourceHealth,
)
from kizashi.incidents.page import Page
from kizashi.indicators import Indicator, Loaded
from kizashi.lake.casebook import Casebook, Exemption
from kizashi.lake.engine import open_lake, quoted_path
from kizashi.lake.ingest import Line, ingest
from kizashi.lake.manifest import Manifest
from kizashi.lake.retention import expire
from kizashi.lake.settle import settle
from kizashi.names import predicted, registered
from kizashi.overview import dns, egress
from kizashi.packs import Pack, check
from kizashi.packs.outcome import Hunted, outcomes, remembered, written
from kizashi.schema import create_sql, references, tables
from kizashi.sources import TIMELESS, ZONELESS

if TYPE_CHECKING:
    from kizashi.detectors.user_rules import UserRule
    from kizashi.sigma import Rules

SIGNALS = "signal.parquet"
CONFIRMED = "confirmed_clocks"
ROLES = "given_roles"
PLACES = "given_places"
RULE_HOST_DAYS = (
    100.0  # what the level that a rule's author gave is worth against the lake's counts
)
DAMAGED = 0.01  # of a source's records: above it the report says so first
MOST_RESOLVERS = 3  # named in one line
# What tells that an answer stands for a failure (entities/failure_answer.sql).
REWRITING = {
    "nowhere": (
        "it leads to no machine; of a filter's names those that look drawn count",
        "どの機器にも届かない。フィルタの対象名のうち、生成名に見えるものだけ数える",
    ),
    "bare names": (
        "names without a dot, which nobody can register, get it too",
        "登録できないドット無しの名前にも返る",
    ),
    "fails elsewhere": (
        "the same names fail in the same moment",
        "同じ名前が同時に失敗もしている",
    ),
    "nothing fails": ("hardly any name fails here", "ここでは失敗がほとんど無い"),
    "made labels": (
        "most look drawn, and those count; check whether it is a sinkhole",
        "大半が生成名に見え、それを数える。シンクホールか要確認",
    ),
}
# What a hunt says that it is at, beside the detectors.
LINKING, TELLING = "linking", "telling"
Step = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class HuntOptions:
    """What a hunt may be told. `folders` hold a user's own detectors and chains; the correlations
    of `rules` are looked for over signals and tables."""

    config: Config = field(default_factory=Config)
    folders: tuple[Path, ...] = ()
    overlays: tuple[Path, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    rules: Rules | None = None
    packs: tuple[Pack, ...] = ()
    pages: bool = False  # also how the network is used


def read(
    lake: Path, paths: list[Path], config: Config, folders: tuple[Path, ...] = ()
) -> Iterator[Line]:
    """Ingest, one Line a file; settled by the next `open_settled`. `folders` hold a user's own
    mapping files."""
    if config.origin:
        _remember_roles(lake, config)
    yield from ingest(lake, paths, config.provenance, folders)


@contextmanager
def open_settled(
    lake: Path, overlays: tuple[Path, ...] = ()
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The lake settled and open, with every event table and derived view."""
    settle(lake, entities)
    con = open_lake(lake, overlays)
    try:
        entities.give_roles(con, _roles(lake))
        if places := _places(lake):
            entities.give_places(con, places)
        _except(lake, con)
        derive(con)
        yield con
    finally:
        con.close()


def _except(lake: Path, con: duckdb.DuckDBPyConnection) -> None:
    """Table `exempted`: what people except, for detectors that judge by parts."""
    con.execute(create_sql(references()["exempted"]))
    with closing(Casebook(lake)) as book:
        rows = [
            (e.number, e.detector, e.host_id, e.image, e.parent_image, e.destination, e.owner,
             e.reason, e.until)
            for e in book.exemptions()
        ]  # fmt: skip
    if rows:
        con.executemany("INSERT INTO exempted VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _remember_roles(lake: Path, config: Config) -> None:
    """Keep in the lake what kizashi.toml says of addresses, so that every verb knows it."""
    said = [
        (site.name, role, address)
        for site in config.sites
        for role, own in (("resolver", site.resolvers), ("proxy", site.proxies))
        for address in own
    ]
    with closing(Manifest(lake)) as manifest:
        manifest.set_fact(ROLES, json.dumps(said))
        manifest.set_fact(PLACES, json.dumps([str(path) for path in config.places]))


def _places(lake: Path) -> list[Path]:
    with closing(Manifest(lake)) as manifest:
        return [Path(said) for said in json.loads(manifest.fact(PLACES) or "[]")]


def _roles(lake: Path) -> list[tuple[str, str, str]]:
    with closing(Manifest(lake)) as manifest:
        return [tuple(said) for said in json.loads(manifest.fact(ROLES) or "[]")]


def derive(con: duckdb.DuckDBPyConnection) -> None:
    """Every derived table and view over the settled event tables of the connection."""
    names.install(con)
    entities.derive(con)


def hunt(lake: Path, options: HuntOptions, step: Step | None = None) -> HuntResult:
    """Everything that the lake shows, ranked, and what could not be looked at."""
    if options.config.origin:
        _remember_roles(lake, options.config)
    with open_settled(lake, options.overlays) as con:
        known, told = detecting.detectors(options.folders), _chains(options.folders)
        brought = {pack.id: _brought(pack, options.config) for pack in options.packs}
        looked_for = (*options.indicators, *(i for own in brought.values() for i in own))
        for pack in options.packs:
            check(pack, known, told, predicted.families())
        known_indicators.install(con, looked_for)
        predicted.install(con, *_days_of_names(con))
        if not looked_for:
            known = {n: d for n, d in known.items() if "indicator" not in d.reads}
        con.execute(detecting.signal_table_sql())
        blind = list(_run_detectors(con, known, _settings(options), step))
        detecting.unname(con)
        if step:
            step(LINKING, len(known), len(known))
        span = _span(con)
        wild = assemble.set_wild_aside(con, span.host_days)
        assemble.align(con, confirmed_clocks(lake))
        with closing(Casebook(lake)) as book:
            hidden = _hide(con, book.exemptions())
            verdicts = book.verdicts()
        own = _run_rules(con, known, options.rules, blind)
        _keep_signals(lake, con)
        found = assemble.signals(con)
        ties = assemble.tie(con, verdicts)
        ties.links.extend(own.links)
        facts = {**detector_facts(known), **own.facts}
        labels = _labels(lake, options.overlays)
        incidents, scores, lowered = assemble.assemble(found, ties, facts, told, span, labels)
        if step:
            step(TELLING, len(known), len(known))
        incidents = _follow(lake, _ranked(incidents, options.config))
        sayings = {name: written(own) for name, own in brought.items()}
        hunted = Hunted(known, told, found, incidents, span, labels, sayings)
        result = HuntResult(
            incidents=incidents,
            warnings=tuple(_warnings(lake, con, options.config)),
            blind=(*blind, *own.blind, *_wild(wild)),
            sources=_health(lake, con),
            notes=(
                *hidden,
                *own.notes,
                *_clock_notes(con),
                *_rewriting_notes(con),
                *_indicator_notes(con, looked_for, span),
                *_past_names(con),
                *_lowered_notes(lowered),
                *_single_notes(found, incidents),
            ),
            host_days=span.host_days,
            scores=scores,
            site_zones=options.config.zones,
            pack_hunts=_pack_hunts(con, options.packs, hunted),
            pages=tuple(_pages(con, options.config)) if options.pages else (),
        )
    return result


def _brought(pack: Pack, config: Config) -> tuple[Indicator, ...]:
    """The published indicators of a pack."""
    if pack.indicators is None:
        return ()
    with as_file(pack.indicators) as path:
        return load_indicators((path,), config).indicators


def _settings(options: HuntOptions) -> dict[str, dict[str, Any]]:
    """Settings by detector: what kizashi.toml says, and under it what packs say."""
    merged: dict[str, dict[str, Any]] = {}
    for said in (*(pack.settings for pack in options.packs), options.config.detectors):
        for name, own in said.items():
            merged[name] = {**merged.get(name, {}), **own}
    return merged


def _days_of_names(con: duckdb.DuckDBPyConnection) -> tuple[date | None, date | None]:
    """First and last day of the logs that hold names, and of the contacts kept of older ones."""
    named = ("dns_activity", "http_activity", "tls_activity")
    union = " UNION ALL ".join(
        f"SELECT min(time) AS low, max(time) AS high FROM {t}" for t in named
    )
    ((first, last),) = con.execute(
        f"SELECT min(low)::DATE, max(high)::DATE FROM ({union})"
    ).fetchall()
    kept = predicted.first_kept(con)
    return min(filter(None, (first, kept)), default=None), last or kept


def _past_names(con: duckdb.DuckDBPyConnection) -> Iterator[Note]:
    for met in predicted.past_contacts(con):
        yield remembered(met)


def _pack_hunts(
    con: duckdb.DuckDBPyConnection, packs: tuple[Pack, ...], hunted: Hunted
) -> tuple[PackHunt, ...]:
    return tuple(one for pack in packs for one in outcomes(con, pack, hunted))


def _pages(con: duckdb.DuckDBPyConnection, config: Config) -> Iterator[Page]:
    yield egress.page(con, settings=config.detectors.get(egress.DETECTOR))
    registered.install(con, ())
    yield dns.page(con, config.rests)


def egress_page(lake: Path, config: Config, host: str | None, site: str | None) -> Page:
    """Who goes outside past the rules: all of a lake, one site or one host."""
    if config.origin:
        _remember_roles(lake, config)
    with open_settled(lake) as con:
        return egress.page(con, host, site, config.detectors.get(egress.DETECTOR))


def dns_page(
    lake: Path,
    config: Config,
    host: str | None,
    site: str | None,
    feed: Iterable[registered.Registered] | None = None,
) -> Page:
    """What is asked of the resolvers, hour by hour, with the detectors of failed names run for the
    lead over them; `feed` holds newly registered domains."""
    if config.origin:
        _remember_roles(lake, config)
    with open_settled(lake) as con:
        registered.install(con, feed or ())
        con.execute(detecting.signal_table_sql())
        for name, detector in detecting.detectors().items():
            if detector.family == dns.FAMILY and not detecting.missing_columns(detector, con):
                detecting.run(detector, con, config.detectors.get(name))
        return dns.page(con, config.rests, host, site, feed is not None)


def retain(lake: Path, keep_days: int, now: datetime) -> int:
    """Drop the events of days older than a site's newest day by `keep_days` or more; the number of
    rows dropped. Their contacts stay as history."""
    settle(lake, entities)
    with closing(open_lake(lake)) as con:
        names.install(con)
        entities.install(con)
        history = {name: entities.kept(name) for name in entities.HISTORY}
        return expire(lake, con, keep_days, now, history)


def confirmed_clocks(lake: Path) -> tuple[str, ...]:
    """Clocks whose zone error a person has confirmed."""
    with closing(Manifest(lake)) as manifest:
        return tuple(json.loads(manifest.fact(CONFIRMED) or "[]"))


def confirm_clock(lake: Path, clock: str) -> None:
    """Take a clock's zone error as true from now on. UsageError when the lake has no such error."""
    with open_settled(lake) as con:
        rows = con.execute(
            "SELECT DISTINCT clock_a FROM clock_offset WHERE is_zone_error"
        ).fetchall()
    known = sorted(name for (name,) in rows)
    if clock not in known:
        valid = (
            f"One of: {', '.join(known)}" if known else "No clock here looks set to a wrong zone"
        )
        raise UsageError(f"no clock {clock!r} with a likely zone error. {valid}")
    confirmed = sorted({*confirmed_clocks(lake), clock})
    with closing(Manifest(lake)) as manifest:
        manifest.set_fact(CONFIRMED, json.dumps(confirmed))


def _run_detectors(
    con: duckdb.DuckDBPyConnection,
    known: dict[str, detecting.Detector],
    settings: Mapping[str, Mapping[str, Any]],
    step: Step | None,
) -> Iterator[Blind]:
    for number, (name, detector) in enumerate(known.items(), 1):
        if step:
            step(name, number, len(known))
        missing = detecting.missing_columns(detector, con)
        if missing:
            what = ", ".join(missing)
            yield Blind(name, f"could not look: no {what}", f"見られなかった：{what} が無い")
        else:
            detecting.run(detector, con, settings.get(name))


class _Own(NamedTuple):
    """What a user's rules add to a hunt."""

    facts: Mapping[str, assemble.DetectorFacts] = MappingProxyType({})
    links: tuple[assemble.Link, ...] = ()
    blind: tuple[Blind, ...] = ()
    notes: tuple[Note, ...] = ()


def _run_rules(
    con: duckdb.DuckDBPyConnection,
    known: dict[str, detecting.Detector],
    given: Rules | None,
    blind: Iterable[Blind],
) -> _Own:
    """Look for the correlations of a user's rules; what each of them adds to the hunt."""
    if given is None:
        return _Own()
    # pySigma is not loaded where no rule is given.
    from kizashi.detectors import user_rules

    rules = user_rules.user_rules(given)
    unseeing = {one.subject for one in blind}
    empty = {n for n in tables() if not con.execute(f"SELECT 1 FROM {n} LIMIT 1").fetchall()}
    lacking = {rule.id: user_rules.lacks(rule, given, known, unseeing, empty) for rule in rules}
    found = user_rules.run(con, given, rules)
    return _Own(
        {rule.id: _rule_facts(rule) for rule in rules},
        tuple(assemble.Link(a, b, "asked_for", title) for a, b, title in found.ties),
        tuple(
            Blind(name, f"could not look: {lack}", f"見られなかった：{lack}")
            for name, lack in lacking.items()
            if lack
        ),
        tuple(
            Note(
                f"{name} held {count:,} times more than are told: narrow it",
                f"{name} はさらに {count:,} 回成立したが示していない。条件を絞る",
            )
            for name, count in found.left_out.items()
        ),
    )


def _rule_facts(rule: UserRule) -> assemble.DetectorFacts:
    said = rule.correlation
    title = said.title or rule.id
    return assemble.DetectorFacts(
        title=title,
        title_ja=title,
        family=rule.id,
        stage=rule.stage,
        benign="; ".join(said.benign) or "The rule's author names none",
        benign_ja="; ".join(said.benign) or "ルールの作者は挙げていない",
        tables=rule.tables,
        chance_per_host_day=rule.chance_per_host_day,
        chance_host_days=RULE_HOST_DAYS,
        summarise=_say_rule,
        is_rule=True,
    )


def _say_rule(said: Mapping[str, object]) -> tuple[str, str]:
    by = f" ({said['group']})" if said.get("group") else ""
    return f"the rule “{said['rule']}” holds{by}", f"ルール「{said['rule']}」が成立{by}"


def detector_facts(known: dict[str, detecting.Detector]) -> dict[str, assemble.DetectorFacts]:
    """The detectors as assembling sees them."""
    return {
        name: assemble.DetectorFacts(
            title=detector.title,
            title_ja=detector.title_ja,
            family=detector.family,
            stage=detector.stage,
            benign=detector.benign,
            benign_ja=detector.benign_ja,
            tables=(*detector.reads, *detector.any_of),
            chance_per_host_day=detector.chance.per_host_day,
            chance_host_days=detector.chance.host_days,
            summarise=partial(detecting.summarise, detector),
        )
        for name, detector in known.items()
    }


def _chains(folders: tuple[Path, ...]) -> dict[str, Chain]:
    return chains(tuple(folders))


def _span(con: duckdb.DuckDBPyConnection) -> assemble.Span:
    covered = {}
    for name in tables():
        ((first, last),) = con.execute(f"SELECT min(time), max(time) FROM {name}").fetchall()
        if first is not None:
            covered[name] = (first, last)
    counted = "SELECT count(*) FROM (SELECT DISTINCT host_id, day FROM uptime)"
    ((host_days,),) = con.execute(counted).fetchall()
    return assemble.Span(covered, float(host_days))


def _labels(lake: Path, overlays: tuple[Path, ...]) -> dict[int, str]:
    labels: dict[int, str] = {}
    for root in (*overlays, lake):
        manifest = Manifest(root)
        labels |= {entry.file_id: entry.label for entry in manifest.file_entries()}
        manifest.close()
    return labels


def _keep_signals(lake: Path, con: duckdb.DuckDBPyConnection) -> None:
    """The signals of this hunt beside the events, for queries; the last hunt's are replaced."""
    target = lake / SIGNALS
    partial = target.with_suffix(".part")
    everything = "FROM signal UNION ALL BY NAME FROM set_aside"
    con.execute(f"COPY ({everything}) TO {quoted_path(partial)} (FORMAT parquet, COMPRESSION zstd)")
    partial.replace(target)


def _follow(lake: Path, incidents: tuple[Incident, ...]) -> tuple[Incident, ...]:
    """The incidents by the ids that people know, and whether they are new."""
    with closing(Casebook(lake)) as book:
        return _mark_new(lake, book.follow(incidents))


def _hide(con: duckdb.DuckDBPyConnection, exemptions: Iterable[Exemption]) -> list[Note]:
    """Take the signals that exceptions cover out of the hunt; a line for each that hid any."""
    notes = []
    for one in exemptions:
        tests = " AND ".join(f"{name} = ?" for name in one.values)
        bound = [one.detector, one.until, *one.values.values()]
        ended = f"FROM signal WHERE detector = ? AND first_seen::DATE > ?::DATE AND {tests}"
        ((after,),) = con.execute(f"SELECT count(*) {ended}", bound).fetchall()
        hide = f"detector = ? AND first_seen::DATE <= ?::DATE AND {tests}"
        con.execute(f"INSERT INTO set_aside SELECT * FROM signal WHERE {hide}", bound)
        ((count,),) = con.execute(f"DELETE FROM signal WHERE {hide}", bound).fetchall()
        if count:
            notes.append(
                Note(
                    f"exception {one.number} of {one.owner} until {one.until} hides {count} "
                    f"signals of {one.detector}: {one.reason}",
                    f"例外 {one.number}（{one.owner}、{one.until} まで）が {one.detector} の"
                    f"シグナル {count} 件を隠している：{one.reason}",
                )
            )
        if after:
            notes.append(
                Note(
                    f"exception {one.number} of {one.owner} ended on {one.until} and {after} "
                    f"signals of {one.detector} came after it: renew it, or end what it allowed",
                    f"例外 {one.number}（{one.owner}）は {one.until} に期限切れ。その後 "
                    f"{one.detector} のシグナル {after} 件：延長するか、許可した通信を止める",
                )
            )
    return notes


def _wild(found: Mapping[str, int]) -> Iterator[Blind]:
    """A line for each detector whose signals were too many to be told."""
    for name, count in found.items():
        yield Blind(
            name,
            f"gone wild: {count:,} signals, more than a person could read, were set aside unlinked "
            f"(kizashi query); raise its thresholds",
            f"暴走：{count:,} 件のシグナルは読み切れないため結び付けず除外した"
            f"（kizashi query）。しきい値を上げる",
        )


def _mark_new(lake: Path, incidents: tuple[Incident, ...]) -> tuple[Incident, ...]:
    """Marks what the last hunt of this lake did not tell, and remembers this one."""
    manifest = Manifest(lake)
    before = set(json.loads(manifest.fact("last_hunt") or "[]"))
    state = {f"{i.id} {len(i.stages)} {i.severity}" for i in incidents}
    manifest.set_fact("last_hunt", json.dumps(sorted(state)))
    manifest.close()
    return tuple(
        replace(i, new=f"{i.id} {len(i.stages)} {i.severity}" not in before) for i in incidents
    )


def _warnings(lake: Path, con: duckdb.DuckDBPyConnection, config: Config) -> Iterator[Note]:
    """What to know before the list is read: times without a zone, damage, faults of sources."""
    with closing(Manifest(lake)) as manifest:
        entries, damage = manifest.file_entries(), manifest.reject_reasons()
    for source in sorted({e.source or "" for e in entries if TIMELESS in e.note}):
        yield Note(
            f"source {source} has records whose time could not be read: no detector sees them "
            f"(kizashi sources try FILE)",
            f"ソース {source} に時刻を読めない記録がある。検知の対象にならない"
            f"（kizashi sources try FILE）",
        )
    for source in sorted({e.source or "" for e in entries if ZONELESS in e.note}):
        yield Note(
            f"source {source} writes times without a zone, taken as UTC: give it one in "
            f"kizashi.toml ([source.{source}] zone), or --tz",
            f"ソース {source} の時刻には時間帯が無く UTC とみなした。"
            f"kizashi.toml の [source.{source}] zone か --tz で指定",
        )
    read = Counter({e.source or "": 0 for e in entries})
    for entry in entries:
        read[entry.source or ""] += entry.read
    for source, reasons in damage.items():
        rows = sum(reasons.values())
        if rows >= DAMAGED * read[source]:
            why = ", ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(3))
            yield Note(
                f"source {source}: {rows:,} of {read[source]:,} records set aside: {why}",
                f"ソース {source}：{read[source]:,} 件中 {rows:,} 件を除外：{why}",
            )
    yield from health.warnings(con, config.is_free)


def _ranked(incidents: tuple[Incident, ...], config: Config) -> tuple[Incident, ...]:
    """The incidents with those who answer for their hosts; of one severity, what is critical to the
    organisation comes first."""
    if not config.assets:
        return incidents
    known: dict[str, list[Asset]] = {}
    for asset in config.assets:
        known.setdefault(asset.host, []).append(asset)
    owned = [replace(i, **_answers(i, known)) for i in incidents]
    owned.sort(key=lambda i: (-SEVERITIES.index(i.severity), -i.criticality, i.rank))
    return tuple(replace(incident, rank=rank) for rank, incident in enumerate(owned, 1))


def _answers(incident: Incident, known: dict[str, list[Asset]]) -> dict[str, Any]:
    mine = []
    for host_id in incident.hosts:
        site, _slash, host = host_id.lower().rpartition("/")
        mine += [a for a in known.get(host, ()) if a.site.lower() in ("", site)]
    return {
        "owners": tuple(dict.fromkeys(a.owner for a in mine if a.owner)),
        "criticality": max((a.criticality for a in mine), default=0),
    }


def load_indicators(files: Iterable[Path], config: Config) -> Loaded:
    """Indicators of the files together, and a line for each that was refused."""
    suffixes = frozenset(names.suffixes())
    found = [known_indicators.load(file, suffixes, config.domains) for file in files]
    return Loaded(
        tuple(i for loaded in found for i in loaded.indicators),
        tuple(line for loaded in found for line in loaded.refused),
    )


def _indicator_notes(
    con: duckdb.DuckDBPyConnection, given: tuple[Indicator, ...], span: assemble.Span
) -> Iterator[Note]:
    """What was looked for, where and over which time; and what was met before the events begin."""
    if not given:
        return
    held, empty = known_indicators.searched(con)
    first = min((low for low, _high in span.tables.values()), default=None)
    last = max((high for _low, high in span.tables.values()), default=None)
    when = f"{first:%Y-%m-%d %H:%M} - {last:%Y-%m-%d %H:%M} UTC" if first and last else "-"
    yield Note(
        f"{len(given)} indicators looked for in {', '.join(held) or 'nothing'}; {when}",
        f"インジケーター {len(given)} 件を照合：{', '.join(held) or 'なし'}、{when}",
    )
    if empty:
        yield Note(
            f"no log here fills {', '.join(empty)}: indicators of that kind could not be met",
            f"{', '.join(empty)} を記録したログが無く、この種のインジケーターは照合できない",
        )
    for met in known_indicators.past_contacts(con):
        host = met.host_id.partition("/")[2]
        days = f"{met.first_seen:%Y-%m-%d} - {met.last_seen:%Y-%m-%d}"
        yield Note(
            f"indicator {met.value}: {host} was in contact with {met.destination} "
            f"on {met.days} days, {days}; the events have left the lake",
            f"インジケーター {met.value}：{host} が {met.destination} と "
            f"{met.days} 日通信（{days}）。イベントは保存期間を過ぎた",
        )


def _lowered_notes(lowered: Iterable[assemble.Lowered]) -> Iterator[Note]:
    """A line on each incident that is told no longer because of what people judged."""
    for one in lowered:
        yield Note(
            f"earlier verdicts put this below what is told, {one.old} to {one.new}: {one.title}",
            f"過去の判定により報告の対象外となった（{one.old} から {one.new}）：{one.title_ja}",
        )


def _single_notes(found: list[assemble.Signal], incidents: tuple[Incident, ...]) -> Iterator[Note]:
    """A line on the signals that weigh too little to make an incident."""
    told = Counter(stage.detector for incident in incidents for stage in incident.stages)
    rest = Counter(signal.detector for signal in found) - told
    if rest:
        said = ", ".join(f"{name} {count}" for name, count in sorted(rest.items()))
        look = 'kizashi query "FROM signal"'
        yield Note(
            f"{rest.total()} signals make no incident ({look}): {said}",
            f"インシデントにならないシグナル {rest.total()} 件（{look}）：{said}",
        )


def _clock_notes(con: duckdb.DuckDBPyConnection) -> Iterator[Note]:
    """A line for each pair of clocks that are more than a minute apart."""
    rows = con.execute(
        "SELECT clock_a, clock_b, min(offset_s), max(offset_s), sum(facts), "
        "bool_or(is_zone_error AND NOT is_proven) FROM clock_offset "
        "GROUP BY ALL HAVING max(abs(offset_s)) > 60 ORDER BY ALL"
    ).fetchall()
    for a, b, low, high, facts, unsure in rows:
        text = f"clock {a} is {low:,.0f} to {high:,.0f} s ahead of {b} ({facts} facts seen by both)"
        text_ja = (
            f"時計 {a} は {b} より {low:,.0f}～{high:,.0f} 秒進む（両方が見た事実 {facts} 件）"
        )
        if unsure:
            text += f"; likely a wrong zone: kizashi clocks --confirm {a}"
            text_ja += f"。時間帯の誤りらしい：kizashi clocks --confirm {a}"
        yield Note(text, text_ja)


def _rewriting_notes(con: duckdb.DuckDBPyConnection) -> Iterator[Note]:
    """A line for each answer that a site's resolvers give in place of failures."""
    rows = con.execute(
        "SELECT site, addresses, resolvers, names, reason FROM failure_answer ORDER BY ALL"
    ).fetchall()
    for site, addresses, resolvers, count, reason in rows:
        page, asked = ", ".join(addresses), ", ".join(resolvers[:MOST_RESOLVERS]) or "?"
        why, why_ja = REWRITING[reason]
        where = f"{site}: " if site else ""
        yield Note(
            f"{where}resolver {asked} answers failures with {page} ({count:,} names; {why}): they "
            f"count as failed look-ups, and the address as nobody's",
            f"{where}リゾルバ {asked} は失敗に {page} を返す（{count:,} 件、{why_ja}）。"
            f"名前解決の失敗として数え、このアドレスは通信先として挙げない",
        )


def _health(lake: Path, con: duckdb.DuckDBPyConnection) -> tuple[SourceHealth, ...]:
    with closing(Manifest(lake)) as manifest:
        entries, grown = manifest.file_entries(), manifest.lags()
    lags = lag.of_sources(con)
    union = " UNION ALL ".join(f"SELECT source, time FROM {name}" for name in tables())
    times = {
        row[0]: (row[1], row[2])
        for row in con.execute(
            f"SELECT source, min(time), max(time) FROM ({union}) GROUP BY source"
        ).fetchall()
    }
    out = []
    for source in sorted({e.source for e in entries if e.source}):
        own = [e for e in entries if e.source == source]
        first, last = times.get(source, (None, None))
        out.append(
            SourceHealth(
                source,
                len(own),
                sum(e.read for e in own),
                sum(e.stored for e in own),
                sum(e.rejected for e in own),
                sum(e.duplicate for e in own),
                first,
                last,
                *_lag(lags.get(source), grown.get(source, [])),
            )
        )
    return tuple(out)


def _lag(said: lag.Lag | None, grown: list[float]) -> tuple[float | None, str]:
    """A source's lag in seconds and what tells it: its records, else the files that grew."""
    if said is not None:
        return said.median_s, "record"
    return (median(grown), "file") if grown else (None, "")
