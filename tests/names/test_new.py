"""New names: first met by the fleet, per site, without those that somebody approved."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from kizashi.errors import UsageError
from kizashi.names import new
from tests.entities.lake_tables import add, at, empty_lake

UNTIL = at(days=10)


def test_a_name_is_new_for_the_fleet_or_not_at_all() -> None:
    con = empty_lake()
    answered = {"rcode": "NOERROR", "answers": ["192.0.2.1"]}
    add(
        con,
        "dns_activity",
        {
            "site": "tokyo",
            "device": "pc-1",
            "time": at(days=1),
            "query": "old.example.com",
            **answered,
        },
        {
            "site": "ankara",
            "device": "pc-9",
            "time": at(days=9),
            "query": "old.example.com",
            **answered,
        },
        {
            "site": "tokyo",
            "device": "pc-1",
            "time": at(days=9),
            "query": "New.Example.net.",
            **answered,
        },
        {
            "site": "tokyo",
            "device": "pc-2",
            "time": at(hours=2, days=9),
            "query": "new.example.net",
            **answered,
        },
        {
            "site": "tokyo",
            "device": "pc-2",
            "time": at(days=9),
            "query": "gone.example.net",
            "rcode": "NXDOMAIN",
        },
        {"site": "tokyo", "device": "pc-2", "time": at(days=9), "query": "printer.lan", **answered},
    )
    add(
        con,
        "tls_activity",
        {"site": "ankara", "device": "pc-9", "time": at(days=9), "sni": "me.ddns.net"},
    )
    found = new.new_names(con, UNTIL, 3, None)
    assert [(n.name, n.registered_domain, n.is_dynamic_dns, n.site, n.hosts) for n in found] == [
        ("me.ddns.net", "me.ddns.net", True, "ankara", 1),
        ("new.example.net", "example.net", False, "tokyo", 2),
    ]
    assert [n.name for n in new.new_names(con, UNTIL, 3, "tokyo")] == ["new.example.net"]


def test_an_approval_covers_what_lies_below_it_until_its_last_day(tmp_path: Path) -> None:
    file = tmp_path / "approved.csv"
    file.write_text("name,owner,reason,until\nexample.net,aoki,supplier,2026-03-12\n", "utf-8")
    given = new.approvals(file)
    day = date(2026, 3, 12)
    assert new.approved("shop.example.net", given, day) == given["example.net"]
    assert new.approved("shop.example.net", given, day + timedelta(days=1)) is None
    assert new.approved("notexample.net", given, day) is None


def test_names_of_the_organisation_itself_are_left_out() -> None:
    seen = datetime.fromisoformat("2026-03-11T09:00:00")
    names = [
        new.NewName(name, "example.net", False, "", seen, 1, 1)
        for name in ("vpn.corp.example.net", "xcorp.example.net")
    ]
    left = new.unapproved(names, {}, ["corp.example.net"], date(2026, 3, 12))
    assert [name.name for name in left] == ["xcorp.example.net"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,until\n", ":1: the header must be"),
        ("name,owner,reason,until\na.example,,x,2026-03-12\n", ":2: an approval needs"),
        ("name,owner,reason,until\na.example,aoki,x,tomorrow\n", ":2: until is written"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "approved.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=said):
        new.approvals(file)
