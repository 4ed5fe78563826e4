"""A rhythm drawn a row a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kizashi.report import actogram

START = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)


def test_a_day_without_a_beat_between_two_has_an_empty_row() -> None:
    found = actogram.rows([START, START + timedelta(days=2)])
    assert [(str(row.day), len(row.marks)) for row in found] == [
        ("2026-03-02", 1),
        ("2026-03-03", 0),
        ("2026-03-04", 1),
    ]


def test_a_line_marks_the_half_hours_that_were_heard() -> None:
    (row,) = actogram.rows([START, START + timedelta(hours=23, minutes=15)])
    assert actogram.line(row) == "·█" + "·" * 45 + "█"
    assert actogram.line(row, ascii_only=True)[:2] == ".#"


def test_only_the_last_fortnight_is_drawn() -> None:
    found = actogram.rows([START + timedelta(days=n) for n in range(40)])
    assert len(found) == actogram.MOST_DAYS


def test_nothing_heard_draws_nothing() -> None:
    assert actogram.rows([]) == []
