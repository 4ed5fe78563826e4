"""Incidents keep their ids as they grow, merge and split; verdicts and exceptions are bounded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from kizashi.errors import UsageError
from kizashi.incidents import Incident, Stage, Trace
from kizashi.lake.casebook import STATES, Casebook

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
TUPLE = {"host_id": "a/pc-07", "destination": "poll.example"}


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Casebook]:
    with closing(Casebook(tmp_path / "lake")) as made:
        yield made


def incident(name: str, *signals: str) -> Incident:
    return Incident(
        name, 1, 3.0, "high", "c", f"title {name}", "", "", (), (), AT, AT, (), (), (),
        traces=tuple(Trace(s, f"http_beacon {s[0]}.example") for s in signals),
    )  # fmt: skip


def history(book: Casebook, name: str) -> list[tuple[str, str]]:
    return [(entry.what, entry.said) for entry in book.history(name)]


def test_an_incident_that_grows_keeps_its_id(book: Casebook) -> None:
    book.follow([incident("first", "b1", "b2")])
    (grown,) = book.follow([incident("other", "a0", "b1", "b2")])
    assert grown.id == "first"
    assert history(book, "first") == [("told", "title first"), ("grew", "1 signals more")]


def test_the_same_hunt_again_writes_nothing(book: Casebook) -> None:
    book.follow([incident("first", "a1")])
    book.follow([incident("first", "a1")])
    assert history(book, "first") == [("told", "title first")]


def test_two_that_turn_out_one_are_merged_into_the_larger(book: Casebook) -> None:
    book.follow([incident("small", "a1"), incident("large", "b1", "b2")])
    (one,) = book.follow([incident("new", "a1", "b1", "b2")])
    assert one.id == "large"
    assert book.case("small").merged_into == "large"
    assert history(book, "small")[-1] == ("merged", "into large")
    assert ("merged", "took in small") in history(book, "large")


def showing(told: Incident, *minutes: int, host: str = "pc-07") -> Incident:
    """The incident with one behaviour of a machine at these minutes."""
    stages = tuple(
        Stage("execution", AT + timedelta(minutes=m), "d", (), f"{host} a.exe", "", "", ())
        for m in minutes
    )
    return replace(told, stages=stages)


def test_another_log_of_the_same_thing_does_not_make_it_another_incident(book: Casebook) -> None:
    book.follow([showing(incident("first", "a1"), 0), showing(incident("b", "b1"), 60, 90)])
    # Both behaviours are seen by another source now, under other signals, as one incident.
    (one,) = book.follow([showing(incident("new", "c1", "c2"), 2, 59, 90)])
    assert one.id == "b"
    assert book.case("first").merged_into == "b"
    assert ("merged", "took in first") in history(book, "b")


@pytest.mark.parametrize(("minute", "host"), [(6, "pc-07"), (0, "pc-08")])
def test_the_same_behaviour_at_another_time_or_elsewhere_is_another_incident(
    book: Casebook, minute: int, host: str
) -> None:
    book.follow([showing(incident("first", "a1"), 0)])
    (other,) = book.follow([showing(incident("new", "c1"), minute, host=host)])
    assert other.id == "new"


def test_incidents_whose_signals_are_told_are_not_merged_for_their_likeness(
    book: Casebook,
) -> None:
    both = [showing(incident("first", "a1"), 0), showing(incident("second", "b1"), 0)]
    book.follow(both)
    again = book.follow(both)
    assert [i.id for i in again] == ["first", "second"]
    assert all(book.case(name).merged_into is None for name in ("first", "second"))


def test_one_that_falls_apart_stays_with_its_larger_part(book: Casebook) -> None:
    book.follow([incident("whole", "a1", "a2", "b1")])
    kept, split = book.follow([incident("x", "a1", "a2"), incident("part", "b1")])
    assert (kept.id, split.id) == ("whole", "part")
    assert history(book, "part") == [("told", "title part"), ("split", "from whole")]


def test_the_part_that_keeps_the_first_signal_does_not_take_the_id_of_the_larger(
    book: Casebook,
) -> None:
    book.follow([incident("whole", "a1", "a2", "b1")])
    kept, split = book.follow([incident("x", "a1", "a2"), incident("whole", "b1")])
    assert kept.id == "whole"
    assert split.id not in ("whole", "x")
    assert history(book, split.id)[-1] == ("split", "from whole")
    again = book.follow([incident("x", "a1", "a2"), incident("whole", "b1")])
    assert [i.id for i in again] == [kept.id, split.id]


def test_a_state_stays_with_the_incident_and_is_told(book: Casebook) -> None:
    book.follow([incident("first", "a1")])
    book.set_state("first", "in work")
    book.assign("first", "sato")
    book.note("first", "asked the user")
    (again,) = book.follow([incident("first", "a1")])
    assert (again.state, again.assignee) == ("in work", "sato")
    assert history(book, "first")[-1] == ("note", "asked the user")


def test_only_verdicts_count_and_each_incident_once_a_likeness(book: Casebook) -> None:
    book.follow([incident("one", "a1", "a2"), incident("two", "a3"), incident("three", "b1")])
    for name, state in (("one", "benign"), ("two", "true"), ("three", "unsure")):
        assert book.set_state(name, state) == 1
    assert book.verdicts() == {"http_beacon a.example": (1, 1)}


def test_a_state_that_there_is_not_is_wrong_usage(book: Casebook) -> None:
    book.follow([incident("first", "a1")])
    with pytest.raises(UsageError, match=r"new, in work, true, benign, unsure"):
        book.set_state("first", "closed")
    assert len(STATES) == 5


def test_an_id_is_known_by_its_beginning_unless_two_begin_so(book: Casebook) -> None:
    book.follow([incident("ab1", "a1"), incident("ab2", "b1")])
    assert book.case("ab1").incident_id == "ab1"
    with pytest.raises(UsageError, match="2 incidents begin so"):
        book.case("ab")


def test_an_exception_is_a_tuple_with_owner_reason_and_end(book: Casebook) -> None:
    number = book.exempt("http_beacon", TUPLE, "sato", "licence poll", date(2026, 12, 31))
    (one,) = book.exemptions()
    assert (one.number, one.values, one.until) == (number, TUPLE, "2026-12-31")
    book.end(number)
    assert book.exemptions() == []


@pytest.mark.parametrize(
    ("values", "owner", "reason", "why"),
    [
        ({"destination": "poll.example"}, "sato", "poll", "at least 2 of"),
        ({}, "sato", "poll", "at least 2 of"),
        (TUPLE, "", "poll", "an owner and a reason"),
        (TUPLE, "sato", "", "an owner and a reason"),
    ],
)
def test_a_bare_exception_is_refused(
    book: Casebook, values: dict[str, str], owner: str, reason: str, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        book.exempt("http_beacon", values, owner, reason, date(2026, 12, 31))


def test_what_a_log_named_cannot_break_the_book(book: Casebook) -> None:
    odd = replace(incident("odd", "a1"), title="x'); DROP TABLE exception; -- \udcff\x00")
    book.follow([odd])
    assert book.exemptions() == []
    assert history(book, "odd")[0][0] == "told"
