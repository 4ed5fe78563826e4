"""Whether what is said to arise once in so many host-days does so: ordinary life, counted.

The scores of every group of signals in organisations without an attack, told or not, say how often
a score is reached by chance. `knots` makes a table of that for `chains/calibration.toml`; `check`
holds what is said against organisations that the table was not made from; `plot` draws both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from kizashi.chains import scoring

# A rate from fewer groups says too little.
FEWEST = 10
WITHIN = 3.0
_FIRST = 1.0
# Between two knots, in scores, and between two rows, in decades.
_KNOT, STEP = 0.1, 0.25
DEEPEST = 6.0


class Life(NamedTuple):
    """One organisation's ordinary days: how many host-days, and the score of each group."""

    host_days: float
    scores: tuple[float, ...]


class Row(NamedTuple):
    """What was said to arise once in 10^k host-days, how often it should have, and how often it
    did."""

    k: float
    expected: float
    found: int
    low: float  # of `found`, by chance alone, 95 %
    high: float

    @property
    def holds(self) -> bool:
        """True within a factor of three."""
        return self.expected / WITHIN <= self.found <= self.expected * WITHIN


def knots(lives: Iterable[Life]) -> list[tuple[float, float]]:
    """(score, k): so high a score arises once in 10^k host-days, as far as enough groups say."""
    told = list(lives)
    days = sum(life.host_days for life in told)
    found = []
    for number in range(1, round(DEEPEST / _KNOT)):
        score = round(number * _KNOT, 3)
        count = sum(s >= score for life in told for s in life.scores)
        if count < FEWEST:
            break
        found.append((score, round(math.log10(days / count), 3)))
    return found


def check(lives: Sequence[Life]) -> list[Row]:
    """What is said against what arises. Each half of the organisations is judged by the other
    half's table, so that nothing is judged by itself; with one organisation, by the committed."""
    if len(lives) < 2:
        return list(_rows(lives, lambda score, _n: scoring.exponent(score)))
    tables = [knots(lives[1::2]), knots(lives[::2])]
    return list(_rows(lives, lambda score, n: scoring.exponent(score, tables[n % 2])))


def _rows(lives: Sequence[Life], said: Callable[[float, int], float]) -> Iterator[Row]:
    days = sum(life.host_days for life in lives)
    told = [said(score, n) for n, life in enumerate(lives) for score in life.scores]
    for number in range(round(DEEPEST / STEP)):
        k = _FIRST + number * STEP
        expected = days / 10**k
        if expected < FEWEST:
            return
        found = sum(one >= k for one in told)
        yield Row(k, expected, found, *_spread(found))


def _spread(count: int) -> tuple[float, float]:
    """Bounds of a count by chance alone, 95 % (Byar's approximation of Poisson's)."""
    low = count * (1 - 1 / (9 * count) - 1.96 / (3 * math.sqrt(count))) ** 3 if count else 0.0
    more = count + 1
    high = more * (1 - 1 / (9 * more) + 1.96 / (3 * math.sqrt(more))) ** 3
    return low, high


def as_toml(lives: Sequence[Life], source: str) -> str:
    """The table as `chains/calibration.toml` holds it."""
    days = sum(life.host_days for life in lives)
    lines = [
        "# How often a score is reached by chance: once in 10^k host-days. Written by",
        "# `kizashi measure calibration`. Beyond the last row a score's own decades count.",
        f'source = "{source}, {days:,.0f} host-days"',
        f"host_days = {days:.0f}",
        "knots = [",
        *(f"    [{score:.2f}, {k:.3f}]," for score, k in knots(lives)),
        "]",
    ]
    return "\n".join(lines) + "\n"


# The plot, in pixels.
_WIDTH, _HEIGHT, _MARGIN = 640, 400, 60


def plot(rows: Sequence[Row], title: str) -> str:
    """An SVG: said against found, both as one in 10^k host-days, with the band of three."""
    least, most = 0.75, max((row.k for row in rows), default=2.0) + 0.5

    def x(k: float) -> float:
        return _MARGIN + (k - least) / (most - least) * (_WIDTH - 2 * _MARGIN)

    def y(k: float) -> float:
        return _HEIGHT - _MARGIN - (k - least) / (most - least) * (_HEIGHT - 2 * _MARGIN)

    wide = math.log10(WITHIN)
    band = [(least, least - wide), (most, most - wide), (most, most + wide), (least, least + wide)]
    corners = " ".join(f"{x(a):.1f},{y(min(most, max(least, b))):.1f}" for a, b in band)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f"<title>{title}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<polygon points="{corners}" fill="#dde7f0"/>',
        f'<line x1="{x(least):.1f}" y1="{y(least):.1f}" x2="{x(most):.1f}" y2="{y(most):.1f}" '
        'stroke="#5b7c99"/>',
    ]
    for k in (k for k in range(1, 7) if least <= k <= most):
        label = f"{10**k:,}"
        parts += [
            f'<text x="{x(k):.1f}" y="{_HEIGHT - _MARGIN + 18}" text-anchor="middle">'
            f"{label}</text>",
            f'<text x="{_MARGIN - 8}" y="{y(k) + 4:.1f}" text-anchor="end">{label}</text>',
        ]
    for row in rows:
        days = row.expected * 10**row.k
        low, mid, high = (
            math.log10(days / max(0.5, count)) for count in (row.high, row.found, row.low)
        )
        ends = [min(most, max(least, value)) for value in (low, high)]
        parts += [
            f'<line x1="{x(row.k):.1f}" y1="{y(ends[0]):.1f}" x2="{x(row.k):.1f}" '
            f'y2="{y(ends[1]):.1f}" stroke="#333333"/>',
            f'<circle cx="{x(row.k):.1f}" cy="{y(min(most, mid)):.1f}" r="4" fill="#d1495b"/>',
        ]
    parts += [
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 14}" text-anchor="middle">said: once in so many '
        "host-days</text>",
        f'<text x="16" y="{_HEIGHT / 2}" text-anchor="middle" '
        f'transform="rotate(-90 16 {_HEIGHT / 2})">found: once in so many host-days</text>',
        f'<text x="{_WIDTH / 2}" y="24" text-anchor="middle">{title}</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
