"""The drawing keeps order and scale, cuts long silences and never leaves its frame."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from kizashi.incidents import Incident
from kizashi.report.timeline import WIDTH, draw
from tests.report.hunt_results import MONDAY, forwarder_names, mail_to_c2, run_key


def at(*minutes: float) -> Incident:
    """An incident with one stage at each of these minutes."""
    one = run_key().stages[0]
    stages = tuple(replace(one, time=MONDAY + timedelta(minutes=m)) for m in minutes)
    return replace(run_key(), stages=stages)


def test_lanes_stand_in_the_order_of_an_attack_with_the_missing_between() -> None:
    lanes = draw(mail_to_c2()).lanes
    assert [(lane.tactic, lane.missing.reason if lane.missing else "") for lane in lanes] == [
        ("initial-access", ""),
        ("execution", ""),
        ("persistence", ""),
        ("credential-access", "no_such_log"),
        ("discovery", ""),
        ("lateral-movement", "log_present_nothing_there"),
        ("command-and-control", ""),
        ("exfiltration", ""),
    ]


def test_long_silences_are_cut_and_say_how_long_they_were() -> None:
    hours = [round(cut.seconds / 3_600, 1) for cut in draw(mail_to_c2()).breaks]
    assert hours == [0.7, 24.0, 33.4]


def test_within_a_stretch_distances_are_to_scale() -> None:
    first, second, third = draw(at(0, 10, 40)).marks
    assert round((third.x - second.x) / (second.x - first.x), 2) == 3.0


def test_a_few_seconds_and_two_days_are_cut_where_the_days_are() -> None:
    assert [cut.seconds for cut in draw(at(0, 0.1, 1_440, 2_880)).breaks] == [86_394, 86_400]


def test_evenly_spread_days_are_not_cut() -> None:
    assert draw(at(*(day * 1_440 for day in range(10)))).breaks == ()


def test_a_tie_by_inference_is_drawn_as_one() -> None:
    ties = draw(mail_to_c2()).ties
    assert [tie.inferred for tie in ties] == [False, False, False, True, False, False, False]


def test_marks_of_the_same_moment_stand_apart() -> None:
    places = [mark.x for mark in draw(at(0, 0, 0)).marks]
    assert len(set(places)) == 3


def test_a_stage_that_a_skewed_clock_puts_before_its_cause_keeps_its_number() -> None:
    marks = draw(at(30, 0)).marks
    assert [mark.number for mark in marks] == [1, 2]
    assert marks[0].x > marks[1].x


def test_a_single_signal_has_one_mark_and_no_stages_has_none() -> None:
    assert len(draw(run_key()).marks) == 1
    assert draw(replace(forwarder_names(), stages=())).marks == ()


@given(st.lists(st.floats(0, 5_000_000), max_size=120))
def test_every_mark_stays_inside_in_the_order_of_time(minutes: list[float]) -> None:
    marks = draw(at(*minutes)).marks
    by_time = sorted(marks, key=lambda mark: (mark.stage.time, mark.number))
    places = [mark.x for mark in by_time]
    assert places == sorted(places)
    assert all(0 < x < WIDTH for x in places)
