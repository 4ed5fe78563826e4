"""How much signals and links weigh: minus log10 of how often such a thing happens by chance here.

A detector's committed prior is shrunk towards the lake's own counts of signals that were as sure. A
family counts once in a chain, since correlated detectors of one behaviour are one witness.
"""

from __future__ import annotations

import math
import tomllib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SEVERITIES = (("critical", 4.5), ("high", 3.0), ("medium", 2.0))


@dataclass(frozen=True, slots=True)
class Chance:
    """How often a detector fires by chance per host-day: as committed, and as counted here."""

    prior_per_host_day: float
    prior_host_days: float  # what the prior is worth against the lake's own counts
    fired: tuple[float, ...]  # the best confidence of each host-day on which it fired, ascending
    host_days: float

    def per_host_day(self, confidence: float = 0.0, own_host_days: int = 0) -> float:
        """The shrunk rate of signals at least this sure, the judged host's own days left out."""
        as_sure = len(self.fired) - bisect_left(self.fired, confidence)
        fired = max(0, as_sure - own_host_days)
        days = max(0.0, self.host_days - own_host_days)
        worth = self.prior_host_days
        return (self.prior_per_host_day * worth + fired) / (worth + days)


def weight(chance: Chance, confidence: float, own_host_days: int = 0) -> float:
    """Weight of one signal, 0 to 6, rounded so that ranks do not hang on the last bit."""
    rate = min(1.0, max(1e-6, chance.per_host_day(confidence, own_host_days)))
    return round(-math.log10(rate) * min(1.0, max(0.0, confidence)), 3)


def severity(score: float, *, single: bool) -> str:
    """A fixed function of the score; a single signal stays medium at most."""
    for name, least in SEVERITIES:
        if score >= least and not (single and least > SEVERITIES[-1][1]):
            return name
    return "low"


Knots = Sequence[tuple[float, float]]


@cache
def calibration() -> Knots:
    """(score, k): so high a score arises once in 10^k host-days of ordinary life, as counted."""
    text = files(__package__).joinpath("calibration.toml").read_text("utf-8")
    return tuple((float(score), float(k)) for score, k in tomllib.loads(text)["knots"])


def exponent(score: float, knots: Knots | None = None) -> float:
    """k, where a score arises by chance once in 10^k host-days: between the knots in proportion,
    beyond the last one by the score's own decades."""
    table = calibration() if knots is None else knots
    before = (0.0, 0.0)
    for after in table:
        if score < after[0]:
            share = (score - before[0]) / (after[0] - before[0])
            return before[1] + share * (after[1] - before[1])
        before = after
    return before[1] + score - before[0]


def in_words(score: float, host_days: float) -> tuple[str, str]:
    """The score in English and Japanese, claiming no more than the lake's host-days can show."""
    shown = math.log10(max(1.0, host_days))
    said = exponent(score)
    if said <= shown:
        days = f"{10**said:,.0f}"
        return f"once in {days} host-days by chance", f"偶然なら {days} ホスト日に一度"
    days = f"{host_days:,.0f}"
    return (
        f"rarer than anything in the {days} host-days of these logs",
        f"このログの {days} ホスト日のどれよりも稀",
    )
