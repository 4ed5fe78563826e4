"""Whether chains hold up: attacks laid over a lake, hunted, and judged against what was planted.

`kizashi measure chains` makes an emulated organisation once, and for each attack a lake that holds
the organisation and that attack's own raw logs. The hunt is the product's own, from raw logs to
incidents. What an incident shows is told by its evidence: file and line of planted records.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from functools import lru_cache
from math import inf
from pathlib import Path
from random import Random
from typing import NamedTuple

from kizashi import config as settings
from kizashi import pipeline, schema
from kizashi.config import Config
from kizashi.incidents import Evidence, HuntResult, Incident
from kizashi.measure import calibration, remote
from kizashi.measure.attack import SCENARIOS, Attack, Plan, plant
from kizashi.measure.beacons import wilson
from kizashi.measure.campaign import draw
from kizashi.measure.events import Event, digest
from kizashi.measure.generate import config_text, divisions, raw_files, write_text
from kizashi.measure.kept import Kept
from kizashi.measure.office import live
from kizashi.measure.organisation import Host, build
from kizashi.measure.recorder import Recorder
from kizashi.measure.variants import ADDRESSES, CLOCKS, WHOLE, Variant, half
from kizashi.measure.workday import Session, Sessions

MEDIUM = ("critical", "high", "medium")
HIGH = ("critical", "high")
# Each step of a scenario leaves no trace with this chance.
MISSING = 0.2
# Settled days before an attack, and days left after it for the theft to be slow.
DAYS_BEFORE, DAYS_AFTER = 3, 4
EMPTY_LAKE_DAYS = 3
# Ways of losing half of the logs: all of them in one organisation, else two in each.
HALVES = 12
HALVES_EACH = 2
FIRST_RECORD = 5_000_001


class Size(NamedTuple):
    """How much is measured."""

    organisations: int
    hosts: tuple[int, ...]
    days: int
    attacks: int


QUICK = Size(1, (50,), 14, 60)
LARGE = Size(10, (50, 60, 75, 90, 110, 140, 180, 240, 340, 500), 14, 200)
# Lakes of a variant take long to make, so a few organisations are seen so.
SEEN_OTHERWISE = 3


@dataclass(frozen=True, slots=True)
class Ground:
    """One organisation's ordinary life, in memory, and where its lakes lie. A large one has further
    divisions; attacks are planted in the first."""

    number: int
    folder: Path
    recorder: Recorder
    sessions: Sessions
    divisions: tuple[Recorder, ...] = ()

    def lake(self, variant: Variant) -> Path:
        """Where the lake of a variant lies; one of other tables is another."""
        shape = digest(repr(schema.tables()), 8)
        hosts = sum(len(r.organisation.hosts) for r in (self.recorder, *self.divisions))
        return self.folder / f"{self.number}-{hosts}-{variant.name}-{shape}"

    @property
    def config(self) -> Config:
        return settings.load(self.folder / f"{self.number}.toml")


@dataclass(frozen=True, slots=True)
class Job:
    """One hunt: which organisation, seen how, under which attacks, and how it is judged."""

    row: str
    number: int
    ground: int
    variant: Variant
    scenario: int = 1
    attacks: int = 1
    cut: bool = False  # the logs end when the theft begins
    whole: bool = False  # every step leaves its traces


@dataclass(slots=True)
class Verdict:
    """What one hunt showed."""

    job: Job
    good: bool
    why: str = ""
    links: int = 0
    wrong_links: int = 0
    linking_s: float = 0.0
    hunt_s: float = 0.0
    steps_logged: list[str] = field(default_factory=list)
    steps_shown: list[str] = field(default_factory=list)
    rank: int = 0
    misordered: bool = False
    blamed: str = ""


@lru_cache(maxsize=1)
def ground(seed: int, folder: Path, number: int, hosts: int, days: int, swaps: bool) -> Ground:
    """An organisation and its ordinary life; the same on each call."""
    lives, config = [], []
    for division, share in enumerate(divisions(hosts)):
        organisation = build(seed + number + 1000 * division, days, share, division)
        recorder = Recorder(organisation, swaps)
        sessions = Sessions(recorder)
        live(recorder, sessions)
        remote.live(recorder, sessions)
        lives.append((recorder, sessions))
        config.append(config_text(organisation.sites, _root(division)))
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / f"{number}.toml", "\n".join(config))
    return Ground(number, folder, *lives[0], tuple(recorder for recorder, _ in lives[1:]))


def _root(division: int) -> str:
    """The folder of a division's logs."""
    return f"division-{division + 1}/" if division else ""


