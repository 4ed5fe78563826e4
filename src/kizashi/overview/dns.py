"""What is asked of the resolvers, hour by hour: by host, by site and of the fleet, with bands that
the past of each drew, and warnings of failed names before a detector speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import duckdb
import pyarrow as pa

from kizashi import detectors as detecting
from kizashi import overview
from kizashi.incidents.page import Bar, Cell, Drawing, Page, Phrase, Sheet

FAMILY = "dns_failures"
FEWEST = ("min_names", "min_domains", "min_labels")  # how detectors call the fewest they need
SHARES = frozenset({"failing", "odd_labels"})
DRAWN = ("lookups", "failing", "new_names", "odd_labels")  # in this order
DRAWN_ALONE = (*DRAWN, "registered", "label_length", "answers", "ttl")
DRAWN_SITES = 8
Rests = Callable[[str, datetime], bool]


def page(
    con: duckdb.DuckDBPyConnection,
    rests: Rests,
    host: str | None = None,
    site: str | None = None,
    has_feed: bool = False,
) -> Page:
    """The page of one host or site or of all. `rests` says whether a site is off work at a moment
    (UTC). The connection holds `registered_lately`, and `signal` if detectors have run."""
    overview.install(con)
    overview.choose(con, host, site)
    overview.set_variables(con, "dns")
    con.execute("SET VARIABLE has_feed = ?", [has_feed])
    _fewest(con)
    overview.make(con, "dns_name", "VIEW")
    overview.make(con, "dns_hour")
    _free_hours(con, rests)
    for name in ("dns_measure", "dns_fresh", "dns_slot", "dns_warning", "dns_fired"):
        overview.make(con, name)
    warnings = overview.rows(con, "dns_warnings")
    facts = overview.facts(con, "dns_facts")
    return Page(
        "dns",
        lead=tuple(_lead(facts, warnings, overview.rows(con, "dns_unwarned")[0][0])),
        blind=tuple(_blind(facts, has_feed)),
        drawings=tuple(_drawings(con, alone=bool(host or site))),
        sheets=(
            _warnings(warnings),
            _beyond(con),
            _hosts(con),
            _registered(con),
        ),
    )


def _fewest(con: duckdb.DuckDBPyConnection) -> None:
    """Table fewest_of(detector, fewest): how many failures each detector of failed names needs."""
    rows = [
        (name, detector.settings[key].default)
        for name, detector in detecting.detectors().items()
        for key in FEWEST
        if detector.family == FAMILY and key in detector.settings
    ]
    con.execute("CREATE OR REPLACE TEMP TABLE fewest_of (detector VARCHAR, fewest BIGINT)")
    con.executemany("INSERT INTO fewest_of VALUES (?, ?)", rows)
    con.execute(detecting.signal_table_sql().replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))


def _free_hours(con: duckdb.DuckDBPyConnection, rests: Rests) -> None:
    """Table free_hour(site, hour): hours of the log in which a site is off work."""
    hours = con.execute("SELECT DISTINCT coalesce(site, '') AS site, hour FROM dns_hour").fetchall()
    free = [(site, hour) for site, hour in hours if rests(site, hour.replace(tzinfo=UTC))]
    listed = pa.table(
        {"site": [s for s, _hour in free], "hour": [h for _site, h in free]},
        schema=pa.schema({"site": pa.string(), "hour": pa.timestamp("us")}),
    )
    con.register("free_hours", listed)
    con.execute("CREATE OR REPLACE TEMP TABLE free_hour AS FROM free_hours")
    con.unregister("free_hours")


def _lead(
    facts: Mapping[str, Any], warnings: list[tuple[Any, ...]], unwarned: int
) -> Iterator[Phrase]:
    if not facts["lookups"]:
        return
    told = facts["lookups"] - facts["without_rcode"]
    share = f"{100 * facts['failures'] / told:.1f}" if told else "-"
    values = {"lookups": f"{facts['lookups']:,}", "hosts": f"{facts['hosts']:,}", "share": share}
    yield Phrase("dns.said", values)
    if not warnings and not unwarned:
        return
    leads = sorted(row[9] for row in warnings if row[9] is not None)
    values = {
        "n": f"{len(warnings):,}",
        "fired": f"{len(leads):,}",
        "before": f"{sum(lead > 0 for lead in leads):,}",
        "unwarned": f"{unwarned:,}",
    }
    yield Phrase("dns.warned", values)
    if leads:
        yield Phrase("dns.lead_said", {"lead": _span(median(leads))})


def _blind(facts: Mapping[str, Any], has_feed: bool) -> Iterator[Phrase]:
    if not facts["lookups"]:
        yield Phrase("dns.no_dns")
        return
    if facts["last_seen"] - facts["first_seen"] < timedelta(days=2):
        yield Phrase("dns.short")
    for key in ("without_rcode", "without_answers"):
        if facts[key]:
            share = f"{100 * facts[key] / facts['lookups']:.0f}"
            yield Phrase(f"dns.{key}", {"share": share})
    if not has_feed:
        yield Phrase("dns.no_feed")
    yield Phrase("dns.elsewhere")


def _drawings(con: duckdb.DuckDBPyConnection, alone: bool) -> Iterator[Drawing]:
    """Each measure of the fleet and the failing share of its sites; or all of the one asked for."""
    found = con.execute(
        "SELECT scope, about, measure, hour, value, usual FROM dns_measure "
        "ORDER BY scope = 'site', about, measure, hour"
    ).fetchall()
    rows: dict[tuple[str, str, str], list[Bar]] = {}
    for scope, about, measure, hour, value, usual in found:
        at = hour.replace(tzinfo=UTC)
        marked = usual is not None and value > usual
        rows.setdefault((scope, about, measure), []).append(Bar(at, value, usual, marked))
    if not rows:
        return
    hours = [bar.at for bars in rows.values() for bar in bars]
    ends = (min(hours), max(hours))  # one axis for all, so that rows can be compared
    for scope, about, measure in _drawn(rows, alone):
        whole = tuple(_widened(rows[scope, about, measure], *ends))
        yield Drawing(
            measure, Phrase(f"column.{measure}"), about, whole, is_share=measure in SHARES
        )


def _drawn(rows: Iterable[tuple[str, str, str]], alone: bool) -> Iterator[tuple[str, str, str]]:
    """Which of (scope, about, measure) are drawn, in this order."""
    known = sorted(rows, key=lambda key: (key[0] == "site", key[1], DRAWN_ALONE.index(key[2])))
    sites = [*dict.fromkeys(about for scope, about, _measure in known if scope == "site")]
    for key in known:
        scope, about, measure = key
        if alone:
            shown = measure in DRAWN_ALONE
        elif scope == "site":
            # One site is the fleet.
            shown = measure == "failing" and len(sites) > 1 and about in sites[:DRAWN_SITES]
        else:
            shown = measure in DRAWN
        if shown:
            yield key


def _widened(bars: list[Bar], first: datetime, last: datetime) -> Iterator[Bar]:
    """The bars, and an empty one at either end of the axis where there is none."""
    if bars[0].at > first:
        yield Bar(first, None)
    yield from bars
    if bars[-1].at < last:
        yield Bar(last, None)


def _warnings(warnings: list[tuple[Any, ...]]) -> Sheet:
    columns = (
        "site", "host", "time", "span", "names", "usual", "sample", "detector", "earliest", "lead",
    )  # fmt: skip
    found = (
        (
            *row[:3],
            Phrase(f"dns.in_{row[3]}"),
            row[4],
            int(row[5]),
            ", ".join(row[6] or ()),
            row[7],
            row[8],
            None if row[9] is None else _span(row[9]),
        )
        for row in warnings
    )
    return overview.sheet("warnings", columns, found, "dns.none_warned")


def _span(seconds: float) -> Cell:
    """A lead in minutes, so that it sorts and adds; negative where the detector was first."""
    return round(seconds / 60, 1)


def _beyond(con: duckdb.DuckDBPyConnection) -> Sheet:
    columns = ("about", "hour", "measure", "value", "usual")
    found = (
        (
            about or Phrase("page.everywhere"),
            hour,
            Phrase(f"column.{measure}"),
            round(value, 3),
            round(usual, 3),
        )
        for about, hour, measure, value, usual in overview.rows(con, "dns_beyond")
    )
    return overview.sheet("beyond", columns, found, "dns.none_beyond")


def _hosts(con: duckdb.DuckDBPyConnection) -> Sheet:
    columns = (
        "site", "host", "lookups", "failures", "failing", "fresh_names", "new_names", "registered",
        "label_length", "odd_labels", "answers", "ttl",
    )  # fmt: skip
    found = (
        tuple(round(value, 3) if isinstance(value, float) else value for value in row)
        for row in overview.rows(con, "dns_hosts")
    )
    return overview.sheet("hosts", columns, found, "dns.no_dns")


def _registered(con: duckdb.DuckDBPyConnection) -> Sheet:
    columns = ("domain", "registered_on", "first", "lookups", "hosts")
    found = overview.rows(con, "dns_registered")
    return overview.sheet("newly_registered", columns, found, "dns.none_registered")
