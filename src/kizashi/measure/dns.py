"""How many infected host-days the DNS detectors find, and how often they blame an honest host.

`kizashi measure dns --lake DIR --names DIR` lays honest failures over a lake's hosts (dead links,
mistypings, a mail gateway, a link checker, a name filter, expired hosts of content networks), then
20 failed names of one algorithm and the one that resolves over some host-days, runs the detectors'
own SQL and weighs their signals as a hunt does. Nothing is written to the lake. With `--folds`
(`python -m training.train ... --folds DIR`) each family is judged by a model that never saw it.
With `--evidence flow` the host's requests to the name that resolved are logged as well, with
`process` also which program asks.
"""

from __future__ import annotations

import json
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from kizashi import detectors as detecting
from kizashi import entities, names, pipeline
from kizashi.chains import scoring
from kizashi.errors import UsageError
from kizashi.measure.beacons import Machine, machines
from kizashi.names.model import Model, unpacked

DETECTORS = (
    "dns_nxdomain_burst",
    "dns_nxdomain_ratio",
    "dns_random_names",
    "dns_rotated_label",
    "dns_set_replaced",
)
# What is logged beside the names and their answers; each holds the one before.
EVIDENCE = ("name", "flow", "process")
IMPLANT = r"C:\Windows\System32\rundll32.exe"
BROWSER = r"C:\Program Files\Browser\browser.exe"
SERVER = "203.0.113.200"
REQUESTS, REQUEST_GAP_S = 6, 600.0
DERIVED = (
    "forwarded",
    "failure_answer",
    "rewritten",
    "own_dns_activity",
    "seen_name",
    "name",
    "baseline",
    "dns_fact",
    "failed_lookup",
)
OVERLAID = ("dns_activity", "http_activity")
FAILED_NAMES = 20
PACES = (5.0, 60.0, 600.0)  # seconds from name to name
MOST_SHARE = 0.04  # of the host-days that carry an infection in one run
MEDIUM = dict(scoring.SEVERITIES)["medium"]
HEX_LENGTH, LETTER_LENGTH = 8, 8
LINK_PAGE, FILTERED = (8, 15), 60
GATEWAY_NAMES, GATEWAY_FAILS, CHECKER_NAMES = 120, 0.3, 200
PROBES = ("www.", "", "", "mail.", "img.")


class Names(NamedTuple):
    """What is drawn from: algorithmic names by family, honest ones by kind."""

    families: dict[str, list[str]]
    honest: dict[str, list[str]]


