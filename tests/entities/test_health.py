"""Health of sources: silence and thinning against a source's own habit, hosts whose own log
stopped, and clocks that were set."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from kizashi.entities import create
from kizashi.entities.health import Fault, by_day, faults, warnings
from tests.entities.lake_tables import add, at, derived, empty_lake

MONDAY = at()


def hourly(rows: list[int]) -> dict[datetime, int]:
    """So many rows a day, a twenty-fourth in each hour."""
    return {
        MONDAY + timedelta(days=day, hours=hour): count // 24
        for day, count in enumerate(rows)
        for hour in range(24)
        if count
    }


def told(rows: list[int], other: int = 14, holidays: tuple[date, ...] = ()) -> list[Fault]:
    """Faults of a source with so many rows a day beside one that writes steadily."""
    both = {"dns": hourly(rows), "proxy": hourly([2400] * other)}
    return list(faults(both, lambda day: day.weekday() >= 5 or day in holidays))


def test_a_steady_source_has_no_fault() -> None:
    assert told([2400] * 14) == []


def test_two_silent_days_are_one_fault() -> None:
    (fault,) = told([2400] * 7 + [0, 0] + [2400] * 5)
    days = (fault.first.date(), fault.last.date())
    assert (fault.kind, *days) == ("silent", date(2026, 3, 9), date(2026, 3, 10))


def test_a_day_with_a_twentieth_of_the_habit_is_thin() -> None:
    (fault,) = told([2400] * 7 + [120] + [2400] * 6)
    assert (fault.kind, fault.first.date(), round(fault.share, 2)) == (
        "thin",
        date(2026, 3, 9),
        0.05,
    )


def test_a_fifth_of_the_habit_is_none() -> None:
    assert told([2400] * 7 + [480] + [2400] * 6) == []


def test_quiet_weekends_are_a_habit() -> None:
    week = [2400] * 5 + [24, 24]
    assert told(week * 2) == []


def test_a_holiday_is_as_quiet_as_a_weekend() -> None:
    rows = ([2400] * 5 + [24, 24]) * 2
    rows[8] = 24
    (fault,) = told(rows)
    assert (fault.kind, fault.first.date()) == ("thin", date(2026, 3, 10))
    assert told(rows, holidays=(date(2026, 3, 10),)) == []


def test_a_source_that_ends_early_is_told_once() -> None:
    (fault,) = told([2400] * 9)
    days = (fault.first.date(), fault.last.date())
    assert (fault.kind, *days) == ("ended", date(2026, 3, 11), date(2026, 3, 15))


def test_a_short_log_has_no_habit() -> None:
    assert told([2400, 0, 2400], other=3) == []


def test_hours_without_a_record_are_told_where_every_other_day_has_many() -> None:
    own = hourly([2400] * 14)
    for hour in (10, 11, 12):
        del own[MONDAY + timedelta(days=7, hours=hour)]
    (fault,) = faults({"dns": own, "proxy": hourly([2400] * 14)})
    begin = MONDAY + timedelta(days=7, hours=10)
    assert fault == Fault("dns", "hours", begin, begin + timedelta(hours=3), 0.0)


def test_two_silent_hours_are_no_fault() -> None:
    own = hourly([2400] * 14)
    for hour in (10, 11):
        del own[MONDAY + timedelta(days=7, hours=hour)]
    assert list(faults({"dns": own, "proxy": hourly([2400] * 14)})) == []


def test_rows_by_day_add_the_hours_up() -> None:
    assert by_day({"dns": hourly([2400, 48])}) == {
        "dns": {date(2026, 3, 2): 2400, date(2026, 3, 3): 48}
    }


def _hosts(own_hours_of_pc1: int) -> list[tuple[object, ...]]:
    """Two machines on the network for 120 hours; the own log of one lasts for some of them only."""
    con = empty_lake()
    for hour in range(120):
        for host in ("pc-1", "pc-2"):
            add(con, "dns_activity", {
                "time": at(hour), "client_ip": "192.0.2.1", "host_id": f"/{host}",
                "query": "a.example", "vantage": "resolver", "source": "named",
            })  # fmt: skip
            if host == "pc-2" or hour < own_hours_of_pc1:
                add(con, "process_activity", {
                    "time": at(hour), "device": host, "vantage": "endpoint", "source": "windows",
                })  # fmt: skip
    return derived(con, "silent_host", "host_id, source, last_seen, hours")


def test_a_host_whose_own_log_stops_while_the_network_sees_it_is_told() -> None:
    assert _hosts(96) == [("/pc-1", "windows", at(95), 24)]


def test_a_host_whose_own_log_lasts_almost_to_the_end_is_not() -> None:
    assert _hosts(116) == []


def test_a_host_that_is_switched_off_is_not() -> None:
    con = empty_lake()
    for hour in range(120):
        add(con, "process_activity", {
            "time": at(hour), "device": "pc-2", "vantage": "endpoint", "source": "windows",
        })  # fmt: skip
        if hour < 96:
            add(con, "process_activity", {
                "time": at(hour), "device": "pc-1", "vantage": "endpoint", "source": "windows",
            })  # fmt: skip
            add(con, "dns_activity", {
                "time": at(hour), "client_ip": "192.0.2.1", "host_id": "/pc-1",
                "query": "a.example", "vantage": "resolver", "source": "named",
            })  # fmt: skip
    assert derived(con, "silent_host", "host_id") == []


def test_warnings_name_the_host_the_source_and_the_technique() -> None:
    con = empty_lake()
    con.execute(
        "CREATE TABLE source_hour AS SELECT 'x' AS source, NOW()::TIMESTAMP AS hour, 1 AS rows"
    )
    con.execute(
        "CREATE TABLE silent_host AS SELECT '/pc-1' AS host_id, 'windows' AS source, "
        "TIMESTAMP '2026-03-05 23:00' AS last_seen, 24 AS hours"
    )
    con.execute(
        "CREATE TABLE clock_step AS SELECT 'fw-1' AS clock, 'sensor' AS other, "
        "TIMESTAMP '2026-03-05 10:00' AS time, 0.0 AS from_s, 3600.0 AS to_s"
    )
    for name in ("source_lag", "late_day", "late_host"):
        create(con, name)
    assert [note.text for note in warnings(con, lambda _day: False)] == [
        "pc-1 stopped writing windows at 2026-03-05 23:00 UTC, yet the network saw it in 24 later "
        "hours: agent off or tampered with (T1562)?",
        "clock fw-1 was set about 2026-03-05 10:00 UTC: 0 s, then 3,600 s ahead of sensor",
    ]


def test_a_stray_record_of_1970_leaves_the_habits_of_now() -> None:
    own = hourly([2400] * 7 + [0, 0] + [2400] * 5)
    own[MONDAY.replace(year=1970)] = 1
    (fault,) = faults({"dns": own, "proxy": hourly([2400] * 14)})
    assert (fault.kind, fault.first) == ("silent", MONDAY + timedelta(days=7))


def test_a_silence_of_months_between_two_runs_is_told() -> None:
    own = hourly([2400] * 10 + [0] * 60 + [2400] * 10)
    (fault,) = faults({"dns": own, "proxy": hourly([2400] * 80)})
    days = (fault.kind, fault.first, fault.last)
    assert days == ("silent", MONDAY + timedelta(days=10), MONDAY + timedelta(days=69))