def prepare(here: Ground, variant: Variant) -> None:
    """The lake of the organisation as a variant sees it, settled; made once."""
    lake = here.lake(variant)
    if lake.exists():
        return
    unfinished = lake.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    for division, recorder in enumerate((here.recorder, *here.divisions)):
        changed = [e for event in recorder.events if (e := variant.change(event))]
        files, _places = raw_files(recorder.organisation, changed, mbox=True)
        _read(here, unfinished, {_root(division) + name: text for name, text in files.items()})
    with pipeline.open_settled(unfinished):
        pass
    unfinished.rename(lake)


def _read(here: Ground, lake: Path, files: Mapping[str, str]) -> None:
    """Read raw logs, by name, into a lake."""
    logs = lake.with_suffix(".logs")
    for name, text in files.items():
        write_text(logs / name, text)
    if files:
        for line in pipeline.read(lake, [logs], here.config):
            if line.duplicate or line.rejected or not line.source:
                raise RuntimeError(f"a planted record was not read: {line}")
    shutil.rmtree(logs, ignore_errors=True)


def clone(lake: Path, target: Path) -> None:
    """A lake of the same segments under another manifest; what is added there stays there."""
    for segment in (lake / "events").rglob("*.parquet"):
        place = target / segment.relative_to(lake)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(segment)
    with (
        closing(sqlite3.connect(lake / "manifest.sqlite")) as source,
        closing(sqlite3.connect(target / "manifest.sqlite")) as copied,
    ):
        source.backup(copied)


def cut(lake: Path, last: date) -> None:
    """Forget the days after `last`."""
    with closing(sqlite3.connect(lake / "manifest.sqlite")) as db, db:
        db.execute("DELETE FROM segment WHERE day > ?", [last.isoformat()])


def plans(here: Ground, job: Job, seed: int) -> list[Plan]:
    """The attacks of one job, on machines of different people."""
    random = Random(f"{seed}/{job.ground}/{job.row}/{job.number}")
    days = here.recorder.organisation.days
    taken: set[str] = set()
    found: list[Plan] = []
    while len(found) < job.attacks:
        day = days[random.randrange(DAYS_BEFORE, len(days) - DAYS_AFTER)]
        if found:
            day = found[0].received.astimezone(found[0].host.site.zone).date()
        scenario = job.scenario if not found else 4 - job.scenario
        site = "ankara" if scenario == 2 else random.choice(("ankara", "tokyo"))
        host = random.choice(here.recorder.organisation.workstations(site))
        if not host.site.works(day) or host.name in taken:
            continue
        session = here.sessions.of(host, day)
        if session.end - session.start < timedelta(hours=6):
            continue
        taken.add(host.name)
        found.append(_plan(here, job, random, scenario, session, len(found)))
    return found