class Trial(NamedTuple):
    """One infected host-day: 20 names that fail and the one that resolves."""

    family: str
    pace_s: float
    machine: Machine
    begin: datetime
    failed: tuple[str, ...]
    resolved: str

    @property
    def end(self) -> datetime:
        return self.begin + timedelta(seconds=self.pace_s * len(self.failed))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the trials of one family and pace."""

    family: str
    pace_s: float
    trials: int
    found: int  # an incident of medium or above from DNS alone
    named: int  # the one that resolved is told
    misnamed: int  # another name is


@dataclass(frozen=True, slots=True)
class Report:
    """Outcomes, and the honest host-days that were blamed, by detector."""

    outcomes: tuple[Outcome, ...]
    host_days: float
    blamed: Mapping[str, int]
    examples: tuple[str, ...]


def load(folder: Path) -> Names:
    """Names of a folder with domains_train.parquet and domains_valid.parquet; honest ones from the
    latter alone, which no model is trained on."""
    if not (folder / "domains_valid.parquet").exists():
        raise UsageError(f"{folder}: has no domains_valid.parquet")
    con = duckdb.connect()
    rows = con.execute(
        "SELECT family, list(domain ORDER BY hash(domain))[:4000] "
        "FROM read_parquet(?) WHERE label = 1 GROUP BY family ORDER BY family",
        [[str(folder / f"domains_{split}.parquet") for split in ("train", "valid")]],
    ).fetchall()
    honest = con.execute(
        "SELECT family, list(domain ORDER BY hash(domain)) FROM read_parquet(?) "
        "WHERE label = 0 AND contains(domain, '.') GROUP BY family ORDER BY family",
        [str(folder / "domains_valid.parquet")],
    ).fetchall()
    return Names(dict(rows), dict(honest))


def mistyped(name: str, chance: Random) -> str:
    """A name with one letter of its first label lost, doubled or swapped with the next."""
    label, dot, rest = name.partition(".")
    at = chance.randrange(max(1, len(label) - 1))
    way = chance.choice(("lost", "doubled", "swapped"))
    if way == "lost":
        label = label[:at] + label[at + 1 :] or label
    elif way == "doubled":
        label = label[: at + 1] + label[at:]
    else:
        label = label[:at] + label[at + 1 : at + 2] + label[at : at + 1] + label[at + 2 :]
    return label + dot + rest


class Honest:
    """Failures that honest life brings, over the machines of a lake."""

    def __init__(self, given: Names, chance: Random) -> None:
        self._given, self._chance = given, chance
        self._popular = given.honest["popular"]
        self._dead = [*self._popular, *given.honest["hsts"], *given.honest["dynamic_dns_zone"]]
        self._filtered = chance.sample(given.honest["umbrella_fqdn"], FILTERED)

    def rows(self, found: Sequence[Machine]) -> Iterator[dict[str, object]]:
        """Failed look-ups, and some that resolve."""
        gateways = self._first_of_each_site(found)
        for number, machine in enumerate(found):
            reads_chinese = self._chance.random() < 0.05
            asks_reputation = self._chance.random() < 0.3
            for start, end in self._days(machine):
                for name in self._desk(reads_chinese, asks_reputation):
                    yield row(machine, self._moment(start, end), name)
                if self._chance.random() < 0.02:
                    yield from self._page(machine, self._moment(start, end), range(*LINK_PAGE))
                if machine in gateways:
                    yield from self._gateway(machine, start, end)
                if number == len(found) // 2 and start.weekday() == 0:
                    yield from self._page(machine, start, range(CHECKER_NAMES, CHECKER_NAMES + 1))

    def _desk(self, reads_chinese: bool, asks_reputation: bool) -> Iterator[str]:
        """What a person's machine fails on in a day."""
        chance, honest = self._chance, self._given.honest
        for _ in range(_poisson(chance, 1.0)):
            yield mistyped(chance.choice(self._popular), chance)
        for _ in range(_poisson(chance, 1.0)):
            yield chance.choice(PROBES) + chance.choice(self._dead)
        for _ in range(_poisson(chance, 4.0) if reads_chinese else 0):
            yield chance.choice(PROBES) + chance.choice(honest["china"])
        if asks_reputation:
            for _ in range(_poisson(chance, 6.0)):
                yield chance.choice(honest["synth_av_lookup"])
        if chance.random() < 0.1:
            yield from chance.sample(honest["synth_cdn"], chance.randint(1, 4))
        yield from chance.sample(self._filtered, chance.randint(0, 12))

    def _page(self, machine: Machine, at: datetime, sizes: range) -> Iterator[dict[str, object]]:
        """A page, or a link checker's list, most of whose links are dead."""
        for _ in range(self._chance.choice(sizes)):
            at += timedelta(seconds=self._chance.uniform(0.05, 2))
            yield row(machine, at, self._chance.choice(PROBES) + self._chance.choice(self._dead))

    def _gateway(
        self, machine: Machine, start: datetime, end: datetime
    ) -> Iterator[dict[str, object]]:
        """A mail gateway looks senders up, many of whom do not exist, and block lists."""
        chance, honest = self._chance, self._given.honest
        senders = [*honest["disposable_mail"], *honest["tranco_new"], *honest["hsts"]]
        for name in chance.sample(senders, GATEWAY_NAMES):
            fails = chance.random() < GATEWAY_FAILS
            yield row(machine, self._moment(start, end), name, None if fails else "192.0.2.80")
        for kind in ("synth_dnsbl", "synth_dkim", "synth_rdns"):
            for name in chance.sample(honest[kind], 20):
                yield row(machine, self._moment(start, end), name)

    def _days(self, machine: Machine) -> Iterator[tuple[datetime, datetime]]:
        """The longest stretch of each day."""
        by_day: dict[object, tuple[datetime, datetime]] = {}
        for start, end in machine.stretches:
            while start < end:
                stop = min(end, start.replace(hour=0, minute=0, second=0) + timedelta(days=1))
                low, high = by_day.get(start.date(), (start, start))
                if stop - start > high - low:
                    by_day[start.date()] = (start, stop)
                start = stop
        yield from by_day.values()

    def _moment(self, start: datetime, end: datetime) -> datetime:
        return start + (end - start) * self._chance.random()

    @staticmethod
    def _first_of_each_site(found: Sequence[Machine]) -> list[Machine]:
        first: dict[str, Machine] = {}
        for machine in sorted(found, key=lambda m: (-m.hours_a_day, m.host_id)):
            first.setdefault(machine.site, machine)
        return list(first.values())


