"""Where things stand in the drawn timeline of an incident: lanes, marks, ties, breaks and labels.

Time runs to the right, to scale within each busy stretch. A long quiet stretch is cut to a fixed
width and says how long it was, so that an hour and a fortnight fit the same drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from kizashi.incidents import Incident, Missing, Stage
from kizashi.report.attack import tactic_order
from kizashi.report.moments import as_utc

WIDTH = 1000.0
_LEFT, _RIGHT = 196.0, 958.0
_AXIS, _NO_AXIS, _LANE, _EMPTY_LANE = 40.0, 18.0, 40.0, 26.0
_MARK_STEP, _MARK_RADIUS, _SMALLEST_RADIUS = 25.0, 10.0, 3.0
_NUMBERED_FROM_RADIUS = 8.0
_BREAK, _MOST_BREAKS = 104.0, 4
_BREAK_TIMES, _SHORTEST_BREAK_S = 4, 900.0
_LABEL_STEP = 62.0


@dataclass(frozen=True, slots=True)
class Lane:
    """One tactic; `missing` says why nothing stands in it."""

    tactic: str
    top: float
    height: float
    missing: Missing | None = None

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


@dataclass(frozen=True, slots=True)
class Mark:
    """One stage, numbered as in the list of stages."""

    number: int
    x: float
    y: float
    stage: Stage
    labelled: bool  # there is room for its time on the axes


@dataclass(frozen=True, slots=True)
class Tie:
    """The line from one stage to the next; dashed when the link is inferred."""

    path: str
    inferred: bool


@dataclass(frozen=True, slots=True)
class Break:
    """A quiet stretch left out."""

    x: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """The drawing of one incident, in SVG units."""

    height: float
    radius: float
    numbered: bool
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    ties: tuple[Tie, ...]
    breaks: tuple[Break, ...]
    lanes_top: float
    left: float = _LEFT - 22
    right: float = _RIGHT + 22

    @property
    def lanes_bottom(self) -> float:
        return self.height - _AXIS


def draw(incident: Incident, zoned: bool = True) -> Timeline:
    """The drawing of an incident, with room above for the axis of its site's zone if it has one."""
    lanes_top = _AXIS if zoned else _NO_AXIS
    lanes = _lanes(incident, lanes_top)
    order = sorted(range(len(incident.stages)), key=lambda n: (as_utc(incident.stages[n].time), n))
    times = [as_utc(incident.stages[n].time).timestamp() for n in order]
    places, breaks, step = _places(times)
    radius = max(_SMALLEST_RADIUS, min(_MARK_RADIUS, step * 0.45))
    middles = {lane.tactic: lane.middle for lane in lanes}
    labelled = _labelled(places)
    marks = {
        n: Mark(
            n + 1,
            places[at],
            middles[incident.stages[n].stage],
            incident.stages[n],
            at in labelled,
        )
        for at, n in enumerate(order)
    }
    in_chain = tuple(marks[n] for n in range(len(incident.stages)))
    height = lanes_top + _AXIS + sum(lane.height for lane in lanes)
    return Timeline(
        height,
        round(radius, 1),
        radius >= _NUMBERED_FROM_RADIUS,
        lanes,
        in_chain,
        tuple(_tie(before, after) for before, after in pairwise(in_chain)),
        breaks,
        lanes_top,
    )


def _lanes(incident: Incident, top: float) -> tuple[Lane, ...]:
    missing = {item.stage: item for item in reversed(incident.missing)}
    seen = {stage.stage for stage in incident.stages}
    lanes = []
    for tactic in sorted(seen | set(missing), key=tactic_order):
        height = _LANE if tactic in seen else _EMPTY_LANE
        lanes.append(Lane(tactic, top, height, None if tactic in seen else missing[tactic]))
        top += height
    return tuple(lanes)


def _places(times: Sequence[float]) -> tuple[list[float], tuple[Break, ...], float]:
    """x of each time (ascending), the breaks, and the least step between two marks."""
    gaps = [later - earlier for earlier, later in pairwise(times)]
    if not gaps:
        return [_LEFT] * len(times), (), _MARK_STEP
    long = _long_gaps(gaps)
    room = _RIGHT - _LEFT - _BREAK * len(long)
    short = [gap for at, gap in enumerate(gaps) if at not in long]
    step = min(_MARK_STEP, room / max(1, len(short)))
    scale = _scale(short, step, room)
    widths = [_BREAK if at in long else max(step, gap * scale) for at, gap in enumerate(gaps)]
    # Without a stretch that time itself would fill, a few marks stay close to the left.
    stretch = min((_RIGHT - _LEFT) / sum(widths), 3.0)
    places = [_LEFT]
    for width in widths:
        places.append(places[-1] + width * stretch)
    breaks = tuple(
        Break(round((places[at] + places[at + 1]) / 2, 1), gaps[at]) for at in sorted(long)
    )
    return [round(x, 1) for x in places], breaks, step


def _long_gaps(gaps: Sequence[float]) -> set[int]:
    """The gaps to cut: those that dwarf all the shorter ones together, when they are few."""
    by_length = sorted(range(len(gaps)), key=lambda n: (gaps[n], n))
    shorter = 0.0
    for rank, at in enumerate(by_length):
        dwarfs = 0 < shorter * _BREAK_TIMES < gaps[at]
        if dwarfs and gaps[at] >= _SHORTEST_BREAK_S and len(gaps) - rank <= _MOST_BREAKS:
            return set(by_length[rank:])
        shorter += gaps[at]
    return set()


def _scale(gaps: Sequence[float], step: float, room: float) -> float:
    """Units per second at which the gaps, none narrower than `step`, fill the room."""
    low, high = 0.0, room / max(1e-6, max(gaps, default=1e-6))
    for _halving in range(60):
        middle = (low + high) / 2
        if sum(max(step, gap * middle) for gap in gaps) > room:
            high = middle
        else:
            low = middle
    return low


def _labelled(places: Sequence[float]) -> set[int]:
    chosen: set[int] = set()
    free_from = float("-inf")
    for at, x in enumerate(places):
        if x >= free_from:
            chosen.add(at)
            free_from = x + _LABEL_STEP
    return chosen


def _tie(before: Mark, after: Mark) -> Tie:
    """A curve that leaves along the lane and arrives along the lane."""
    bend = round((before.x + after.x) / 2, 1)
    path = f"M{before.x} {before.y}C{bend} {before.y} {bend} {after.y} {after.x} {after.y}"
    return Tie(path, after.stage.inferred)