def _plan(
    here: Ground, job: Job, random: Random, scenario: int, session: Session, number: int
) -> Plan:
    steps = set(SCENARIOS[scenario])
    if not job.whole:
        kept = {name for name in sorted(steps) if random.random() >= MISSING}
        steps = kept if len(kept) >= 4 else steps
    received = session.start + timedelta(minutes=random.uniform(10, 90))
    others: tuple[Host, ...] = ()
    if scenario == 2:
        organisation = here.recorder.organisation
        beside = organisation.department("engineering", "tokyo") or organisation.workstations(
            "tokyo"
        )
        always = [h for h in beside if h.always_on or not h.fixed_ip] or beside
        others = (random.choice(always), organisation.server("tokyo", "file"))
    return Plan(
        campaign=draw(random, f"attack/{job.row}/{job.number}/{number}", scenario),
        scenario=scenario,
        host=session.host,
        received=received,
        steps=frozenset(steps),
        theft_after=timedelta(hours=random.uniform(2.5, 60)),
        others=others,
    )


class Planted(NamedTuple):
    """One attack and, by file and line, the step of each of its records in the lake."""

    attack: Attack
    steps: dict[tuple[str, int], str]


def overlay(here: Ground, job: Job, seed: int, lake: Path) -> tuple[list[Planted], list[Event]]:
    """Lay a job's attacks over a clone of the ground's lake."""
    clone(here.lake(job.variant), lake)
    attacks = [
        plant(here.recorder.branch(), here.sessions, plan) for plan in plans(here, job, seed)
    ]
    told: list[tuple[int, Event, str]] = []
    for number, attack in enumerate(attacks):
        ends = _theft_begins(attack) if job.cut else None
        for event, step in attack.events():
            if ends is not None and event.time >= ends:
                continue
            seen = job.variant.change(event)
            if seen is not None:
                told.append((number, seen, step))
    events = [event for _, event, _ in told]
    files, places = raw_files(here.recorder.organisation, events, "attack/", FIRST_RECORD)
    _read(here, lake, files)
    planted = [Planted(attack, {}) for attack in attacks]
    for number, event, step in told:
        planted[number].steps[places[id(event)]] = step
    if job.cut:
        cut(lake, min(_theft_begins(a).date() for a in attacks))
    return planted, events


def _theft_begins(attack: Attack) -> datetime:
    """The first post, logged or not."""
    begun = [s.time for s in attack.stages if s.stage == "exfiltration"]
    return begun[0] if begun else attack.stages[-1].last_time


class _Watch:
    """CPU seconds of a hunt, and of its linking and scoring."""

    def __init__(self) -> None:
        self.begun = time.process_time()
        self.linking = self.linking_s = 0.0

    def __call__(self, name: str, number: int, total: int) -> None:
        if name == pipeline.LINKING:
            self.linking = time.process_time()
        if name == pipeline.TELLING:
            self.linking_s = time.process_time() - self.linking

    @property
    def total_s(self) -> float:
        return time.process_time() - self.begun


def run(here: Ground, job: Job, seed: int, work: Path) -> Verdict:
    """One hunt, judged."""
    lake = work / f"{job.row}-{job.number}".replace(" ", "_")
    shutil.rmtree(lake, ignore_errors=True)
    lake.mkdir(parents=True)
    try:
        planted, _events = overlay(here, job, seed, lake)
        watch = _Watch()
        result = pipeline.hunt(lake, pipeline.HuntOptions(here.config), watch)
        verdict = JUDGES[job.row](job, planted, result)
        verdict.linking_s, verdict.hunt_s = watch.linking_s, watch.total_s
        return verdict
    finally:
        shutil.rmtree(lake, ignore_errors=True)


class Shown(NamedTuple):
    """What an incident shows of one attack: (step, moment) of each of its stages, in its order."""

    incident: Incident
    steps: list[tuple[str, datetime]]


def shown(planted: Planted, result: HuntResult) -> list[Shown]:
    """The incidents that rest on records of an attack, in rank order."""
    found = []
    for incident in result.incidents:
        steps = []
        for stage in incident.stages:
            named = [planted.steps.get((e.file, e.line)) for e in stage.evidence]
            known = [name for name in named if name]
            if known:
                steps.append((named[0] or known[0], stage.time))
        if steps:
            found.append(Shown(incident, steps))
    return found