def _poisson(chance: Random, mean: float) -> int:
    count, left = 0, chance.expovariate(mean)
    while left < 1:
        count, left = count + 1, left + chance.expovariate(mean)
    return count


def row(machine: Machine, at: datetime, name: str, answer: str | None = None) -> dict[str, object]:
    """One look-up as a sensor logs it."""
    return {
        "site": machine.site,
        "host_id": machine.host_id,
        "time": at,
        "query": name,
        "query_type": "A",
        "rcode": "NOERROR" if answer else "NXDOMAIN",
        "answers": [answer] if answer else None,
    }


def infections(
    families: Mapping[str, Sequence[str]],
    found: Sequence[Machine],
    each: int,
    chance: Random,
) -> list[Trial]:
    """`each` trials of every family at each pace, on host-days of their own, as far as its names
    go: no name is used twice, or hosts would seem to share a fault."""
    trials = []
    for family, made in families.items():
        left = iter(made)
        for pace_s in PACES * each:
            drawn = tuple(islice(left, FAILED_NAMES + 1))
            if len(drawn) <= FAILED_NAMES:
                break
            machine, begin = _place(found, pace_s, chance)
            trials.append(Trial(family, pace_s, machine, begin, drawn[:-1], drawn[-1]))
    return trials


def _place(found: Sequence[Machine], pace_s: float, chance: Random) -> tuple[Machine, datetime]:
    needed = timedelta(seconds=pace_s * (FAILED_NAMES + 1))
    while True:
        machine = chance.choice(found)
        fit = [(low, high) for low, high in machine.stretches if high - low > needed]
        if fit:
            low, high = chance.choice(fit)
            return machine, low + (high - low - needed) * chance.random()


def infected_rows(trials: Iterable[Trial], chance: Random) -> Iterator[dict[str, object]]:
    """The look-ups of the trials: the gaps vary by half."""
    for trial in trials:
        at = trial.begin
        for name in trial.failed:
            yield row(trial.machine, at, name)
            at += timedelta(seconds=trial.pace_s * chance.uniform(0.5, 1.4))
        yield row(trial.machine, at, trial.resolved, SERVER)


def requests(looked_up: Iterable[Mapping[str, object]]) -> Iterator[dict[str, object]]:
    """Small posts to each name that resolved, from a second after its look-up on."""
    for found in looked_up:
        at = found["time"]
        if not found["answers"] or not isinstance(at, datetime):
            continue
        for number in range(REQUESTS):
            yield {
                "site": found["site"],
                "host_id": found["host_id"],
                "time": at + timedelta(seconds=1 + number * REQUEST_GAP_S),
                "host": found["query"],
                "uri": "/a",
                "method": "POST",
                "server_ip": SERVER,
                "server_port": 80,
                "request_body_bytes": 400,
                "response_body_bytes": 20,
            }


def asked_by(
    looked_up: Iterable[dict[str, object]], evidence: str, program: str = BROWSER
) -> list[dict[str, object]]:
    """The look-ups with the program that asked, where that is logged; it runs once on each host."""
    if evidence != "process":
        return list(looked_up)
    return [
        {**found, "image": program, "process_guid": f"{program} {found['host_id']}"}
        for found in looked_up
    ]


