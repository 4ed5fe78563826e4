"""What a chance is worth: the committed prior against the lake's own counts."""

from __future__ import annotations

from kizashi.chains.scoring import Chance, weight


def test_quiet_days_outweigh_a_guess_and_not_a_measured_prior() -> None:
    guessed = Chance(0.0035, 100.0, (), 900.0)
    measured = Chance(0.0035, 9_600.0, (), 900.0)
    assert round(guessed.per_host_day(), 6) == 0.00035
    assert round(measured.per_host_day(), 6) == 0.0032
    assert weight(guessed, 0.6) == 2.074
    assert weight(measured, 0.6) == 1.497


def test_what_fires_often_here_weighs_little_whatever_the_prior_says() -> None:
    often = Chance(0.0035, 9_600.0, (0.6,) * 5_000, 10_000.0)
    assert weight(often, 0.6) == 0.354