def misordered(planted: Planted, steps: Sequence[tuple[str, datetime]]) -> bool:
    """True where an incident tells two steps in another order than they happened in."""
    order = {name: n for n, name in enumerate(_order(planted.attack))}
    told = [order[name] for name, _ in steps if name in order]
    first: list[int] = []
    for number in told:
        if number not in first:
            first.append(number)
    return first != sorted(first)


def _order(attack: Attack) -> Iterator[str]:
    """Names of the planted steps by their first event."""
    seen: dict[str, datetime] = {}
    for event, step in attack.events():
        seen[step] = min(seen.get(step, event.time), event.time)
    return iter(sorted(seen, key=lambda name: seen[name]))


def _links(verdict: Verdict, planted: Sequence[Planted], incidents: Iterable[Incident]) -> None:
    """Count the links that are told, and those that tie an attack to what is not of it."""
    for incident in incidents:
        sides = [_side(planted, stage.evidence) for stage in incident.stages]
        for stage, own in zip(incident.stages, sides, strict=True):
            if stage.tied_to is not None:
                verdict.links += 1
                verdict.wrong_links += own != sides[stage.tied_to]


def _side(planted: Sequence[Planted], evidence: Iterable[Evidence]) -> int:
    """Which attack a stage belongs to; -1 for ordinary life."""
    for proof in evidence:
        for number, one in enumerate(planted):
            if (proof.file, proof.line) in one.steps:
                return number
    return -1


def _judged_first(job: Job, planted: Sequence[Planted], result: HuntResult) -> Verdict:
    """The attacked host's incident is the first, its stages in the right order."""
    one = planted[0]
    found = shown(one, result)
    verdict = Verdict(job, False, steps_logged=sorted(set(one.steps.values())))
    if not found:
        verdict.why = "no incident"
        return verdict
    best = found[0]
    verdict.rank = best.incident.rank
    verdict.steps_shown = sorted({name for name, _ in best.steps})
    verdict.misordered = misordered(one, best.steps)
    _links(verdict, planted, [shown_.incident for shown_ in found])
    host = one.attack.plan.host
    if verdict.rank != 1:
        verdict.why = f"rank {verdict.rank}"
    elif host.name not in best.incident.hosts and not _is_recipient(host, best.incident):
        verdict.why = f"hosts {best.incident.hosts}"
    elif verdict.misordered:
        verdict.why = f"order {[name for name, _ in best.steps]}"
    else:
        verdict.good = True
    return verdict


def _is_recipient(host: Host, incident: Incident) -> bool:
    """Where only the mail was seen, its recipient is the right answer."""
    return bool(host.person and host.person.mail in incident.users and not incident.hosts)


def _judged_any(job: Job, planted: Sequence[Planted], result: HuntResult) -> Verdict:
    """Some incident of the attack is told at medium or above."""
    found = [s for s in shown(planted[0], result) if s.incident.severity in MEDIUM]
    why = "" if found else "no incident yet"
    return Verdict(job, bool(found), why, steps_logged=sorted(set(planted[0].steps.values())))


def _judged_apart(job: Job, planted: Sequence[Planted], result: HuntResult) -> Verdict:
    """Each attack has an incident, and no incident holds both."""
    found = [shown(one, result) for one in planted]
    verdict = Verdict(job, False)
    _links(verdict, planted, {s.incident.id: s.incident for f in found for s in f}.values())
    ids = [{s.incident.id for s in one} for one in found]
    if not all(ids):
        verdict.why = "one has no incident"
    elif ids[0] & ids[1]:
        verdict.why = "merged"
    else:
        verdict.good = True
    return verdict


def _judged_together(job: Job, planted: Sequence[Planted], result: HuntResult) -> Verdict:
    """One incident holds all hosts of the attack."""
    plan = planted[0].attack.plan
    wanted = {plan.host.name, *(host.name for host in plan.others)}
    found = shown(planted[0], result)
    verdict = Verdict(job, False)
    _links(verdict, planted, [s.incident for s in found])
    held = [set(s.incident.hosts) for s in found]
    verdict.good = any(wanted <= hosts for hosts in held)
    verdict.why = (
        "" if verdict.good else f"wanted {sorted(wanted)}, held {[sorted(h) for h in held]}"
    )
    return verdict