def measure(
    lake: Path,
    folder: Path,
    folds: Path | None,
    each: int,
    seed: int,
    only: str | None = None,
    evidence: str = EVIDENCE[0],
) -> Report:
    """Every family over one lake. UsageError when the lake has no hosts."""
    if evidence not in EVIDENCE:
        raise UsageError(f"no evidence {evidence!r}. One of: {', '.join(EVIDENCE)}")
    given = load(folder)
    outcomes: list[Outcome] = []
    blamed: dict[str, int] = defaultdict(int)
    examples: list[str] = []
    drawn = list(runs(given, folds, only))
    with pipeline.open_settled(lake) as con:
        hosts = clients(con)
        if not hosts:
            raise UsageError(f"{lake}: tells of no host that was on")
        days = host_days(con)
        con.execute(detecting.signal_table_sql())
        keep_own(con, evidence)
        for number, (chosen, families) in enumerate(drawn):
            names.install_grades(con, chosen)
            # Each run has honest life of its own, so that its host-days count.
            honest = Honest(given, Random(f"life {seed}/{number}"))
            life = asked_by(honest.rows(hosts), evidence)
            derive(con, life)
            known = chances(con, days)
            for host, day, name, weight, told in _told(con, known):
                if weight >= MEDIUM:
                    blamed[name] += 1
                    examples.append(f"{host} {day} {name} {told}")
            chance = Random(f"{seed}/{number}")
            trials = infections(families, hosts, each, chance)
            most = max(1, int(days * MOST_SHARE))
            chance.shuffle(trials)
            for part in apart(trials, most):
                bad = asked_by(infected_rows(part, chance), evidence, IMPLANT)
                derive(con, [*life, *bad], [] if evidence == EVIDENCE[0] else list(requests(bad)))
                detect(con)
                outcomes += _outcomes(con, part, known)
    return Report(
        tuple(_summed(outcomes)),
        days * len(drawn),
        dict(blamed),
        tuple(examples),
    )


def apart(trials: Sequence[Trial], most: int) -> Iterator[list[Trial]]:
    """The trials in parts of at most `most`, no two of a part on one host within two days: two
    implants would be told as one."""
    left = list(trials)
    while left:
        part: list[Trial] = []
        rest: list[Trial] = []
        for trial in left:
            near = any(
                trial.machine.host_id == other.machine.host_id
                and abs(trial.begin - other.begin) < timedelta(days=2)
                for other in part
            )
            (rest if near or len(part) >= most else part).append(trial)
        yield part
        left = rest


def host_days(con: duckdb.DuckDBPyConnection) -> float:
    """Days on which each host was on, together."""
    counted = "SELECT count(*) FROM (SELECT DISTINCT host_id, day FROM uptime)"
    ((days,),) = con.execute(counted).fetchall()
    return float(days)


def clients(con: duckdb.DuckDBPyConnection) -> list[Machine]:
    """The machines that answer nobody: a resolver asks for its clients and is never blamed."""
    servers = {
        host
        for (host,) in con.execute(
            "SELECT DISTINCT host_id FROM dns_activity "
            "WHERE client_ip IN (SELECT server_ip FROM dns_activity)"
        ).fetchall()
    }
    return [machine for machine in machines(con) if machine.host_id not in servers]


def runs(
    given: Names, folds: Path | None, only: str | None
) -> Iterator[tuple[Model | None, dict[str, list[str]]]]:
    """Models, each with the families that it is to judge."""
    families = {f: made for f, made in given.families.items() if only in (None, f)}
    if folds is None:
        yield None, families
        return
    for name, unseen in json.loads((folds / "unseen.json").read_text("utf-8")).items():
        mine = {family: families[family] for family in unseen if family in families}
        if mine:
            with np.load(BytesIO((folds / name).read_bytes())) as packed:
                yield unpacked({key: packed[key] for key in packed.files}), mine


def keep_own(
    con: duckdb.DuckDBPyConnection, evidence: str, overlaid: Sequence[str] = OVERLAID
) -> None:
    """Set the lake's own rows of the tables that are overlaid aside as lake_<table>."""
    for name in overlaid:
        con.execute(f"CREATE TEMP TABLE lake_{name} AS FROM {name}")
        con.execute(f"DROP VIEW IF EXISTS {name}")
        con.execute(f"CREATE TABLE {name} AS FROM lake_{name}")
    if evidence == "process":
        con.execute(
            "UPDATE lake_dns_activity SET image = $1, process_guid = $1 || ' ' || host_id "
            "WHERE process_guid IS NULL",
            [BROWSER],
        )


def overlay(con: duckdb.DuckDBPyConnection, table: str, extra: Sequence[dict[str, object]]) -> None:
    """An event table made anew from the lake's own rows and these."""
    con.execute(f"CREATE OR REPLACE TABLE {table} AS FROM lake_{table}")
    if not extra:
        return
    con.register("extra_rows", pa.Table.from_pylist(list(extra)))
    con.execute(
        f"INSERT INTO {table} BY NAME "
        "SELECT *, bucket_of(host_id) AS bucket, 'measure' AS source, 'sensor' AS vantage, "
        "'measure' AS clock_id, 0::UBIGINT AS file_id, "
        "row_number() OVER ()::UBIGINT AS record_no FROM extra_rows"
    )
    con.unregister("extra_rows")


