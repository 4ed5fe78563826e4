"""Predicted names: the published vectors, the sets' days, both edges of a year."""

from __future__ import annotations

from datetime import date

import pytest

from kizashi.names.predicted import families, foudre

VECTORS = [
    ("NRV1", 2016, 11, 46, None, "9877fa8b"),
    ("NRV1", 2017, 7, 30, None, "23dafa1e"),
    ("NRV1", 2017, 4, 13, 1, "43ec206d"),
    ("NRV1", 2020, 10, 43, None, "e00be33d"),
    ("NRV1", 2020, 12, 51, None, "149a673e"),
    ("NRV1", 2020, 12, 51, 19, "4a926659"),
    ("NRTV1", 2017, 11, 45, None, "ee73f549"),
    ("NRTV1", 2018, 10, 40, None, "1d8bfc20"),
    ("NITV1", 2016, 12, 50, None, "c5aeee9c"),
    ("NITV1", 2017, 5, 22, None, "3a6e08b4"),
    ("NITV1", 2020, 12, 52, None, "227408be"),
]


@pytest.mark.parametrize(("seed", "year", "month", "week", "index", "wanted"), VECTORS)
def test_the_published_labels_come_out(
    seed: str, year: int, month: int, week: int, index: int | None, wanted: str
) -> None:
    assert foudre.label(seed, year, month, week, index) == wanted


def made(first: str, last: str) -> dict[str, tuple[date, date]]:
    found = foudre.names(date.fromisoformat(first), date.fromisoformat(last))
    return {name: (begin, end) for name, begin, end in found}


def test_a_week_is_in_use_from_monday_to_sunday() -> None:
    found = made("2020-12-16", "2020-12-16")
    assert found["149a673e.space"] == (date(2020, 12, 14), date(2020, 12, 20))


def test_a_new_set_begins_where_the_month_changes_inside_a_week() -> None:
    found = made("2017-05-29", "2017-06-04")
    may = foudre.label("NITV1", 2017, 5, 22) + ".site"
    june = foudre.label("NITV1", 2017, 6, 22) + ".site"
    assert found[may] == (date(2017, 5, 29), date(2017, 5, 31))
    assert found[june] == (date(2017, 6, 1), date(2017, 6, 4))


def test_at_the_edge_of_a_year_both_years_are_made() -> None:
    found = made("2021-01-01", "2021-01-03")
    for year in (2020, 2021):
        assert foudre.label("NRV1", year, 1, 53) + ".space" in found


def test_a_week_makes_every_seed_index_and_suffix_once() -> None:
    expected = len(foudre.SEEDS) * (foudre.INDEXES + 1) * len(foudre.SUFFIXES)
    assert len(made("2020-12-14", "2020-12-20")) == expected


def test_every_family_names_itself_and_its_source() -> None:
    for name, family in families().items():
        assert family.TITLE, name
        assert "ublished" in (family.__doc__ or ""), name
