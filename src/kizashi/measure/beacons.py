"""How much of command and control over HTTP a lake would show: implants laid over its own hosts.

`kizashi measure beacons --lake DIR` lays 200 implants a cell over the real life of a lake, runs the
detectors' own SQL over both, and counts those that reach medium, or stand first among their host's
destinations where a cell asks for that, with Wilson intervals. Nothing is
written to the lake. An implant's rows enter `http_activity` and `contact`; what makes rhythms of
them is the hunt's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

import duckdb
import pyarrow as pa

from kizashi import detectors as detecting
from kizashi import entities, pipeline
from kizashi.chains import scoring
from kizashi.entities import rhythm
from kizashi.errors import UsageError

DETECTORS = ("http_beacon", "http_small_posts")
OFF_AFTER = timedelta(seconds=rhythm.OFF_AFTER_S)
BIN = timedelta(seconds=rhythm.BIN_S)
DAY = timedelta(days=1)
SETTLED_DAYS = 3  # of the lake before an implant may begin
TOGETHER = 10  # implants at once: more of one period would look like a habit of the fleet
ALWAYS_HOURS = 22  # on for so long each day: a machine that is always on
DESK_HOURS = (4, 15)
OFFICE = timedelta(hours=9)
MEDIUM = dict(scoring.SEVERITIES)["medium"]
OFFICE_OPENS = timedelta(hours=0)  # where a site has no desks to tell
WORDS = (
    "amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty",
    "knoll", "ledge", "maple", "north", "ocean", "pearl", "quilt", "ridge", "stone", "tidal",
    "union", "valley", "willow", "yonder", "zephyr",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of implant on one kind of machine, and how often it must be found in `days`."""

    name: str
    period_s: float
    jitter: float
    days: int  # working days where `office`
    must: float
    machine: str = "always"  # always, desk
    timing: str = "drift"  # drift, locked, poisson, random
    names: int = 1  # rotated over, by one program
    office: bool = False  # beats in office hours of working days only, on any machine
    goal: str = "medium"  # an incident of medium; rank: first of its host's destinations


CELLS = (
    Cell("5 min, 0 %, always on", 300, 0.0, 2, 0.98),
    Cell("5 min, 50 %, always on", 300, 0.5, 2, 0.98),
    Cell("30 min, 20 %, always on", 1800, 0.2, 2, 0.98),
    Cell("2 h, 0 %, always on", 7200, 0.0, 2, 0.98),
    Cell("2 h, 50 %, always on", 7200, 0.5, 2, 0.98),
    Cell("4 h, 20 %, always on", 14400, 0.2, 7, 0.90),
    Cell("4 h, 20 %, locked, always on", 14400, 0.2, 7, 0.90, timing="locked"),
    Cell("4 h, 20 %, desktop", 14400, 0.2, 14, 0.80, machine="desk"),
    Cell("6 h, 50 %, always on", 21600, 0.5, 14, 0.80),
    Cell("8 h, 20 %, always on", 28800, 0.2, 14, 0.80),
    Cell("8 h, 50 %, always on", 28800, 0.5, 14, 0.80),
    Cell("once a day, 10 %, always on", 86400, 0.1, 25, 0.80, goal="rank"),
    Cell("once a day, 10 %, always on: an incident", 86400, 0.1, 25, 0.80),
    Cell("5 min, 20 %, office hours", 300, 0.2, 3, 0.95, office=True),
    Cell("60 min, 20 %, office hours", 3600, 0.2, 3, 0.95, office=True),
    Cell("2 h, 20 %, office hours", 7200, 0.2, 7, 0.85, office=True),
    Cell("Poisson, mean 30 min", 1800, 0.0, 7, 0.70, timing="poisson"),
    Cell("30 min, 90 %", 1800, 0.9, 7, 0.70),
    Cell("1 h over 10 names of one program", 3600, 0.2, 7, 0.80, names=10),
    Cell("64 KB a day in 1 KB POSTs at random times", 1350, 0.0, 14, 0.70, timing="random"),
)


