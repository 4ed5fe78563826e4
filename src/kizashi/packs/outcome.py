"""What came of a pack's hunts: fired, a lead, nothing found, or no log that could have shown it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce

import duckdb

from kizashi import detectors as detecting
from kizashi import indicators as known_indicators
from kizashi.chains import Chain, assemble
from kizashi.detectors import Detector
from kizashi.incidents import Evidence, Incident, Note, PackHunt
from kizashi.names import predicted
from kizashi.packs import Hunt, Look, Pack
from kizashi.schema import quoted

PREDICTED, INDICATED = "dns_predicted_name", "indicator_match"
MOST_HOSTS = 100
MOST_EVIDENCE = 20
Times = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Hunted:
    """What a hunt of the whole lake left behind: its detectors and chains, the signals, the
    incidents as told, what the logs cover, the labels of their files, what the packs brought."""

    detectors: Mapping[str, Detector]
    chains: Mapping[str, Chain]
    signals: list[assemble.Signal]
    incidents: tuple[Incident, ...]
    span: assemble.Span
    labels: Mapping[int, str]
    indicators: Mapping[str, frozenset[str]]  # by pack: how its indicators are written


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which a hunt looked: over which tables, what it lacks, and what it found."""

    tables: frozenset[str] = frozenset()
    lacking: tuple[str, ...] = ()
    records: int = 0
    hosts: tuple[str, ...] = ()
    incidents: tuple[int, ...] = ()
    seen: Times | None = None
    evidence: tuple[Evidence, ...] = ()
    past: tuple[Note, ...] = ()
    earliest: datetime | None = None  # where the kept history reaches back beyond the events
    alerts: bool = True

    @property
    def looked(self) -> bool:
        """Whether some log could have shown it."""
        return not self.lacking or bool(self.earliest)


def outcomes(con: duckdb.DuckDBPyConnection, pack: Pack, hunted: Hunted) -> tuple[PackHunt, ...]:
    """Each hunt of the pack with its outcome, in the pack's order."""
    return tuple(_outcome(con, pack, hunt, hunted) for hunt in pack.hunts)


def _outcome(con: duckdb.DuckDBPyConnection, pack: Pack, hunt: Hunt, hunted: Hunted) -> PackHunt:
    ways = list(_ways(con, pack, hunt, hunted))
    told = [way for way in ways if way.records or way.past]
    looked = [way for way in ways if way.looked]
    state = "blind"
    if any(way.alerts for way in told):
        state = "fired"
    elif told:
        state = "lead"
    elif looked:
        state = "nothing"
    over = _together(t for way in looked for t in _covered(way, hunted.span))
    seen = _together(way.seen for way in told)
    return PackHunt(
        pack=pack.id,
        hunt=hunt.id,
        title=hunt.title,
        title_ja=hunt.title_ja,
        grade=hunt.grade,
        sources=tuple(f"{name}: {pack.sources[name]}" for name in hunt.sources),
        about=hunt.about,
        about_ja=hunt.about_ja,
        state=state,
        records=sum(way.records + len(way.past) for way in told),
        hosts=tuple(sorted({host for way in told for host in way.hosts}))[:MOST_HOSTS],
        incidents=tuple(sorted({rank for way in told for rank in way.incidents})),
        first_seen=seen[0] if seen else None,
        last_seen=seen[1] if seen else None,
        first_looked=over[0] if over else None,
        last_looked=over[1] if over else None,
        lacking=tuple(dict.fromkeys(lack for way in ways for lack in way.lacking)),
        evidence=tuple(dict.fromkeys(p for way in told for p in way.evidence))[:MOST_EVIDENCE],
        past=tuple(note for way in told for note in way.past),
    )


def _ways(con: duckdb.DuckDBPyConnection, pack: Pack, hunt: Hunt, hunted: Hunted) -> Iterator[Way]:
    for name in hunt.detectors:
        yield _by_detector(con, hunted, name, [s for s in hunted.signals if s.detector == name])
    for name in hunt.chains:
        yield _by_chain(con, hunted, hunted.chains[name])
    if hunt.names:
        yield _by_name(con, hunted, frozenset(hunt.names))
    if hunt.indicators:
        yield _by_indicator(con, hunted, hunted.indicators.get(pack.id, frozenset()))
    if hunt.look:
        yield _by_look(con, hunt.look, hunted.labels)


def _by_detector(
    con: duckdb.DuckDBPyConnection, hunted: Hunted, name: str, found: list[assemble.Signal]
) -> Way:
    detector = hunted.detectors[name]
    lacking = tuple(detecting.missing_columns(detector, con))
    return _told(hunted, found, frozenset((*detector.reads, *detector.any_of)), lacking)


def _told(
    hunted: Hunted,
    found: list[assemble.Signal],
    tables: frozenset[str],
    lacking: tuple[str, ...],
) -> Way:
    ids = {signal.signal_id for signal in found}
    proofs = (
        Evidence(hunted.labels.get(file, f"{file:015x}"), line)
        for signal in found
        for file, line in signal.evidence[:1]
    )
    return Way(
        tables,
        lacking,
        len(found),
        tuple(sorted({signal.host_id for signal in found})),
        tuple(i.rank for i in hunted.incidents if ids & {t.signal_id for t in i.traces}),
        _together((s.first_seen, s.last_seen) for s in found),
        tuple(dict.fromkeys(proofs)),
    )