def _judged_order(job: Job, planted: Sequence[Planted], result: HuntResult) -> Verdict:
    """No incident of the attack tells its steps in the wrong order."""
    verdict = _judged_first(job, planted, result)
    verdict.good, verdict.why = not verdict.misordered, verdict.why if verdict.misordered else ""
    return verdict


def _judged_host(job: Job, planted: Sequence[Planted], result: HuntResult) -> Verdict:
    """The attacked machine is named, or that it is one of several; nobody else is blamed."""
    verdict = _judged_first(job, planted, result)
    host = planted[0].attack.plan.host
    held = [set(s.incident.hosts) for s in shown(planted[0], result)]
    if held:
        plan = planted[0].attack.plan
        one_of = {name for name in held[0] if name.startswith("1/")}
        innocent = held[0] - {host.name, *(other.name for other in plan.others)} - one_of
        verdict.blamed = ", ".join(sorted(innocent))
        verdict.good = bool({host.name} & held[0] or one_of) and not innocent
        verdict.why = "" if verdict.good else f"held {sorted(held[0])}, not {host.name}"
    return verdict


Judge = Callable[[Job, Sequence[Planted], HuntResult], Verdict]
FULL, HALF, THEFT = "first, in order", "half the logs", "before theft"
APART, TOGETHER = "two kept apart", "three hosts together"
CLOCK, ADDRESS = "clocks off, in order", "shared addresses, right host"
JUDGES: Mapping[str, Judge] = {
    FULL: _judged_first,
    HALF: _judged_first,
    THEFT: _judged_any,
    APART: _judged_apart,
    TOGETHER: _judged_together,
    CLOCK: _judged_order,
    ADDRESS: _judged_host,
}
ORDINARY = "ordinary life"
BLAMED = "a server, forwarder, proxy or another's machine blamed"
MUST: Mapping[str, float] = {
    FULL: 0.95,
    HALF: 0.80,
    THEFT: 0.80,
    APART: 0.95,
    TOGETHER: 0.95,
    CLOCK: 0.99,
    ADDRESS: 0.95,
}


