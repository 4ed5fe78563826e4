"""Rhythm: gaps between contacts that chance does not explain, in the time that a host was on.

For every unit (rhythm_unit.sql) the seconds at which it was heard become beats: several views of
what belongs to one beat (`GRAINS`). A gap between beats is taken on the wall, and as time that the
host was on, so that an implant which sleeps with its desk keeps its period over nights and
weekends. Gaps are compared by their logarithm, in steps of a fifth. A window of one step holds a
jitter of 10 %, of two 20, three 30, five 50; of all windows the one that chance explains worst is
the period.

Chance: the share of gaps that fall into such a window among the rare units of this lake (the
judged one left out), shrunk towards an even spread while units are few. The bound on k of n gaps
falling there is Chernoff's, times the windows looked at. So a period that many honest programs
here have says less.

The arrays are sorted once by unit and second; everything after is arithmetic on arrays that fit the
processor's cache, and only units that a window fits are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Seconds: contacts closer than this are one beat, since a beat may be one request, a page of them,
# or a quarter of an hour of work. The first takes every second alone, for what asks without end.
GRAINS = (0, 3, 90, 900)
INCESSANT_TICKS = 1000
FEWEST_GAPS = 5
STEP = 0.2  # of the logarithm: 22 % of the gap
STEPS = 80  # up to 100 days
LIKELY_STEPS = 57  # between three seconds and three days: what a gap may be by chance
WIDTHS = (1, 2, 3, 5)
# Units that an even spread is worth against the lake's own: in a small fleet one habit is no law.
EVEN_UNITS = 50.0
TRIED = LIKELY_STEPS * len(WIDTHS) * len(GRAINS) * 2
LEAST_SHARE = 0.25  # of the gaps in a window worth judging
WHOLE_SHARE = 0.9  # of the gaps: the period itself, not a pattern inside the beat
WHOLE_LOG_CHANCE = -8.0
OFF_AFTER_S = 90 * 60  # without a sign of life for so long, a host was off
BIN_S = 300
SAMPLE = 720
WALL, ON = 0, 1
SECOND_BITS = 36  # of a tick's number; the unit stands above
LAST_SECOND = (1 << SECOND_BITS) - 1
TICKS_AT_ONCE = 200_000


@dataclass(frozen=True, slots=True)
class Ticks:
    """Seconds at which units were heard, by unit and second, each once; and the same on the clock
    that stands still while the host is off."""

    unit: Ints
    wall: Ints
    on: Ints


class Bounds(NamedTuple):
    """What macros.sql holds a clock's, or persistent: rows beyond are not worth a table."""

    log_chance: float
    hours: int
    share: float


def derive(con: duckdb.DuckDBPyConnection) -> None:
    """Tables rhythm_unit, rhythm_measure and rhythm on the connection, from contact and uptime."""
    con.execute(f"CREATE OR REPLACE TABLE rhythm_unit AS {_sql('rhythm_unit')}")
    ((units,),) = con.execute("SELECT count(*) FROM rhythm_unit").fetchall()
    kinds = con.execute(
        "SELECT host_no, unit_kind = 'name' AS named FROM rhythm_unit ORDER BY unit_no"
    ).fetchnumpy()
    host = np.asarray(kinds["host_no"], np.int64)
    ticks, signs = _ticks(con, host)
    best = _best(ticks, units, np.asarray(kinds["named"], np.bool_))
    made = _table(best, ticks, host, signs, _bounds(con))
    con.register("measured", made)
    con.execute(
        "CREATE OR REPLACE TABLE rhythm_measure AS SELECT * REPLACE ("
        "list_transform(sample, lambda s: rhythm_epoch() + to_seconds(s)) AS sample) FROM measured"
    )
    con.unregister("measured")
    con.execute(f"CREATE OR REPLACE TABLE rhythm AS {_sql('rhythm')}")