def derive(
    con: duckdb.DuckDBPyConnection,
    looked_up: Sequence[dict[str, object]],
    spoken: Sequence[dict[str, object]] = (),
    connected: Sequence[dict[str, object]] = (),
    besides: Sequence[str] = ("contact",),
) -> None:
    """Lay look-ups, requests and connections over the lake, and derive what reads them; `besides`
    where there are requests."""
    overlay(con, "dns_activity", looked_up)
    overlay(con, "http_activity", spoken)
    if connected:
        overlay(con, "network_activity", connected)
    for name in (*DERIVED, *(besides if spoken else ())):
        entities.create(con, name)
    con.execute("DELETE FROM signal")


def detect(
    con: duckdb.DuckDBPyConnection, known: Mapping[str, detecting.Detector] | None = None
) -> None:
    """Run these detectors, or those of DNS, where they can look."""
    for detector in (known or _of_dns()).values():
        if not detecting.missing_columns(detector, con):
            detecting.run(detector, con)


def _of_dns() -> dict[str, detecting.Detector]:
    return {name: d for name, d in detecting.detectors().items() if name in DETECTORS}


def chances(con: duckdb.DuckDBPyConnection, days: float) -> dict[str, scoring.Chance]:
    """How often each detector of DNS speaks on honest life."""
    detect(con)
    return {name: _chance(con, detector, days) for name, detector in _of_dns().items()}


def _chance(
    con: duckdb.DuckDBPyConnection, detector: detecting.Detector, days: float
) -> scoring.Chance:
    fired = con.execute(
        "SELECT max(confidence) AS best FROM signal WHERE detector = ? "
        "GROUP BY host_id, first_seen::DATE ORDER BY best",
        [detector.id],
    ).fetchall()
    prior = detector.chance
    fired_as = tuple(best for (best,) in fired)
    return scoring.Chance(prior.per_host_day, prior.host_days, fired_as, days)


def _told(
    con: duckdb.DuckDBPyConnection, chances: Mapping[str, scoring.Chance]
) -> Iterator[tuple[str, object, str, float, str]]:
    """(host, day, detector, weight, details) of the heaviest signal of each host-day."""
    rows = con.execute(
        "SELECT host_id, first_seen::DATE, detector, confidence, details FROM signal ORDER BY ALL"
    ).fetchall()
    best: dict[tuple[str, object], tuple[float, str, str]] = {}
    for host, day, name, confidence, details in rows:
        weight = scoring.weight(chances[name], confidence, 1)
        best[host, day] = max(best.get((host, day), (0.0, "", "")), (weight, name, details))
    for (host, day), (weight, name, details) in sorted(best.items(), key=str):
        yield host, day, name, weight, details


def _outcomes(
    con: duckdb.DuckDBPyConnection, trials: Sequence[Trial], chances: Mapping[str, scoring.Chance]
) -> Iterator[Outcome]:
    rows = con.execute(
        "SELECT host_id, first_seen, last_seen, detector, confidence, destination FROM signal "
        "ORDER BY ALL"
    ).fetchall()
    by_host: dict[str, list[tuple[datetime, datetime, str, float, str | None]]] = defaultdict(list)
    for host, *told in rows:
        by_host[host].append(tuple(told))
    for trial in trials:
        own = [
            (scoring.weight(chances[name], confidence), destination)
            for first, last, name, confidence, destination in by_host[trial.machine.host_id]
            if first <= trial.end and last >= trial.begin
        ]
        destinations = {destination for _weight, destination in own if destination}
        yield Outcome(
            trial.family,
            trial.pace_s,
            1,
            int(max((weight for weight, _d in own), default=0.0) >= MEDIUM),
            int(trial.resolved in destinations),
            int(bool(destinations - {trial.resolved})),
        )


def _summed(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    cells: dict[tuple[str, float], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        cells[outcome.family, outcome.pace_s].append(outcome)
    for (family, pace_s), each in sorted(cells.items()):
        yield Outcome(
            family,
            pace_s,
            len(each),
            sum(o.found for o in each),
            sum(o.named for o in each),
            sum(o.misnamed for o in each),
        )


def kinds(path: Path | None, families: Iterable[str]) -> dict[str, str]:
    """The class of each family by a TOML table of lists; those in none are random."""
    table = tomllib.loads(path.read_text("utf-8")) if path else {}
    listed = {family: name for name, own in table.items() for family in own}
    return {family: listed.get(family, "random") for family in families}