def jobs(size: Size) -> list[Job]:
    """Every hunt of a measurement."""
    found = []
    every, some = size.attacks, max(6, size.attacks // 4)
    few = min(size.organisations, SEEN_OTHERWISE)
    for number in range(every):
        scenario, where = 1 + number % 3, number % size.organisations
        found.append(Job(FULL, number, where, WHOLE, scenario))
        found.append(Job(HALF, number, where, half(_half(size, number)), scenario))
        if number < max(some, every // 2):
            found.append(Job(THEFT, number, where, WHOLE, scenario, cut=True))
        if number < some:
            found.append(Job(APART, number, where, WHOLE, 1 + number % 2 * 2, attacks=2))
            found.append(Job(TOGETHER, number, where, WHOLE, 2, whole=True))
            clock, address = CLOCKS[number % len(CLOCKS)], ADDRESSES[number % len(ADDRESSES)]
            kind, there = 1 + number // 3 % 3, number // 9 % few
            found.append(Job(CLOCK, number, there, clock, kind))
            found.append(Job(ADDRESS, number, there, address, kind))
    return found


def _half(size: Size, number: int) -> int:
    """Which half of the logs an attack is seen with."""
    if size.organisations == 1:
        return number % HALVES
    where = number % size.organisations
    return where * HALVES_EACH + number // size.organisations % HALVES_EACH


class Quiet(NamedTuple):
    """Incidents of ordinary life."""

    name: str
    host_days: float
    medium: int
    high: int
    told: tuple[str, ...]
    scores: tuple[float, ...] = ()  # of every group of signals


def quiet(here: Ground, variant: Variant, days: int | None, work: Path) -> Quiet:
    """Hunt an organisation without an attack; its first days alone where `days` says so."""
    name = ORDINARY if days is None else f"first {days} days"
    lake = work / f"quiet-{here.number}-{days}"
    shutil.rmtree(lake, ignore_errors=True)
    lake.mkdir(parents=True)
    clone(here.lake(variant), lake)
    if days is not None:
        cut(lake, here.recorder.organisation.days[days - 1])
    result = pipeline.hunt(lake, pipeline.HuntOptions(here.config))
    shutil.rmtree(lake)
    levels = [incident.severity for incident in result.incidents]
    told = tuple(f"{i.severity} {i.score} {i.title}" for i in result.incidents)
    medium, high = sum(s in MEDIUM for s in levels), sum(s in HIGH for s in levels)
    return Quiet(name, result.host_days, medium, high, told, result.scores)


class Task(NamedTuple):
    """What a worker is given: the whole recipe, so that it needs nothing from its parent."""

    seed: int
    folder: Path
    size: Size
    job: Job

    def ground(self, number: int, swaps: bool) -> Ground:
        hosts = self.size.hosts[number % len(self.size.hosts)]
        return ground(self.seed, self.folder, number, hosts, self.size.days, swaps)


def _work(task: Task) -> Verdict:
    job = task.job
    here = task.ground(job.ground, job.variant.swaps)
    prepare(here, job.variant)
    return run(here, job, task.seed, task.folder / "work")


def _quiet(task: Task) -> list[Quiet]:
    here = task.ground(task.job.ground, False)
    prepare(here, WHOLE)
    return [quiet(here, WHOLE, days, task.folder / "work") for days in (None, EMPTY_LAKE_DAYS)]


class Outcome(NamedTuple):
    """A measurement: every verdict, and what ordinary life gave."""

    verdicts: list[Verdict]
    quiet: list[Quiet]


def measure(
    folder: Path,
    size: Size,
    seed: int = 7,
    workers: int = 1,
    rows: Sequence[str] = (),
    step: Callable[[Verdict], None] | None = None,
    minutes: float | None = None,
) -> Outcome:
    """Every hunt; lakes and verdicts that an earlier call of the same code left in `folder` are
    used again. No hunt begins after so many `minutes`; a later call goes on."""
    kept = Kept(folder, f"{seed} {size.days} {size.hosts}")
    wanted = [job for job in jobs(size) if not rows or job.row in rows]
    outcome = Outcome([], [])
    until = time.monotonic() + 60 * (inf if minutes is None else minutes)
    with ProcessPoolExecutor(workers) as pool:
        for number in range(size.organisations if not rows else 0):
            plain = Task(seed, folder, size, Job("", number, number, WHOLE))
            outcome.quiet.extend(_calm(kept, plain, pool, until))
        # What is asked first of every organisation comes before the rest of any.
        for first in (True, False):
            for number in range(size.organisations):
                own = [j for j in wanted if j.ground == number and (j.row == FULL) == first]
                tasks = [Task(seed, folder, size, job) for job in own]
                for verdict in _verdicts(kept, tasks, pool, workers, until):
                    outcome.verdicts.append(verdict)
                    if step:
                        step(verdict)
    return outcome


def _calm(kept: Kept, plain: Task, pool: Executor, until: float) -> list[Quiet]:
    """What ordinary life of one organisation gives."""
    key = f"quiet {plain.job.ground}"
    if kept.get(key) is None and time.monotonic() < until:
        kept.add(key, {"found": [q._asdict() for q in pool.submit(_quiet, plain).result()]})
    return [Quiet(**one) for one in (kept.get(key) or {"found": ()})["found"]]


def _verdicts(
    kept: Kept, tasks: Sequence[Task], pool: Executor, workers: int, until: float
) -> Iterator[Verdict]:
    """Verdicts of one organisation: those kept, then the others, lake by lake."""
    todo: dict[str, list[Task]] = {}
    for task in tasks:
        before = kept.get(_key(task.job))
        if before is not None:
            yield Verdict(task.job, **before)
        else:
            todo.setdefault(task.job.variant.name, []).append(task)
    for of_lake in todo.values():
        # The first makes the lake.
        batches = [of_lake[:1]]
        batches += [of_lake[n : n + workers] for n in range(1, len(of_lake), workers)]
        for batch in batches:
            if time.monotonic() >= until:
                return
            for verdict in pool.map(_work, batch):
                said = {f.name: getattr(verdict, f.name) for f in fields(verdict)}
                del said["job"]
                kept.add(_key(verdict.job), said)
                yield verdict


def _key(job: Job) -> str:
    return f"{job.row} {job.number} {job.ground} {job.variant.name} {job.scenario}"


def lives(outcome: Outcome) -> list[calibration.Life]:
    """Ordinary life of each organisation, as calibration counts it."""
    return [
        calibration.Life(calm.host_days, tuple(calm.scores))
        for calm in outcome.quiet
        if calm.name == ORDINARY
    ]


def summary(outcome: Outcome) -> list[dict[str, object]]:
    """A row for each goal: how often it was met, with its interval."""
    found = []
    for name, least in MUST.items():
        own = [v for v in outcome.verdicts if v.job.row == name]
        if own:
            good = sum(v.good for v in own)
            found.append(_row(name, f"{least:.0%}", good / len(own), good, len(own)))
    seen = [v for v in outcome.verdicts if v.job.row == ADDRESS]
    if seen:
        blamed = sum(bool(v.blamed) for v in seen)
        found.append(_row(BLAMED, "0", blamed / len(seen), blamed, len(seen)))
    links = sum(v.links for v in outcome.verdicts)
    wrong = sum(v.wrong_links for v in outcome.verdicts)
    if links:
        found.append(_row("wrong links", "3% at most", wrong / links, wrong, links))
    full = [v for v in outcome.verdicts if v.job.row == FULL]
    if full:
        share = sum(v.linking_s for v in full) / max(1e-9, sum(v.hunt_s for v in full))
        found.append(
            {"goal": "linking, share of CPU", "must": "15% at most", "share": f"{share:.1%}"}
        )
    for name in dict.fromkeys(q.name for q in outcome.quiet):
        calm = [q for q in outcome.quiet if q.name == name]
        days = sum(q.host_days for q in calm)
        for level, must in (("medium", "1"), ("high", "0.1")):
            if name != ORDINARY:
                must = {"medium": "10", "high": "1"}[level]
            count = sum(q.medium if level == "medium" else q.high for q in calm)
            low, high = wilson(count, max(1, round(days)))
            found.append(
                {
                    "goal": f"{name}: {level} or above in 1,000 host-days",
                    "must": f"{must} at most",
                    "share": f"{1000 * count / max(1.0, days):.2f}",
                    "interval": f"{1000 * low:.2f} - {1000 * high:.2f}",
                    "of": f"{count} in {days:,.0f}",
                }
            )
    for row in calibration.check(lives(outcome)):
        found.append(
            {
                "goal": f"groups said to arise once in {10**row.k:,.0f} host-days",
                "must": "a third to three times as often",
                "share": f"{row.found / row.expected:.2f} times",
                "interval": f"{row.low / row.expected:.2f} - {row.high / row.expected:.2f}",
                "of": f"{row.found}, {row.expected:,.0f} expected",
            }
        )
    return found


def _row(name: str, must: str, share: float, good: int, count: int) -> dict[str, object]:
    low, high = wilson(good, count)
    return {
        "goal": name,
        "must": must,
        "share": f"{share:.1%}",
        "interval": f"{low:.1%} - {high:.1%}",
        "of": f"{good} of {count}",
    }