class Outcome(NamedTuple):
    """What became of one cell."""

    cell: Cell
    trials: int
    found: int  # reached the cell's goal
    told: int  # a signal, whatever its weight


def wilson(found: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if not trials:
        return 0.0, 1.0
    share = found / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials)
    half *= math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def beats(
    cell: Cell, rng: Random, stretches: Sequence[tuple[datetime, datetime]]
) -> list[datetime]:
    """Moments of one implant, which starts with each stretch that the machine is on."""
    made = []
    for start, end in stretches:
        moment = start + timedelta(seconds=rng.uniform(20, min(600, cell.period_s)))
        slot = moment
        while moment < end:
            made.append(moment)
            if cell.timing == "poisson":
                moment += timedelta(seconds=rng.expovariate(1 / cell.period_s))
            elif cell.timing == "locked":
                slot += timedelta(seconds=cell.period_s)
                moment = slot + timedelta(
                    seconds=cell.period_s * cell.jitter * rng.uniform(-0.5, 0.5)
                )
            elif cell.timing == "random":
                moment += timedelta(seconds=rng.expovariate(1 / cell.period_s))
            else:
                drift = 1 + rng.uniform(-cell.jitter, cell.jitter)
                moment += timedelta(seconds=max(1.0, cell.period_s * drift))
    return made


class Machine(NamedTuple):
    """A host of the lake and when it was on."""

    site: str
    host_id: str
    stretches: tuple[tuple[datetime, datetime], ...]
    hours_a_day: float


def machines(con: duckdb.DuckDBPyConnection) -> list[Machine]:
    """Every host that was on for some days."""
    rows = con.execute(
        "SELECT any_value(site), host_id, list_sort(flatten(list(list_transform("
        "bins, lambda bin: day + INTERVAL 5 MINUTE * bin)))), count(*) "
        "FROM uptime GROUP BY host_id ORDER BY host_id"
    ).fetchall()
    found = []
    for site, host_id, moments, days in rows:
        stretches = tuple(_stretches(moments))
        on = sum((end - start).total_seconds() for start, end in stretches) / 3600
        found.append(Machine(site or "", host_id, stretches, on / days))
    return found


