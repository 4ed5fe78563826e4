"""How the DNS detectors fare at the paces of known algorithms, from 1,660 names a minute to five a
day.

`kizashi measure dns --regimes` lays one search of each family and regime over a lake's hosts. The
loud and the slow ones are judged from DNS alone, as in `dns`. Five names a day, and a search that
ends at its third name, leave too few names: these are judged as incidents, with what the implant
does besides laid over too, its program's look-ups and connections and its hourly posts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

import duckdb

from kizashi import detectors as detecting
from kizashi import names, pipeline
from kizashi.chains import assemble, chains, scoring
from kizashi.errors import UsageError
from kizashi.measure import dns
from kizashi.measure.beacons import Machine

DAY = timedelta(days=1)
POST_GAP_S, POST_DAYS = 3600.0, 4
PROGRAM = r"C:\Users\user\AppData\Roaming\Media\sync.exe"
# Read for the two regimes that DNS alone cannot carry.
BESIDES = (
    "dns_odd_program",
    "process_user_path_connects",
    "http_beacon",
    "http_small_posts",
    "http_odd_client",
    "network_beacon",
)
DERIVED = (
    "contact",
    "rhythm",
    "judged_rhythm",
    "rhythm_proof",
    "destination_rank",
    "person",
    "message",
)


class Regime(NamedTuple):
    """How many names fail, how fast, and on how many days; `alone` where DNS has to do."""

    name: str
    failed: int
    gap_s: float
    must: float
    days: int = 1
    alone: bool = True


REGIMES = (
    Regime("1,660 names a minute", 200, 60 / 1660, 0.98),
    Regime("12 names a minute", 60, 5, 0.98),
    Regime("1 name a minute", 60, 60, 0.98),
    Regime("1 name in 10 minutes over a day", 48, 600, 0.98),
    Regime("5 names a day over a week", 5, 1800, 0.70, days=7, alone=False),
    Regime("a hit at the 3rd name", 2, 20, 0.70, alone=False),
)


@dataclass(frozen=True, slots=True)
class Search:
    """One search of a family on one machine: its look-ups in order, the last of which resolves."""

    regime: Regime
    family: str
    machine: Machine
    moments: tuple[datetime, ...]
    asked: tuple[str, ...]

    @property
    def resolved(self) -> str:
        """The name that answers."""
        return self.asked[-1]


class Found(NamedTuple):
    """What became of the searches of a regime."""

    regime: Regime
    searches: int
    found: int
    missed: tuple[str, ...]  # families


def searches(
    regime: Regime,
    families: Mapping[str, Sequence[str]],
    machines: Sequence[Machine],
    chance: Random,
) -> Iterator[Search]:
    """One for each family that has names enough."""
    for family, made in families.items():
        asked = tuple(islice(made, regime.failed * regime.days + 1))
        if len(asked) <= regime.failed * regime.days:
            continue
        placed = _placed(regime, machines, chance)
        if placed:
            machine, moments = placed
            yield Search(regime, family, machine, moments, asked)


def _placed(
    regime: Regime, machines: Sequence[Machine], chance: Random
) -> tuple[Machine, tuple[datetime, ...]] | None:
    """A machine that is on for long enough, and the moments of the look-ups."""
    needed = timedelta(seconds=regime.gap_s * (regime.failed + 1))
    for machine in chance.sample(list(machines), len(machines)):
        fit = [s for s in machine.stretches if s[1] - s[0] > needed + timedelta(minutes=5)]
        days = sorted({low.date(): (low, high) for low, high in fit}.values())
        if len(days) < regime.days + (0 if regime.alone else POST_DAYS):
            continue
        first = chance.randrange(len(days) - regime.days + 1)
        if not regime.alone:
            first = min(first, len(days) - regime.days - POST_DAYS)
        moments: list[datetime] = []
        for low, high in days[first : first + regime.days]:
            at = low + (high - low - needed) * chance.random()
            for _ in range(regime.failed):
                moments.append(at)
                at += timedelta(seconds=regime.gap_s * chance.uniform(0.5, 1.4))
        return machine, (*moments, at)
    return None


def look_ups(search: Search) -> Iterator[dict[str, object]]:
    """The rows of a search; its program is logged where DNS need not carry it alone."""
    for at, name in zip(search.moments, search.asked, strict=True):
        found = dns.row(search.machine, at, name, dns.SERVER if name == search.resolved else None)
        if not search.regime.alone:
            found |= {"process_guid": f"{PROGRAM} {search.machine.host_id}", "image": PROGRAM}
        yield found


def posts(search: Search) -> Iterator[dict[str, object]]:
    """An hourly post to the name that answered, while the machine is on."""
    begin = search.moments[-1] + timedelta(seconds=1)
    for low, high in search.machine.stretches:
        at = max(low, begin)
        while at < min(high, begin + POST_DAYS * DAY):
            yield {
                "site": search.machine.site, "host_id": search.machine.host_id, "time": at,
                "host": search.resolved, "uri": "/a", "method": "POST", "server_ip": dns.SERVER,
                "server_port": 80, "request_body_bytes": 400, "response_body_bytes": 20,
            }  # fmt: skip
            at += timedelta(seconds=POST_GAP_S)


def connections(looked_up: Sequence[Mapping[str, object]]) -> Iterator[dict[str, object]]:
    """What the endpoint says of the posts: the program and the address."""
    for post in looked_up:
        yield {
            "site": post["site"], "host_id": post["host_id"], "time": post["time"],
            "server_ip": post["server_ip"], "server_port": post["server_port"],
            "transport": "tcp", "initiated": True, "image": PROGRAM,
            "process_guid": f"{PROGRAM} {post['host_id']}",
        }  # fmt: skip


def measure(
    lake: Path,
    folder: Path,
    folds: Path | None,
    seed: int,
    step: Callable[[str], None] = lambda said: None,
) -> list[Found]:
    """Every regime over one lake, each family judged by a model that never saw it."""
    given = dns.load(folder)
    told: dict[Regime, list[tuple[str, bool]]] = {regime: [] for regime in REGIMES}
    with pipeline.open_settled(lake) as con:
        hosts = dns.clients(con)
        if not hosts:
            raise UsageError(f"{lake}: tells of no host that was on")
        days = dns.host_days(con)
        con.execute(detecting.signal_table_sql())
        dns.keep_own(con, dns.EVIDENCE[0], (*dns.OVERLAID, "network_activity"))
        life = list(dns.Honest(given, Random(seed)).rows(hosts))
        for number, (chosen, families) in enumerate(dns.runs(given, folds, None)):
            names.install_grades(con, chosen)
            dns.derive(con, life)
            chances = dns.chances(con, days)
            chance = Random(f"{seed}/{number}")
            for regime in REGIMES:
                drawn = list(searches(regime, families, hosts, chance))
                for part in _apart(drawn, max(1, int(days * dns.MOST_SHARE))):
                    judge = _alone if regime.alone else _together
                    told[regime] += judge(con, part, life, chances, days)
                step(f"{number} {regime.name}")
    return [
        Found(
            regime,
            len(own),
            sum(found for _family, found in own),
            tuple(sorted(family for family, found in own if not found)),
        )
        for regime, own in told.items()
    ]


def _apart(drawn: Sequence[Search], most: int) -> Iterator[list[Search]]:
    """The searches in parts of at most `most`, each on a machine of its own."""
    left = list(drawn)
    while left:
        part: dict[str, Search] = {}
        rest = []
        for search in left:
            if search.machine.host_id in part or len(part) >= most:
                rest.append(search)
            else:
                part[search.machine.host_id] = search
        yield list(part.values())
        left = rest


def _alone(
    con: duckdb.DuckDBPyConnection,
    part: Sequence[Search],
    life: Sequence[dict[str, object]],
    chances: Mapping[str, scoring.Chance],
    _days: float,
) -> Iterator[tuple[str, bool]]:
    """Whether one signal of DNS reaches medium on the machine of each search."""
    dns.derive(con, [*life, *(found for search in part for found in look_ups(search))])
    dns.detect(con)
    rows = con.execute(
        "SELECT host_id, first_seen, last_seen, detector, confidence FROM signal ORDER BY ALL"
    ).fetchall()
    for search in part:
        weights = [
            scoring.weight(chances[detector], confidence)
            for host, first, last, detector, confidence in rows
            if host == search.machine.host_id
            and first <= search.moments[-1]
            and last >= search.moments[0]
        ]
        yield search.family, max(weights, default=0.0) >= dns.MEDIUM


def _together(
    con: duckdb.DuckDBPyConnection,
    part: Sequence[Search],
    life: Sequence[dict[str, object]],
    _chances: Mapping[str, scoring.Chance],
    days: float,
) -> Iterator[tuple[str, bool]]:
    """Whether an incident of medium or above tells of the name that answered, or of those that
    failed, on the machine of each search."""
    spoken = [post for search in part for post in posts(search)]
    looked_up = [found for search in part for found in look_ups(search)]
    dns.derive(con, [*life, *looked_up], spoken, list(connections(spoken)), DERIVED)
    known = {n: d for n, d in detecting.detectors().items() if n in (*dns.DETECTORS, *BESIDES)}
    dns.detect(con, known)
    assemble.set_wild_aside(con, days)
    assemble.align(con)
    found = assemble.signals(con)
    span = assemble.Span({}, days)
    facts = pipeline.detector_facts(known)
    incidents = assemble.assemble(found, assemble.tie(con), facts, chains(), span, {}).incidents
    for search in part:
        own = [
            incident
            for incident in incidents
            if incident.severity != "low"
            and (search.resolved in incident.destinations or dns.SERVER in incident.destinations)
            and any(host in search.machine.host_id for host in incident.hosts)
        ]
        yield search.family, bool(own)
