"""The methods that are compared: each finds a clock, none finds a rhythm in one beat."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from kizashi.measure import rhythm_methods as methods

CLOCK = methods.FIRST_SECOND + 3600 * np.arange(48)


@pytest.mark.parametrize("name", methods.METHODS)
def test_a_clock_scores_higher_than_most_honest_contacts(name: str) -> None:
    score = methods.METHODS[name]
    honest = [methods.honest_series(Random(n)) for n in range(20)]
    assert np.mean([methods.scored(score, s) < score(CLOCK) for s in honest]) > 0.75


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_few_beats_score_nothing(count: int) -> None:
    assert [methods.scored(score, CLOCK[:count]) for score in methods.METHODS.values()] == [0.0] * 3


def test_the_clock_of_working_hours_stands_still_at_night_and_at_the_weekend() -> None:
    hour = 3600
    moments = methods.FIRST_SECOND + hour * np.array([8, 9, 18, 33, 5 * 24, 7 * 24 + 9])
    assert (methods.working_clock(moments) // hour).tolist() == [0, 0, 9, 9, 45, 45]


def test_gap_windows_find_a_clock_among_honest_contacts() -> None:
    honest = [methods.honest_series(Random(n)) for n in range(20)]
    assert methods.gap_windows([CLOCK], honest)[0] > 10