def _by_chain(con: duckdb.DuckDBPyConnection, hunted: Hunted, chain: Chain) -> Way:
    """The incidents that show the chain, by whatever name they are told."""
    tables: set[str] = set()
    lacking: list[str] = []
    for stage in chain.stages:
        own = [hunted.detectors[d] for d in stage.detectors if d in hunted.detectors]
        blind = [detecting.missing_columns(detector, con) for detector in own]
        tables |= {table for d in own for table in (*d.reads, *d.any_of)}
        if stage.required and all(blind):
            lacking += [lack for lacks in blind for lack in lacks]
    shown = [i for i in hunted.incidents if _shows(i, chain)]
    return Way(
        frozenset(tables),
        tuple(dict.fromkeys(lacking)),
        records=len(shown),
        hosts=tuple(sorted({host for i in shown for host in i.hosts})),
        incidents=tuple(i.rank for i in shown),
        seen=_together((i.first_seen, i.last_seen) for i in shown),
        evidence=tuple(proof for i in shown for proof in i.stages[0].evidence[:1]),
    )


def _shows(incident: Incident, chain: Chain) -> bool:
    """Whether the incident holds each stage that the chain needs, none after a later one's end."""
    times = []
    for stage in chain.stages:
        own = [s for s in incident.stages if s.detector in stage.detectors]
        if own:
            last = max(s.last_time or s.time for s in own)
            times.append((min(s.time for s in own), last))
        elif stage.required:
            return False
    slack: timedelta = assemble.ORDER_SLACK
    ordered = all(
        early[0] <= late[1] + slack for n, early in enumerate(times) for late in times[n + 1 :]
    )
    return ordered and len(times) >= chain.minimum


def _by_name(con: duckdb.DuckDBPyConnection, hunted: Hunted, families: frozenset[str]) -> Way:
    """Names that a published algorithm makes: in the events, and in contacts kept of old ones."""
    own = [
        s
        for s in hunted.signals
        if s.detector == PREDICTED and str(s.details.get("algorithm")) in families
    ]
    way = _by_detector(con, hunted, PREDICTED, own)
    met = [m for m in predicted.past_contacts(con) if m.family in families]
    first = predicted.first_kept(con)
    return replace(
        way,
        hosts=tuple(sorted({*way.hosts, *(m.host_id for m in met)})),
        seen=_together([way.seen, *((m.first_seen, m.last_seen) for m in met)]),
        past=tuple(remembered(m) for m in met),
        earliest=datetime.combine(first, datetime.min.time()) if first else None,
    )


def remembered(met: predicted.PastContact) -> Note:
    """A predicted name met in the kept history, in both languages."""
    host = met.host_id.partition("/")[2]
    days = f"{met.first_seen:%Y-%m-%d} - {met.last_seen:%Y-%m-%d}"
    season = "in its own week" if met.in_season else "not in its own week"
    season_ja = "該当週" if met.in_season else "該当週ではない"
    return Note(
        f"{host} was in contact with {met.destination} ({met.family}) on {met.days} days, {days}, "
        f"{season}; the events have left the lake",
        f"{host} が {met.destination}（{met.family}）と {met.days} 日通信（{days}、{season_ja}）。"
        f"イベントは保存期間を過ぎた",
    )


def _by_indicator(con: duckdb.DuckDBPyConnection, hunted: Hunted, written: frozenset[str]) -> Way:
    own = [
        s for s in hunted.signals if s.detector == INDICATED and s.details.get("said") in written
    ]
    return _by_detector(con, hunted, INDICATED, own)


def _by_look(con: duckdb.DuckDBPyConnection, look: Look, labels: Mapping[int, str]) -> Way:
    """Records whose column matches; a lead, never an alert."""
    table, column = quoted(look.table), quoted(look.column)
    filled = f"SELECT 1 FROM {table} WHERE {column} IS NOT NULL LIMIT 1"
    if not con.execute(filled).fetchall():
        return Way(frozenset({look.table}), (f"{look.table}.{look.column}",), alerts=False)
    ((records, hosts, first, last, proofs),) = con.execute(
        f"SELECT count(*), list_sort(list(DISTINCT host_id))[:{MOST_HOSTS}], min(time), max(time), "
        f"list((file_id, record_no) ORDER BY time, file_id, record_no)[:{MOST_EVIDENCE}] "
        f"FROM {table} WHERE regexp_matches({column}, ?)",
        [look.pattern],
    ).fetchall()
    return Way(
        frozenset({look.table}),
        records=int(records),
        hosts=tuple(host for host in hosts or () if host),
        seen=(first, last) if first else None,
        evidence=tuple(Evidence(labels.get(f, f"{f:015x}"), int(n)) for f, n in proofs or ()),
        alerts=False,
    )


def _covered(way: Way, span: assemble.Span) -> Iterator[Times]:
    yield from (span.tables[table] for table in way.tables if table in span.tables)
    if way.earliest:
        yield way.earliest, way.earliest


def _together(times: Iterable[Times | None]) -> Times | None:
    """From the first of the times to the last."""

    def wider(one: Times | None, other: Times | None) -> Times | None:
        if one is None or other is None:
            return one or other
        return min(one[0], other[0]), max(one[1], other[1])

    return reduce(wider, times, None)


def written(indicators: Iterable[known_indicators.Indicator]) -> frozenset[str]:
    """How indicators are written, as signals name them."""
    return frozenset(indicator.said for indicator in indicators)
