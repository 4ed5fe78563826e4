"""The page on DNS, hour by hour: measures, bands that their past drew, and warnings with a lead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import duckdb
import pytest

from kizashi import detectors as detecting
from kizashi import entities
from kizashi.incidents.page import Page
from kizashi.names import registered
from kizashi.names.registered import Registered
from kizashi.overview import dns
from tests.entities.lake_tables import add, at, empty_lake
from tests.overview.reading import sheet


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with empty_lake() as connection:
        yield connection


def weekends(site: str, moment: datetime) -> bool:
    return moment.weekday() >= 5


def look(hours: float, query: str, rcode: str | None = "NOERROR", **more: Any) -> dict[str, Any]:
    answers = {"answers": ["192.0.2.1"], "ttl_s": [300]} if rcode == "NOERROR" else {}
    return {
        "time": at(hours), "site": "tokyo", "device": "pc-1", "query": query, "rcode": rcode,
        "source": "zeek", "vantage": "sensor", **answers, **more,
    }  # fmt: skip


def ask(con: duckdb.DuckDBPyConnection, *rows: dict[str, Any]) -> None:
    ((number,),) = con.execute("SELECT count(*) FROM dns_activity").fetchall()
    add(con, "dns_activity", *[{**row, "record_no": number + i} for i, row in enumerate(rows)])


def ordinary(con: duckdb.DuckDBPyConnection, days: int, host: str = "pc-1", each: int = 1) -> None:
    """A name asked for, and one that fails, in each hour from nine to five of each day."""
    ask(
        con,
        *[
            look(24 * day + hour + n / 3_600, "www.example", device=host)
            for day in range(days) for hour in range(9, 18) for n in range(each)
        ],
    )  # fmt: skip


def drawn(count: int) -> list[str]:
    return [f"q{chr(97 + i % 26)}zvk{chr(97 + i // 26)}wxj.example" for i in range(count)]


def made(con: duckdb.DuckDBPyConnection, feed: tuple[Registered, ...] = (), **about: Any) -> Page:
    entities.derive(con)
    registered.install(con, feed)
    con.execute("DROP TABLE IF EXISTS signal")
    con.execute(detecting.signal_table_sql())
    for detector in detecting.detectors().values():
        if detector.family == dns.FAMILY and not detecting.missing_columns(detector, con):
            detecting.run(detector, con)
    return dns.page(con, weekends, has_feed=bool(feed), **about)


def test_a_host_s_measures_are_counts_shares_and_means(con: duckdb.DuckDBPyConnection) -> None:
    ask(
        con, look(9, "abcd.example"), look(9.1, "abcd.example", ttl_s=[300, 900]),
        look(9.2, "efghij.example", "NXDOMAIN"),
        look(9.3, "mail.abcd.example", answers=["192.0.2.1", "192.0.2.2"], ttl_s=[300, 300]),
    )  # fmt: skip
    columns = ("host", "lookups", "failures", "failing", "new_names", "label_length", "answers",
               "ttl")  # fmt: skip
    assert sheet(made(con), "hosts", *columns) == [("pc-1", 4, 1, 0.25, 3, 4.5, 1.333, 300.0)]


def test_an_hour_beyond_the_same_hour_of_earlier_days_is_marked(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ordinary(con, 5, each=30)
    ask(con, *[look(24 * 4 + 10.5 + n / 3_600, "www.example") for n in range(60)])
    page = made(con)
    beyond = sheet(page, "beyond", "about", "hour", "measure", "value")
    when = at(24 * 4 + 10)
    assert beyond == [
        ("page.everywhere", when, "column.lookups", 90.0),
        ("tokyo", when, "column.lookups", 90.0),
    ]
    lookups = next(d for d in page.drawings if d.name == "lookups")
    assert [bar.value for bar in lookups.bars if bar.marked] == [90.0]


def test_the_first_days_have_no_band_and_a_day_off_has_its_own(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ordinary(con, 4, each=30)
    ask(con, *[look(24 * 3 + 10.5 + n / 3_600, "www.example") for n in range(60)])
    assert sheet(made(con), "beyond", "hour") == []
    # The fourth day is now a fifth of work before it; Saturday has no past yet.
    ask(con, *[look(24 * 5 + 10 + n / 3_600, "www.example") for n in range(200)])
    assert sheet(made(con), "beyond", "hour") == []


def test_failed_names_leave_their_band_before_the_burst_can_have_fired(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ordinary(con, 3)
    names = drawn(24)
    ask(con, *[look(24 * 2 + 11 + i / 180, n, "NXDOMAIN") for i, n in enumerate(names)])
    page = made(con)
    ((host, when, span, count, lead),) = sheet(
        page, "warnings", "host", "time", "span", "names", "lead"
    )
    assert (host, span, count) == ("pc-1", "dns.in_hour", 3)
    assert when == at(24 * 2 + 11 + 2 / 180)
    assert isinstance(lead, float) and lead > 0
    said = next(phrase for phrase in page.lead if phrase.key == "dns.warned")
    assert (said.values["n"], said.values["unwarned"]) == ("1", "0")


def test_two_failed_names_in_an_hour_warn_of_nothing(con: duckdb.DuckDBPyConnection) -> None:
    ordinary(con, 3)
    ask(con, *[look(24 * 2 + 11 + i / 60, n, "NXDOMAIN") for i, n in enumerate(drawn(2))])
    ask(con, *[look(24 + 9 + 2 * i, n, "NXDOMAIN") for i, n in enumerate(drawn(4))])
    assert sheet(made(con), "warnings", "time") == []


def test_five_slow_names_a_day_leave_the_band_of_a_day(con: duckdb.DuckDBPyConnection) -> None:
    ordinary(con, 4)
    ask(con, *[look(24 * 3 + 9 + i, n, "NXDOMAIN") for i, n in enumerate(drawn(7))])
    assert sheet(made(con), "warnings", "span", "names", "time") == [
        ("dns.in_day", 5, at(24 * 3 + 13))
    ]


def test_a_host_that_fails_so_much_every_day_is_within_its_band(
    con: duckdb.DuckDBPyConnection,
) -> None:
    for day in range(20):
        ask(
            con,
            *[look(24 * day + 10 + i / 20, n, "NXDOMAIN")
              for i, n in enumerate(drawn(160)[8 * day : 8 * day + 8])],
        )  # fmt: skip
    ordinary(con, 20)
    assert [when for (when,) in sheet(made(con), "warnings", "time") if when > at(24 * 10)] == []  # type: ignore[operator]


def test_names_within_an_hour_count_across_the_stroke_of_the_hour(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ordinary(con, 3)
    ask(con, *[look(24 * 2 + 11.97 + i / 60, n, "NXDOMAIN") for i, n in enumerate(drawn(4))])
    assert sheet(made(con), "warnings", "names") == [(3,)]


def test_dead_links_that_owners_named_warn_of_nothing(con: duckdb.DuckDBPyConnection) -> None:
    ordinary(con, 3)
    names = [
        f"{a}{b}.example" for a in ("garden", "hotel", "school") for b in ("club", "news", "shop")
    ]
    ask(con, *[look(24 * 2 + 11 + i / 60, n, "NXDOMAIN") for i, n in enumerate(names)])
    assert sheet(made(con), "warnings", "names") == []


def test_a_newly_registered_domain_is_counted_and_listed(con: duckdb.DuckDBPyConnection) -> None:
    ask(con, look(9, "www.young.example"), look(9, "old.example"), look(9, "undated.example"))
    feed = (
        Registered("young.example", at().date()),
        Registered("old.example", at(days=-300).date()),
        Registered("undated.example", None),
    )
    page = made(con, feed)
    assert sorted(sheet(page, "newly_registered", "domain")) == [
        ("undated.example",), ("young.example",),
    ]  # fmt: skip
    assert sheet(page, "hosts", "registered") == [(2,)]
    assert sheet(made(con), "hosts", "registered") == [(None,)]


def test_one_host_or_site_is_drawn_with_all_its_measures(con: duckdb.DuckDBPyConnection) -> None:
    ordinary(con, 3, each=60)
    ordinary(con, 3, host="pc-2")
    page = made(con, host="pc-1")
    assert {d.about for d in page.drawings} == {"tokyo/pc-1"}
    assert {"lookups", "failing", "label_length", "answers", "ttl"} <= {
        d.name for d in page.drawings
    }
    assert sheet(page, "hosts", "host") == [("pc-1",)]
    assert sheet(made(con, site="osaka"), "hosts", "host") == []


def test_look_ups_without_an_outcome_did_neither_fail_nor_succeed(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ask(
        con,
        look(9, "a.example", "NXDOMAIN"),
        *[look(9.1, "a.example", rcode=None) for _ in range(9)],
    )
    page = made(con)
    assert sheet(page, "hosts", "lookups", "failing") == [(10, 1.0)]
    assert page.lead[0].values["share"] == "100.0"
    assert "dns.without_rcode" in [phrase.key for phrase in page.blind]


def test_without_a_log_it_says_so(con: duckdb.DuckDBPyConnection) -> None:
    page = made(con)
    assert [phrase.key for phrase in page.blind] == ["dns.no_dns"]
    assert page.lead == () and page.drawings == ()