def _stretches(moments: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    start = before = None
    for moment in moments:
        if start is None or before is None:
            start = moment
        elif moment - before > OFF_AFTER:
            yield start, before + BIN
            start = moment
        before = moment
    if start is not None and before is not None:
        yield start, before + BIN


def fitting(cell: Cell, found: Sequence[Machine]) -> list[Machine]:
    """The machines of a cell's kind."""
    if cell.office:
        return [m for m in found if m.hours_a_day >= DESK_HOURS[0]]
    if cell.machine == "always":
        return [m for m in found if m.hours_a_day >= ALWAYS_HOURS]
    return [m for m in found if DESK_HOURS[0] <= m.hours_a_day <= DESK_HOURS[1]]


def overlay(
    cell: Cell,
    chosen: Sequence[Machine],
    offices: Mapping[str, timedelta],
    trials: int,
    rng: Random,
) -> pa.Table:
    """Rows of http_activity of `trials` implants: (trial, site, host_id, time, host ...). `offices`
    are the hours, UTC, at which the sites' working days begin."""
    rows = []
    for trial, machine in enumerate(_drawn(cell, chosen, trials, rng)):
        first = machine.stretches[0][0] + SETTLED_DAYS * DAY
        last = machine.stretches[-1][1] - _span(cell)
        begin = first + (last - first) * rng.random()
        window = list(_within(machine, begin, begin + _span(cell)))
        if cell.office:
            opens = offices.get(machine.site, OFFICE_OPENS)
            window = list(_worked(window, opens, cell.days))
        names = [_name(rng) for _ in range(cell.names)]
        size = 1000 if cell.timing == "random" else 700
        for moment in beats(cell, rng, window):
            host = rng.choice(names)
            rows.append(
                {
                    "trial": trial,
                    "site": machine.site,
                    "host_id": machine.host_id,
                    "time": moment,
                    "host": host,
                    "server_ip": f"203.0.113.{trial % 250 + 1}" if cell.names == 1 else None,
                    "method": "POST",
                    "uri": "/a",
                    "image": r"C:\Program Files\Agent\agent.exe" if cell.names > 1 else None,
                    "request_body_bytes": max(16, round(rng.gauss(size, size * 0.3))),
                    "response_body_bytes": rng.randint(2, 60),
                }
            )
    return pa.Table.from_pylist(rows)


def _drawn(cell: Cell, chosen: Sequence[Machine], trials: int, rng: Random) -> list[Machine]:
    """The machine of each trial. Two implants of one host cannot both stand first."""
    if cell.goal == "rank":
        return rng.sample(chosen, trials)
    return [rng.choice(chosen) for _ in range(trials)]


def _span(cell: Cell) -> timedelta:
    """Calendar time that a cell may take: weekends and absences come in between."""
    return (2 * cell.days + 4 if cell.office else cell.days) * DAY


def _within(
    machine: Machine, begin: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    for start, stop in machine.stretches:
        if max(start, begin) < min(stop, end):
            yield max(start, begin), min(stop, end)


def _worked(
    stretches: Sequence[tuple[datetime, datetime]], opens: timedelta, days: int
) -> Iterator[tuple[datetime, datetime]]:
    """The office hours of the first working days on which the machine was on, the day of the
    beginning left out."""
    worked: set[datetime] = set()
    first = (
        stretches[0][0].replace(hour=0, minute=0, second=0, microsecond=0) if stretches else None
    )
    for low, high in stretches:
        day = low.replace(hour=0, minute=0, second=0, microsecond=0)
        while day < high:
            begin, end = max(low, day + opens), min(high, day + opens + OFFICE)
            if day != first and day.weekday() < 5 and begin < end:
                worked.add(day)
                if len(worked) > days:
                    return
                yield begin, end
            day += DAY


def office_hours(hosts: Sequence[Machine]) -> dict[str, timedelta]:
    """Hour, UTC, at which the desks of each site are switched on: the median of their days."""
    starts: dict[str, list[timedelta]] = {}
    for machine in hosts:
        if DESK_HOURS[0] <= machine.hours_a_day <= DESK_HOURS[1]:
            for start, _end in machine.stretches:
                midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
                starts.setdefault(machine.site, []).append(start - midnight)
    return {site: sorted(found)[len(found) // 2] for site, found in starts.items()}


def _name(rng: Random) -> str:
    """A name such as a person gives: nothing in it helps the detector."""
    tail = rng.choice(("app", "api", "sync", "www", "data", "hub", "mail", "edge"))
    return f"{tail}.{rng.choice(WORDS)}{rng.choice(WORDS)}{rng.choice(WORDS)}.example"


def measure(
    lake: Path,
    trials: int,
    seed: int = 7,
    cells: Sequence[Cell] = CELLS,
    step: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Every cell over one lake; a kind of machine that it lacks is left out. UsageError when the
    lake is too short."""
    known = detecting.detectors()
    with pipeline.open_settled(lake) as con:
        hosts = machines(con)
        _check(lake, hosts, cells)
        offices = office_hours(hosts)
        con.execute(detecting.signal_table_sql())
        chances = {name: _chance(con, known[name]) for name in DETECTORS}
        _prepare(con)
        outcomes = []
        for number, cell in enumerate(cells):
            chosen = fitting(cell, hosts)
            if not chosen:
                continue
            rng = Random(seed * 1000 + number)
            parts = []
            most = min(TOGETHER, len(chosen)) if cell.goal == "rank" else TOGETHER
            for done in range(0, trials, most):
                together = min(most, trials - done)
                rows = overlay(cell, chosen, offices, together, rng)
                weights, first = _run(con, known, chances, rows)
                reached = sum(w >= MEDIUM for w in weights.values())
                parts.append((first if cell.goal == "rank" else reached, len(weights)))
            found, told = (sum(column) for column in zip(*parts, strict=True))
            outcome = Outcome(cell, trials, found, told)
            outcomes.append(outcome)
            if step:
                step(outcome)
    return outcomes


def _check(lake: Path, found: Sequence[Machine], cells: Sequence[Cell]) -> None:
    longest = max((m.stretches[-1][1] - m.stretches[0][0] for m in found), default=timedelta())
    needed = max(map(_span, cells)) // DAY + SETTLED_DAYS + 1
    if longest < needed * DAY:
        raise UsageError(
            f"{lake}: its logs span {longest.days} days; laying implants over it takes {needed}"
        )


def _chance(con: duckdb.DuckDBPyConnection, detector: detecting.Detector) -> scoring.Chance:
    """How often the detector speaks in this lake without implants."""
    if not detecting.missing_columns(detector, con):
        detecting.run(detector, con)
    fired = con.execute(
        "SELECT max(confidence) AS best FROM signal WHERE detector = ? "
        "GROUP BY host_id, first_seen::DATE ORDER BY best",
        [detector.id],
    ).fetchall()
    ((days,),) = con.execute(
        "SELECT count(*) FROM (SELECT DISTINCT host_id, day FROM uptime)"
    ).fetchall()
    return scoring.Chance(
        detector.chance.per_host_day,
        detector.chance.host_days,
        tuple(best for (best,) in fired),
        float(days),
    )


def _prepare(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TEMP TABLE own_http AS FROM http_activity")
    con.execute("CREATE TEMP TABLE own_contact AS FROM contact")
    con.execute("DROP VIEW IF EXISTS http_activity")


def _run(
    con: duckdb.DuckDBPyConnection,
    known: dict[str, detecting.Detector],
    chances: dict[str, scoring.Chance],
    rows: pa.Table,
) -> tuple[dict[int, float], int]:
    """The weights of the implants that gave a signal, and how many of all stand first among their
    host's destinations."""
    con.register("implant_rows", rows)
    con.execute("CREATE OR REPLACE TEMP TABLE implant AS FROM implant_rows")
    con.unregister("implant_rows")
    con.execute(
        "CREATE OR REPLACE TABLE http_activity AS SELECT * FROM own_http UNION ALL BY NAME "
        "SELECT * EXCLUDE (trial, image), image, 0::UBIGINT AS file_id, "
        "row_number() OVER ()::UBIGINT AS record_no FROM implant"
    )
    con.execute(
        "CREATE OR REPLACE TABLE contact AS SELECT * FROM own_contact UNION ALL BY NAME "
        "SELECT site, host_id, host AS destination, server_ip, image, time::DATE AS day, "
        "'http' AS protocol, min(time) AS first_seen, max(time) AS last_seen, "
        "count(*)::UINTEGER AS hits, list_sort(list_distinct(list(second_of_day(time)))) AS times, "
        "sum(request_body_bytes)::UBIGINT AS bytes_out, "
        "sum(response_body_bytes)::UBIGINT AS bytes_in "
        "FROM implant GROUP BY ALL"
    )
    entities.create(con, "rhythm")
    con.execute("DELETE FROM signal")
    for name in DETECTORS:
        detecting.run(known[name], con)
    told = con.execute(
        "SELECT DISTINCT implant.trial, signal.detector, signal.confidence FROM signal "
        "JOIN (SELECT DISTINCT trial, host_id, host FROM implant) AS implant "
        "ON implant.host_id = signal.host_id AND implant.host = signal.destination"
    ).fetchall()
    weights: dict[int, float] = {}
    for trial, name, confidence in told:
        # Detectors of one family count once.
        weight = scoring.weight(chances[name], confidence)
        weights[trial] = max(weights.get(trial, 0.0), weight)
    ((first,),) = con.execute(
        "SELECT count(DISTINCT trial) FROM implant JOIN destination_rank AS ranked "
        "ON ranked.host_id = implant.host_id AND ranked.destination = implant.host AND rank = 1"
    ).fetchall()
    return weights, first
