"""Health of sources: silence and thinning against a source's own habit."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from kizashi.entities.health import Fault, faults

MONDAY = date(2026, 3, 2)


def told(rows: list[int], other: int = 14) -> list[Fault]:
    """Faults of a source with so many rows a day beside one that writes steadily."""
    own = {MONDAY + timedelta(days=n): count for n, count in enumerate(rows) if count}
    steady = {MONDAY + timedelta(days=n): 1000 for n in range(other)}
    last = {
        name: datetime.combine(max(days), datetime.max.time())
        for name, days in (("dns", own), ("proxy", steady))
    }
    return list(faults({"dns": own, "proxy": steady}, last))


def test_a_steady_source_has_no_fault() -> None:
    assert told([1000] * 14) == []


def test_two_silent_days_are_one_fault() -> None:
    (fault,) = told([1000] * 7 + [0, 0] + [1000] * 5)
    assert (fault.kind, fault.first, fault.last) == ("silent", date(2026, 3, 9), date(2026, 3, 10))


def test_a_day_with_a_twentieth_of_the_habit_is_thin() -> None:
    (fault,) = told([1000] * 7 + [50] + [1000] * 6)
    assert (fault.kind, fault.first, round(fault.share, 2)) == ("thin", date(2026, 3, 9), 0.05)


def test_a_fifth_of_the_habit_is_none() -> None:
    assert told([1000] * 7 + [200] + [1000] * 6) == []


def test_quiet_weekends_are_a_habit() -> None:
    week = [1000] * 5 + [2, 2]
    assert told(week * 2) == []


def test_a_source_that_ends_early_is_told_once() -> None:
    (fault,) = told([1000] * 9)
    assert (fault.kind, fault.first, fault.last) == ("ended", date(2026, 3, 10), date(2026, 3, 15))


def test_a_short_log_has_no_habit() -> None:
    assert told([1000, 0, 1000], other=3) == []
