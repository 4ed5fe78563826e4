"""Who goes outside past the rules: the matrix of host, program, way and destination, the share that
proxies carry, programs that are newly direct, names resolved elsewhere, exceptions and their ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import duckdb

from kizashi import detectors as detecting
from kizashi import overview, policies
from kizashi.incidents.page import Bar, Cell, Drawing, Page, Phrase, Sheet
from kizashi.schema import quoted

DETECTOR = "network_direct_egress"
CELLS = (
    "site", "host", "program", "way", "destination", "server_ip", "connections", "days", "hosts",
    "first", "last", "remark",
)  # fmt: skip
MOST_DRAWN = 12  # sites; the sheets hold every one


def page(
    con: duckdb.DuckDBPyConnection,
    host: str | None = None,
    site: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Page:
    """The page, of one host or site or of all; `settings` are those of network_direct_egress."""
    overview.install(con)
    overview.choose(con, host, site)
    detecting.set_variables(detecting.detectors()[DETECTOR], con, settings or {})
    resolvers = policies.named("doh").settings
    for name in ("names", "addresses"):
        con.execute(f"SET VARIABLE {quoted(name)} = ?", [resolvers[name]])
    overview.set_variables(con, "egress")
    for name in ("egress_way", "egress_rule", "egress_cell", "egress_name"):
        overview.make(con, name)
    facts = overview.facts(con, "egress_facts")
    days = overview.rows(con, "egress_days")
    return Page(
        "egress",
        lead=tuple(_lead(facts, days)),
        blind=tuple(_blind(facts)),
        drawings=tuple(_drawings(days)),
        sheets=(
            _matrix(con),
            _programs(con),
            _unasked(con),
            _keys(con),
            _exceptions(con),
            _days(days),
        ),
    )


def _lead(facts: Mapping[str, Any], days: list[tuple[Any, ...]]) -> Iterator[Phrase]:
    proxied = sum(day[2] for day in days)
    direct = sum(day[3] for day in days)
    if not facts["has_proxy"] and direct:
        yield Phrase("egress.direct_said", {"direct": f"{direct:,}"})
    elif proxied + direct:
        share = round(100 * proxied / (proxied + direct))
        values = {"share": share, "proxied": f"{proxied:,}", "direct": f"{direct:,}"}
        yield Phrase("egress.share_said", values)
    if facts["ruled"]:
        yield Phrase("egress.ruled", {"sites": _sites(facts["ruled"])})
    else:
        yield Phrase("egress.no_rule")


def _blind(facts: Mapping[str, Any]) -> Iterator[Phrase]:
    """What these logs cannot show of ways outside."""
    if not facts["has_flows"]:
        yield Phrase("egress.no_flows")
    if not facts["has_proxy"]:
        yield Phrase("egress.no_proxy")
    if facts["without_resolver"]:
        yield Phrase("egress.no_resolver", {"sites": _sites(facts["without_resolver"])})
    if facts["quic"]:
        values = {"n": f"{facts['quic']:,}", "nameless": f"{facts['nameless_quic']:,}"}
        yield Phrase("egress.quic", values)
    else:
        yield Phrase("egress.quic_unseen")
    values = {"n": facts["nameless_web"], "all": facts["web"], "outer": facts["ech"]}
    yield Phrase("egress.ech", {key: f"{count:,}" for key, count in values.items()})
    if facts["unknown_programs"]:
        values = {"n": f"{facts['unknown_programs']:,}", "all": f"{facts['direct']:,}"}
        yield Phrase("egress.no_program", values)
    if not facts["has_dns"]:
        yield Phrase("egress.no_dns")
    if not facts["has_registry"]:
        yield Phrase("egress.no_registry")


def _sites(names: list[str]) -> str:
    return ", ".join(name or "-" for name in names)


def _drawings(days: list[tuple[Any, ...]]) -> Iterator[Drawing]:
    """The proxied share, a row of days for each site that has a proxy."""
    every = sorted({day[1] for day in days})
    carried = dict.fromkeys(day[0] for day in days if day[2])
    for site in [*carried][:MOST_DRAWN]:
        own = {day[1]: day[5] for day in days if day[0] == site}
        bars = tuple(Bar(_midnight(day), own.get(day)) for day in every)
        yield Drawing("proxied_share", Phrase("egress.share"), site, bars, 1.0, True)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _matrix(con: duckdb.DuckDBPyConnection) -> Sheet:
    found = (
        (*row[:3], Phrase(f"way.{row[3]}"), *row[4:11], _remark(*row[11:]))
        for row in overview.rows(con, "egress_cells")
    )
    return overview.sheet("matrix", CELLS, found, "egress.none")


def _remark(is_new: bool, is_writable: bool, exemption: int | None, standing: str | None) -> Cell:
    """The one thing to know first about a cell."""
    if standing == "ended":
        return Phrase("egress.ended", {"n": exemption})
    if standing == "holds":
        return Phrase("egress.excepted", {"n": exemption})
    if is_writable:
        return Phrase("egress.writable")
    return Phrase("egress.newly") if is_new else None


def _programs(con: duckdb.DuckDBPyConnection) -> Sheet:
    columns = ("site", "host", "program", "since", "connections", "destinations", "most")
    return overview.sheet(
        "newly_direct", columns, overview.rows(con, "egress_programs"), "egress.none_new"
    )


def _unasked(con: duckdb.DuckDBPyConnection) -> Sheet:
    columns = ("site", "host", "day", "domains", "unasked", "sample", "program")
    found = ((*row[:5], ", ".join(row[5]), row[6]) for row in overview.rows(con, "egress_unasked"))
    return overview.sheet("resolved_elsewhere", columns, found, "egress.none_unasked")


def _keys(con: duckdb.DuckDBPyConnection) -> Sheet:
    columns = ("site", "host", "program", "key", "value", "last", "meaning")
    found = (
        (*row[:6], Phrase(f"resolver_key.{row[6]}")) for row in overview.rows(con, "egress_keys")
    )
    return overview.sheet("resolver_keys", columns, found, "egress.none_keys")


def _exceptions(con: duckdb.DuckDBPyConnection) -> Sheet:
    columns = (
        "exception", "host", "program", "destination", "owner", "reason", "until", "covered",
        "after_end", "last",
    )  # fmt: skip
    return overview.sheet(
        "exceptions", columns, overview.rows(con, "egress_exceptions"), "egress.none_excepted"
    )


def _days(days: list[tuple[Any, ...]]) -> Sheet:
    columns = ("site", "day", "proxied", "direct", "hosts", "share")
    carried = {day[0] for day in days if day[2]}
    found = ((*day[:5], round(day[5], 3) if day[0] in carried else None) for day in days)
    return overview.sheet("days", columns, found, "egress.none_days")
