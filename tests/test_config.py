"""kizashi.toml: sites with their machines, zones by source, lists as CSV, and what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from kizashi import config
from kizashi.errors import KizashiError
from kizashi.incidents import Asset
from kizashi.lake.ingest import ingest, site_of_address

WHOLE = """
[organisation]
domains = ["Example.co.jp"]
sites = "sites.csv"
assets = "assets.csv"
[site.tokyo]
zone = "Asia/Tokyo"
files = ["tokyo/*"]
subnets = ["10.1.0.0/16"]
workdays = ["Mon", "tue"]
holidays = ["2026-11-23", 2026-12-31]
resolvers = ["10.1.0.53"]
proxies = ["10.1.0.80"]
[source.fortigate]
zone = "Asia/Tehran"
"""


def written(folder: Path, text: str, **lists: str) -> config.Config:
    (folder / "kizashi.toml").write_text(text, "utf-8")
    for name, rows in lists.items():
        (folder / f"{name}.csv").write_text(rows, "utf-8")
    return config.load(folder / "kizashi.toml")


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    found = written(
        tmp_path,
        WHOLE,
        sites="\ufeffSite,Subnet,Zone\nankara,10.2.0.0/16,Europe/Istanbul\ntokyo,10.3.0.0/16,\n",
        assets="host,owner,criticality\nPC-07,Hana,high\nsrv-1,IT,2\n",
    )
    assert found.sites == (
        config.Site(
            "tokyo",
            "Asia/Tokyo",
            ("tokyo/*",),
            ("10.1.0.0/16", "10.3.0.0/16"),
            ("mon", "tue"),
            (date(2026, 11, 23), date(2026, 12, 31)),
            ("10.1.0.53",),
            ("10.1.0.80",),
        ),
        config.Site("ankara", "Europe/Istanbul", subnets=("10.2.0.0/16",)),
    )
    assert found.assets == (Asset("pc-07", "Hana", 4), Asset("srv-1", "IT", 2))


def test_a_day_is_free_when_no_site_works() -> None:
    tehran = config.Site("tehran", workdays=("sat", "sun", "mon", "tue", "wed"))
    tokyo = config.Site("tokyo", holidays=(date(2026, 11, 23),))
    both = config.Config(sites=(tokyo, tehran))
    week = [date(2026, 11, 19 + n) for n in range(7)]  # from a Thursday; the 23rd is a Monday
    assert [d.day for d in week if both.is_free(d)] == []
    assert [d.day for d in week if config.Config(sites=(tehran,)).is_free(d)] == [19, 20]
    assert [d.day for d in week if config.Config(sites=(tokyo,)).is_free(d)] == [21, 22, 23]
    assert [d.day for d in week if config.Config().is_free(d)] == [21, 22]


def test_the_zone_is_the_sources_then_the_sites_then_the_common_one(tmp_path: Path) -> None:
    found = written(tmp_path, WHOLE, sites="site,subnet\nlab,10.9.0.0/16\n", assets="host\npc-1\n")
    assert found.zone_of("tokyo", "fortigate") == "Asia/Tehran"
    assert found.zone_of("tokyo", "squid") == "Asia/Tokyo"
    assert found.zone_of("lab", "squid") == ""
    assert config.Config(zone="Asia/Tokyo").zone_of("lab", "squid") == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[site.a]\nsubnet = ["10.1.0.0/16"]', 'Did you mean "subnets"'),
        ('[site.a]\nsubnets = ["10.1.0.1/16"]', "write a subnet such as 10.1.0.0/16"),
        ('[site.a]\nsubnets = ["2001:db8::/33"]', "IPv6 subnets end at a whole group"),
        ('[site.a]\nresolvers = ["ns1"]', "site a: 'ns1' does not appear to be an IPv4"),
        ('[site.a]\nworkdays = ["freitag"]', "no day 'freitag'"),
        ('[site.a]\nholidays = ["23.11.2026"]', "write 2026-11-23"),
        ('[site.a]\nzone = "Tokyo"', "no time zone 'Tokyo', such as Asia/Tokyo"),
        ('[source.squid]\nzone = "JSTT"', "source squid: no time zone"),
        ('[organisation]\nassets = "none.csv"', "none.csv"),
        ('[organisation]\nassets = "a.csv"', "a.csv:1: no column 'host'"),
        ('[organisation]\nassets = "b.csv"', "b.csv:2: criticality 'vital' is none of 1-5"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(KizashiError, match=words.replace(".", r"\.")):
        written(tmp_path, text, a="name,owner\nx,y\n", b="host,criticality\npc-1,vital\n")


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("10.1.2.3", "tokyo"),
        ("10.1.9.3", "lab"),
        ("10.2.0.1", ""),
        ("2001:db8:1::5", "ankara"),
        ("2001:db8:2::5", ""),
        ("10.1", ""),
        (None, ""),
    ],
)
def test_an_address_belongs_to_its_narrowest_subnet(address: str | None, site: str) -> None:
    nets = (("10.1.0.0/16", "tokyo"), ("10.1.9.0/24", "lab"), ("2001:db8:1::/48", "ankara"))
    with duckdb.connect() as con:
        sql = f"SELECT {site_of_address(nets)} FROM (SELECT ?::VARCHAR AS client_ip)"
        assert con.execute(sql, [address]).fetchall() == [(site,)]


def test_one_log_of_two_sites_is_told_apart_by_address(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(
        "".join(
            f"1772409603.000      1 {ip} TCP_MISS/200 3800 GET http://www.example/ - "
            "HIER_DIRECT/192.0.2.9 text/html\n"
            for ip in ("10.1.0.7", "10.2.0.7", "10.9.0.7")
        ),
        "utf-8",
    )
    known = config.Config(
        sites=(
            config.Site("tokyo", subnets=("10.1.0.0/16",)),
            config.Site("ankara", subnets=("10.2.0.0/16",)),
        )
    )
    (line,) = ingest(tmp_path / "lake", [log], known.provenance)
    assert line.stored == 3
    with duckdb.connect() as con:
        files = str(tmp_path / "lake" / "events" / "http_activity" / "**" / "*.parquet")
        rows = con.execute(f"SELECT site FROM '{files}' ORDER BY record_no").fetchall()
    assert rows == [("tokyo",), ("ankara",), ("",)]
