"""Implants laid over a lake: their moments, the machines they lie on, and what is found."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from kizashi import pipeline
from kizashi.config import Config
from kizashi.errors import UsageError
from kizashi.measure import beacons
from kizashi.measure.generate import generate

START = datetime.fromisoformat("2026-03-02")  # UTC without a zone, as in the tables
HOUR = timedelta(hours=1)


def cell(period_s: float = 3600.0, timing: str = "drift") -> beacons.Cell:
    return beacons.Cell("x", period_s, jitter=0.2, days=2, must=0.9, timing=timing)


def test_drift_keeps_every_gap_within_the_jitter() -> None:
    made = beacons.beats(cell(), Random(1), [(START, START + 48 * HOUR)])
    gaps = [(b - a) / HOUR for a, b in pairwise(made)]
    assert 40 <= len(made) <= 60
    assert all(0.8 <= gap <= 1.2 for gap in gaps)


def test_a_locked_schedule_never_drifts_away() -> None:
    made = beacons.beats(cell(timing="locked"), Random(1), [(START, START + 48 * HOUR)])
    assert abs((made[-1] - made[0]) / HOUR - (len(made) - 1)) <= 0.2


def test_nothing_is_sent_while_the_machine_is_off() -> None:
    on = [(START, START + 9 * HOUR), (START + 24 * HOUR, START + 33 * HOUR)]
    made = beacons.beats(cell(), Random(1), on)
    assert all(any(low <= moment < high for low, high in on) for moment in made)
    assert any(moment >= on[1][0] for moment in made)


@pytest.mark.parametrize(
    ("found", "trials", "low", "high"),
    [(0, 0, 0.0, 1.0), (200, 200, 0.981, 1.0), (1, 2, 0.095, 0.905)],
)
def test_the_interval_is_wilsons(found: int, trials: int, low: float, high: float) -> None:
    assert beacons.wilson(found, trials) == pytest.approx((low, high), abs=1e-3)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("beacons")
    generate(root / "logs", days=8, hosts=16, attack=False)
    list(pipeline.read(root / "lake", [root / "logs"], Config()))
    return root / "lake"


def test_a_five_minute_implant_is_found_within_two_days(lake: Path) -> None:
    (outcome,) = beacons.measure(lake, 5, cells=[cell(period_s=300.0)])
    assert (outcome.found, outcome.trials) == (5, 5)


def test_a_rank_is_counted_on_machines_of_their_own(lake: Path) -> None:
    daily = beacons.Cell("x", 86400.0, jitter=0.1, days=3, must=0.8, goal="rank")
    hourly = beacons.Cell("x", 3600.0, jitter=0.1, days=3, must=0.8, goal="rank")
    first = [o.found for o in beacons.measure(lake, 4, cells=[daily, hourly])]
    # Three beats a day apart are too few to be a rhythm; a hundred are not.
    assert first[0] <= first[1] == 4


def test_measuring_leaves_the_lake_as_it_was(lake: Path) -> None:
    beacons.measure(lake, 2, cells=[cell(period_s=300.0)])
    with pipeline.open_settled(lake) as con:
        (count,) = con.execute("SELECT count(*) FROM http_activity WHERE uri = '/a'").fetchall()
    assert count == (0,)


def test_a_lake_too_short_for_the_grid_is_refused(lake: Path) -> None:
    with pytest.raises(UsageError, match="span 7 days"):
        beacons.measure(lake, 2)
