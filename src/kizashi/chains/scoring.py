"""How much signals and links weigh: minus log10 of how often such a thing happens by chance here.

A detector's committed prior is shrunk towards the lake's own counts of signals that were as sure. A
family counts once in a chain, since correlated detectors of one behaviour are one witness.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

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


def in_words(score: float, host_days: float) -> tuple[str, str]:
    """The score in English and Japanese, claiming no more than the lake's host-days can show."""
    shown = math.log10(max(1.0, host_days))
    if score <= shown:
        days = f"{10**score:,.0f}"
        return f"once in {days} host-days by chance", f"偶然なら {days} ホスト日に一度"
    days = f"{host_days:,.0f}"
    return (
        f"rarer than anything in the {days} host-days of these logs",
        f"このログの {days} ホスト日のどれよりも稀",
    )
