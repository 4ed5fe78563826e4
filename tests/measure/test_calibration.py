"""What is said to be rare is held against organisations that it was not learned from."""

from __future__ import annotations

import math
import tomllib
from random import Random
from xml.etree import ElementTree

import pytest

from kizashi.chains import scoring
from kizashi.measure.calibration import FEWEST, Life, as_toml, check, knots, plot


def life(seed: int, per_decade: float = 1.0, host_days: float = 5000) -> Life:
    """Scores that halve as they should: one in 10^(k / per_decade) host-days reaches k."""
    random = Random(seed)
    count = round(host_days / 10)
    scores = (per_decade * (1 - math.log10(1 - random.random())) for _ in range(count))
    return Life(host_days, tuple(round(s, 3) for s in scores))


def test_the_table_ends_where_too_few_groups_say_so() -> None:
    told = knots([life(1)])
    days, scores = 5000, life(1).scores
    for score, k in told:
        assert k == round(math.log10(days / sum(s >= score for s in scores)), 3)
    beyond = told[-1][0] + 0.1
    assert sum(s >= beyond for s in scores) < FEWEST


@pytest.mark.parametrize("per_decade", [0.5, 1.0, 2.0])
def test_scores_of_any_scale_are_said_as_often_as_they_arise(per_decade: float) -> None:
    rows = check([life(seed, per_decade) for seed in range(4)])
    assert rows and all(row.expected >= FEWEST for row in rows)
    assert all(row.holds for row in rows)


def test_an_organisation_of_another_kind_is_told_to_be_so() -> None:
    calm, loud = life(1), Life(5000, tuple(s + 1 for s in life(2).scores))
    assert not all(row.holds for row in check([calm, loud]))


def test_what_is_said_between_and_beyond_the_knots() -> None:
    table = [(1.0, 2.0), (2.0, 4.0)]
    said = [scoring.exponent(score, table) for score in (0.0, 0.5, 1.0, 1.5, 2.0, 3.5)]
    assert said == [0.0, 1.0, 2.0, 3.0, 4.0, 5.5]


def test_words_claim_no_more_than_the_host_days_of_the_lake() -> None:
    score = 2.0
    k = scoring.exponent(score)
    assert k > score  # ordinary life reaches a score less often than it says
    many, few = scoring.in_words(score, 10 ** (k + 1)), scoring.in_words(score, 100)
    assert many[0] == f"once in {10**k:,.0f} host-days by chance"
    assert few[0] == "rarer than anything in the 100 host-days of these logs"


def test_the_table_is_read_as_it_is_written_and_drawn_as_a_picture() -> None:
    lives = [life(1), life(2)]
    said = tomllib.loads(as_toml(lives, "two"))
    assert [tuple(knot) for knot in said["knots"]] == knots(lives)
    assert said["source"] == "two, 10,000 host-days"
    drawn = ElementTree.fromstring(plot(check(lives), "Calibration"))
    circles = drawn.findall("{http://www.w3.org/2000/svg}circle")
    assert len(circles) == len(check(lives))
