"""Ways to find a rhythm, compared on the same series at one false alarm in a hundred.

`python -m kizashi.measure.rhythm_methods` prints the table of docs/rhythm.md. The series are
implants of one host, and honest contacts of working hours; each method's threshold is what one
honest series in a hundred passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random

import numpy as np

from kizashi.entities import rhythm
from kizashi.entities.rhythm import Floats, Ints
from kizashi.measure.beacons import Cell, beats

HONEST = 400
TRIALS = 60
FALSE_ALARMS = 0.01
FOLD_S, SPECTRUM_S = 30, 60  # widths of bins
START = datetime.fromisoformat("2026-03-02")  # a Monday, UTC without a zone as in the tables
FIRST_SECOND = 1_772_409_600
CELLS = (
    Cell("5 min, jitter 0 %", 300, 0.0, 1, 0),
    Cell("5 min, jitter 50 %", 300, 0.5, 1, 0),
    Cell("1 h, jitter 20 %", 3600, 0.2, 3, 0),
    Cell("4 h, jitter 20 %", 14400, 0.2, 7, 0),
    Cell("4 h, jitter 20 %, locked to a schedule", 14400, 0.2, 7, 0, timing="locked"),
    Cell("8 h, jitter 50 %", 28800, 0.5, 14, 0),
    Cell("once a day, jitter 10 %", 86400, 0.1, 25, 0),
    Cell("1 h, jitter 20 %, office hours", 3600, 0.2, 3, 0, office=True),
    Cell("Poisson, mean 30 min", 1800, 0.0, 7, 0, timing="poisson"),
)
Score = Callable[[Ints], float]


def interval_statistics(beat: Ints) -> float:
    """Evenness of the gaps as RITA scores it: their skew by quartiles, and their spread."""
    gap = np.diff(beat).astype(float)
    low, middle, high = np.quantile(gap, [0.25, 0.5, 0.75])
    skew = abs(low + high - 2 * middle) / (high - low) if high > low else 0.0
    spread = float(np.median(np.abs(gap - middle))) / max(middle, 1.0)
    return float(1 - skew + max(0.0, 1 - spread)) / 2


def phase_folding(beat: Ints) -> float:
    """Rayleigh's statistic of the phases at the period that fits best, of all that the span tells
    apart: the power of the counts in narrow bins."""
    power = np.abs(np.fft.rfft(_counts(beat, FOLD_S))) ** 2
    return float(power[2:].max() / len(beat)) if len(power) > 2 else 0.0


def spectrum(beat: Ints) -> float:
    """The highest autocorrelation of the counts in wide bins at a lag of at most a third of the
    span, by way of their power spectrum."""
    counts = _counts(beat, SPECTRUM_S)
    power = np.abs(np.fft.rfft(counts - counts.mean(), 2 * len(counts))) ** 2
    agreement = np.fft.irfft(power)[: max(3, len(counts) // 3)]
    return float(agreement[2:].max() / agreement[0]) if agreement[0] > 0 else 0.0


def _counts(beat: Ints, width_s: int) -> Floats:
    return np.bincount((beat - beat[0]) // width_s).astype(float)


def scored(score: Score, second: Ints) -> float:
    """The score of the beats in a series, as rhythm.py makes beats of what lies close together."""
    beat = second[np.diff(second, prepend=-rhythm.GRAINS[2] - 1) > rhythm.GRAINS[2]]
    return score(beat) if len(beat) > rhythm.FEWEST_GAPS else 0.0


METHODS: dict[str, Score] = {
    "interval statistics": interval_statistics,
    "phase folding": phase_folding,
    "spectrum": spectrum,
}


def gap_windows(series: Sequence[Ints], others: Sequence[Ints]) -> Floats:
    """The method of entities/rhythm.py: how unlikely the best window of gap lengths is, where
    `others` are the rare names that it is compared with. Hosts count as on while they are heard in
    office hours, which is what their uptime tells."""
    known = [*others, *series]
    unit = np.repeat(np.arange(len(known)), [len(ticks) for ticks in known])
    wall = np.concatenate(known)
    best = rhythm.judge(rhythm.Ticks(unit, wall, working_clock(wall)), len(known))
    return -best.log_chance[len(others) :]


def working_clock(wall: Ints) -> Ints:
    """The clock that runs from nine to six on working days only."""
    day, second = (wall - FIRST_SECOND) // 86_400, (wall - FIRST_SECOND) % 86_400
    worked = day // 7 * 5 + np.minimum(day % 7, 5)
    within: Ints = worked * 32_400 + np.where(day % 7 < 5, np.clip(second - 32_400, 0, 32_400), 0)
    return within


def implant(cell: Cell, rng: Random) -> Ints:
    """Seconds at which one implant of the cell calls."""
    day = timedelta(days=1)
    stretches = [(START, START + cell.days * day)]
    if cell.office:
        nine, six = timedelta(hours=9), timedelta(hours=18)
        stretches = [(START + n * day + nine, START + n * day + six) for n in range(cell.days)]
    return _seconds(beats(cell, rng, stretches))


def honest_series(rng: Random) -> Ints:
    """Seconds at which a host honestly contacts one site in office hours: a person's visits of some
    pages, or a program that reports what happens, when it happens."""
    moments = []
    visits = rng.choice((1, 2, 4, 8))
    pages = rng.choice((1, 6))
    for day in range(14):
        if day % 7 < 5 and rng.random() < 0.8:
            for _ in range(rng.randint(0, 2 * visits)):
                at = START + timedelta(days=day, hours=rng.uniform(9, 18))
                for _ in range(rng.randint(1, pages)):
                    moments.append(at)
                    at += timedelta(seconds=rng.expovariate(1 / 90))
    return _seconds(sorted(moments))


def _seconds(moments: Sequence[datetime]) -> Ints:
    found = [FIRST_SECOND + int((moment - START).total_seconds()) for moment in moments]
    return np.unique(np.asarray(found, np.int64))


def compare(
    seed: int = 7, trials: int = TRIALS, count: int = HONEST
) -> dict[str, dict[str, float]]:
    """Share found by cell and method."""
    rng = Random(seed)
    honest = [honest_series(rng) for _ in range(count)]
    half = count // 2
    found: dict[str, dict[str, float]] = {cell.name: {} for cell in CELLS}
    series = {cell.name: [implant(cell, rng) for _ in range(trials)] for cell in CELLS}
    for name, score in METHODS.items():
        bound = np.quantile([scored(score, ticks) for ticks in honest], 1 - FALSE_ALARMS)
        for cell, made in series.items():
            found[cell][name] = float(np.mean([scored(score, t) > bound for t in made]))
    bound = np.quantile(gap_windows(honest[half:], honest[:half]), 1 - FALSE_ALARMS)
    for cell, made in series.items():
        # One at a time: a hundred implants of one period would be a habit of the fleet.
        shares = [gap_windows([ticks], honest)[0] > bound for ticks in made]
        found[cell]["gap windows"] = float(np.mean(shares))
    return found


def main() -> None:
    """Print the table as Markdown."""
    found = compare()
    methods = [*METHODS, "gap windows"]
    print(f"| implant | days | {' | '.join(methods)} |")
    print(f"|---|---|{'---|' * len(methods)}")
    for cell in CELLS:
        shares = " | ".join(f"{found[cell.name][method]:.2f}" for method in methods)
        print(f"| {cell.name} | {cell.days} | {shares} |")


if __name__ == "__main__":
    main()