def _sql(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text("utf-8").rstrip()


def _ticks(con: duckdb.DuckDBPyConnection, host: Ints) -> tuple[Ticks, tuple[Ints, Ints]]:
    """The ticks, and the hosts' signs of life as (host, second). `host` is each unit's."""
    tick = _moments(con, "rhythm_tick", 1)
    tick.sort()
    tick = tick[np.diff(tick, prepend=-1) != 0]
    unit, second = tick >> SECOND_BITS, tick & LAST_SECOND
    sign = _moments(con, "rhythm_sign", BIN_S)
    signs = sign >> SECOND_BITS, sign & LAST_SECOND
    return Ticks(unit, second, second - off_before(host[unit], second, *signs)), signs


def _moments(con: duckdb.DuckDBPyConnection, name: str, unit_s: int) -> Ints:
    """Rows of (midnight, times), each time of `unit_s` seconds, as one number a moment."""
    found = [np.zeros(0, np.int64)]
    for rows in con.sql(_sql(name)).to_arrow_reader():
        times = rows["times"]
        midnight = np.repeat(rows["midnight"].to_numpy(), times.value_lengths().to_numpy())
        found.append(midnight + times.flatten().to_numpy().astype(np.int64) * unit_s)
    return np.concatenate(found)


def off_before(host: Ints, second: Ints, sign_host: Ints, sign_second: Ints) -> Ints:
    """Seconds that each tick's host was off before it, by the hosts' signs of life in order."""
    if len(sign_host) < 2:
        return np.zeros_like(second)
    silent = sign_second[1:] - sign_second[:-1] - BIN_S
    is_off = (sign_host[1:] == sign_host[:-1]) & (silent + BIN_S > OFF_AFTER_S)
    back_host, back = sign_host[1:][is_off], sign_second[1:][is_off]
    if not len(back):
        return np.zeros_like(second)
    off = np.cumsum(silent[is_off])
    starts = np.searchsorted(back_host, back_host)  # first stretch of the same host
    off = off - np.where(starts > 0, off[np.maximum(starts - 1, 0)], 0)
    at = (
        np.searchsorted(
            (back_host << SECOND_BITS) | back, (host << SECOND_BITS) | second, side="right"
        )
        - 1
    )
    known = (at >= 0) & (back_host[np.maximum(at, 0)] == host)
    return np.where(known, off[np.maximum(at, 0)], 0)


def _bounds(con: duckdb.DuckDBPyConnection) -> Bounds:
    """The bounds that rhythm.sql asks for as well."""
    asked = "SELECT least_log_chance(), persistent_hours(), persistent_share()::DOUBLE"
    ((log_chance, hours, share),) = con.execute(asked).fetchall()
    return Bounds(log_chance, hours, share)


def judge(ticks: Ticks, units: int) -> Best:
    """For each unit, all of them names, the window that fits it best."""
    return _best(ticks, units, np.ones(units, np.bool_))


def _best(ticks: Ticks, units: int, named: Bools) -> Best:
    """For each unit the window that fits it best."""
    best = Best(units)
    parts = list(_parts(ticks))
    beaten = np.zeros(units, np.int64)
    for grain in GRAINS:
        gaps = {WALL: Gaps(units), ON: Gaps(units)}
        for part in parts:
            _count(gaps, part, beaten, grain)
        for clock, counted in gaps.items():
            shares, names = _spread(counted, named)
            for cell, times in counted.cells:
                windows = _windows(cell, times, counted.of, shares, names)
                best.offer(windows, clock=clock, grain=grain)
    return best


def _parts(ticks: Ticks) -> Iterator[Ticks]:
    """Whole units together, so many that their arrays stay in the processor's cache."""
    start = 0
    while start < len(ticks.unit):
        last = ticks.unit[min(start + TICKS_AT_ONCE, len(ticks.unit)) - 1]
        end = int(np.searchsorted(ticks.unit, last, side="right"))
        yield Ticks(ticks.unit[start:end], ticks.wall[start:end], ticks.on[start:end])
        start = end


class Gaps:
    """Gaps of one view of the beats on one clock: how many each unit has, and by part the (unit,
    step of length) that occur, as one number in order, with how often each does."""

    def __init__(self, units: int) -> None:
        self.of = np.zeros(units, np.int64)
        self.cells: list[tuple[Ints, Ints]] = []

    def add(self, unit: Ints, gap: Ints) -> None:
        """The gaps of whole units, by unit."""
        if not len(unit):
            return
        first = unit[0]
        counts = np.bincount(unit - first)
        self.of[first : first + len(counts)] = counts
        dense = np.bincount((unit - first) * STEPS + gap_step(gap))
        cell = np.flatnonzero(dense)
        cell = cell[counts[cell // STEPS] >= FEWEST_GAPS]
        self.cells.append((cell + first * STEPS, dense[cell]))


def _count(gaps: dict[int, Gaps], part: Ticks, beaten: Ints, grain: int) -> None:
    """Add the gaps between the beats that one view makes of the ticks. `beaten` are the beats of
    the view before: a coarser one that joins nothing more says nothing new."""
    unit = part.unit - part.unit[0]
    is_beat = np.ones(len(unit), np.bool_)
    is_beat[1:] = (unit[1:] != unit[:-1]) | (np.diff(part.wall) > grain)
    if grain == 0:
        is_beat &= (np.bincount(unit) >= INCESSANT_TICKS)[unit]
    beats = np.bincount(unit[is_beat], minlength=unit[-1] + 1)
    before = beaten[part.unit[0] : part.unit[-1] + 1]
    is_beat &= (beats != before)[unit]
    before[:] = beats
    unit, wall, on = part.unit[is_beat], part.wall[is_beat], part.on[is_beat]
    inner = unit[1:] == unit[:-1]
    unit, gap, gap_on = unit[1:][inner], np.diff(wall)[inner], np.diff(on)[inner]
    gaps[WALL].add(unit, gap)
    slept = np.isin(unit, unit[gap != gap_on])
    gaps[ON].add(unit[slept], gap_on[slept])


def _spread(gaps: Gaps, named: Bools) -> tuple[Floats, int]:
    """How the gaps of rare names here are spread over the steps, each name counted once, summed
    from the shortest; and of how many names."""
    spread = np.zeros(STEPS)
    for cell, times in gaps.cells:
        own = named[cell // STEPS]
        share = times[own] / gaps.of[cell[own] // STEPS]
        spread += np.bincount(cell[own] % STEPS, weights=share, minlength=STEPS)
    names = int(np.count_nonzero(gaps.of[named] >= FEWEST_GAPS))
    return np.concatenate(([0], np.cumsum(spread))), names


class Windows(NamedTuple):
    """Windows of gap length: whose, how many steps from which, and what they hold."""

    unit: Ints
    step: Ints
    width: Ints
    log_chance: Floats
    kept: Floats  # share of the gaps
    gaps: Ints  # all of them


class Best:
    """The window of each unit that chance explains worst so far."""

    def __init__(self, units: int) -> None:
        self.log_chance = np.zeros(units)
        self.kept = np.zeros(units)
        self.gaps = np.zeros(units, np.int64)
        self.step = np.zeros(units, np.int64)
        self.width = np.zeros(units, np.int64)
        self.clock = np.zeros(units, np.int64)
        self.grain = np.zeros(units, np.int64)

    def offer(self, windows: Windows, *, clock: int, grain: int) -> None:
        """The windows of one view: the best of each unit stands where it beats what stood. One
        that holds nearly every gap beats one of another view that holds fewer: four requests a
        beat have a gap of their own, but the period is what lies between the fours."""
        order = np.lexsort((windows.width, windows.log_chance, windows.unit))
        first = np.ones(len(order), np.bool_)
        first[1:] = windows.unit[order][1:] != windows.unit[order][:-1]
        chosen = order[first]
        at, chance, kept = windows.unit[chosen], windows.log_chance[chosen], windows.kept[chosen]
        whole = (kept >= WHOLE_SHARE) & (chance <= WHOLE_LOG_CHANCE)
        stood = (self.kept[at] >= WHOLE_SHARE) & (self.log_chance[at] <= WHOLE_LOG_CHANCE)
        better = (whole & ~stood) | ((whole == stood) & (chance < self.log_chance[at] - 1e-9))
        at, chosen = at[better], chosen[better]
        self.log_chance[at], self.kept[at] = windows.log_chance[chosen], windows.kept[chosen]
        self.gaps[at], self.step[at] = windows.gaps[chosen], windows.step[chosen]
        self.width[at], self.clock[at], self.grain[at] = windows.width[chosen], clock, grain


def gap_step(gap: Ints) -> Ints:
    """Step of a gap's logarithm."""
    found = np.log(np.maximum(gap, 1).astype(np.float32))
    found /= np.float32(STEP)
    np.minimum(found, STEPS - 1, out=found)
    return found.astype(np.int64)


def _windows(cell: Ints, times: Ints, counts: Ints, shares: Floats, names: int) -> Windows:
    """Every window worth judging. `cell` are the (unit, step) that occur, in order, `times` how
    often; `shares` sums what `names` honest names spread over the steps."""
    unit, step = cell // STEPS, cell % STEPS
    total = counts[unit]
    kept = times.copy()
    done, found = 1, []
    for width in WIDTHS:
        for ahead in range(done, width):
            # At most `ahead` cells further on lies the step `ahead` above, if it occurs.
            for place in range(1, ahead + 1):
                later = cell[place:] - cell[:-place] == ahead
                later &= unit[place:] == unit[:-place]
                kept[:-place] += np.where(later, times[place:], 0)
        done = width
        worth = (kept >= FEWEST_GAPS - 1) & (kept >= LEAST_SHARE * total)
        worth &= step + width < STEPS  # the last step holds whatever is longer
        k, n, at = kept[worth].astype(float), total[worth].astype(float), step[worth]
        others = np.maximum(shares[np.minimum(at + width, STEPS)] - shares[at] - k / n, 0)
        p = (others + EVEN_UNITS * width / LIKELY_STEPS) / (max(names - 1, 0) + EVEN_UNITS)
        chance = log_chance(k, n, np.minimum(p, 0.9)) + np.log10(TRIED)
        wide = np.full(len(at), width)
        columns = unit[worth], at, wide, chance, k / n, total[worth]
        found.append(Windows(*(column[chance < 0] for column in columns)))
    return Windows(*(np.concatenate(column) for column in zip(*found, strict=True)))


def log_chance(k: Floats, n: Floats, p: Floats) -> Floats:
    """log10 of Chernoff's bound on the chance that k of n fall where each falls with chance p."""
    missed = n - k
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(missed > 0, missed * np.log(missed / (n * (1 - p))), 0.0)
        bound = -(k * np.log(k / (n * p)) + rest) / np.log(10)
    return np.where(k > n * p, bound, 0.0)


def _table(
    best: Best, ticks: Ticks, host: Ints, signs: tuple[Ints, Ints], bounds: Bounds
) -> pa.Table:
    """One row a unit that a window fits or that is heard in many hours."""
    units = len(host)
    if not units:
        return pa.Table.from_pylist([], schema=_SCHEMA)
    hour = ticks.wall // 3600
    new_hour = np.ones(len(hour), np.bool_)
    new_hour[1:] = (hour[1:] != hour[:-1]) | (ticks.unit[1:] != ticks.unit[:-1])
    hours_heard = np.bincount(ticks.unit[new_hour], minlength=units)
    first = np.searchsorted(ticks.unit, np.arange(units))
    last = np.searchsorted(ticks.unit, np.arange(units), side="right")
    on_hours = np.unique((signs[0] << SECOND_BITS) | (signs[1] // 3600))
    hours_on = np.maximum(
        np.searchsorted(on_hours, (host << SECOND_BITS) | hour[last - 1], side="right")
        - np.searchsorted(on_hours, (host << SECOND_BITS) | hour[first]),
        hours_heard,
    )
    stays = (hours_heard >= bounds.hours) & (hours_heard >= bounds.share * hours_on)
    told = np.flatnonzero((best.log_chance <= bounds.log_chance) | stays)
    rows = []
    for unit in told.tolist():
        low, high = int(first[unit]), int(last[unit])
        wall = ticks.wall[low:high]
        period, jitter = _period(best, unit, wall, ticks.on[low:high])
        rows.append(
            {
                "unit_no": unit,
                "ticks": high - low,
                "beats": int(best.gaps[unit]) + 1,
                "period_s": period,
                "jitter": jitter,
                "kept": float(best.kept[unit]),
                "clock": "on" if best.clock[unit] == ON else "wall",
                "log_chance": float(best.log_chance[unit]),
                "hours_heard": int(hours_heard[unit]),
                "hours_on": int(hours_on[unit]),
                "sample": wall[-SAMPLE:].tolist(),
            }
        )
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


_SCHEMA = pa.schema(
    [
        ("unit_no", pa.int32()),
        ("ticks", pa.int64()),
        ("beats", pa.int64()),
        ("period_s", pa.float64()),
        ("jitter", pa.float64()),
        ("kept", pa.float64()),
        ("clock", pa.string()),
        ("log_chance", pa.float64()),
        ("hours_heard", pa.int64()),
        ("hours_on", pa.int64()),
        ("sample", pa.list_(pa.int64())),
    ]
)


def _period(best: Best, unit: int, wall: Ints, on: Ints) -> tuple[float | None, float | None]:
    """Median of the kept gaps in seconds, and half the middle 80 % of them as its share."""
    if best.width[unit] == 0:
        return None, None
    is_beat = np.ones(len(wall), np.bool_)
    is_beat[1:] = np.diff(wall) > best.grain[unit]
    gap = np.diff((on if best.clock[unit] == ON else wall)[is_beat])
    step = gap_step(gap)
    low = best.step[unit]
    kept = gap[(step >= low) & (step < low + best.width[unit])]
    if not len(kept):
        return None, None
    period = float(np.median(kept))
    tenth, ninetieth = np.quantile(kept, [0.1, 0.9])
    return period, float((ninetieth - tenth) / 2 / max(period, 1.0))
