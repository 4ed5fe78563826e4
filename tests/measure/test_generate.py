"""The emulated organisation: reproducible, harmless, misleading, and true to its own truth."""

from __future__ import annotations

import gzip
import ipaddress
import re
import tomllib
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from kizashi.errors import UsageError
from kizashi.lake.engine import open_lake
from kizashi.lake.ingest import ingest
from kizashi.measure.events import CONTROL_ADDRESS, Event
from kizashi.measure.generate import Truth, beside, emulate, generate
from kizashi.measure.organisation import build
from kizashi.measure.recorder import Recorder
from kizashi.schema import quoted, tables

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "organisation"
MOST_BYTES = 1_500_000
HARMLESS = [
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


@pytest.fixture(scope="module")
def emulated() -> tuple[Recorder, Truth]:
    return emulate(7, 5, 36, True)


def contents(folder: Path) -> dict[str, str]:
    """Hash of each file's content, decompressed: another zlib may pack the same text otherwise."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        plain = gzip.decompress(data) if path.suffix == ".gz" else data
        found[path.relative_to(folder).as_posix()] = sha256(plain).hexdigest()
    return found


def test_the_committed_example_is_what_the_generator_writes(tmp_path: Path) -> None:
    folder = tmp_path / "organisation"
    generate(folder)
    assert contents(folder) == contents(EXAMPLE)
    assert beside(folder, ".truth.json").read_text("utf-8") == beside(
        EXAMPLE, ".truth.json"
    ).read_text("utf-8")


def test_the_committed_example_stays_small() -> None:
    total = sum(path.stat().st_size for path in EXAMPLE.parent.rglob("*") if path.is_file())
    assert total < MOST_BYTES


def test_the_same_seed_gives_the_same_files_and_another_seed_gives_others(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("first", "second", "other"))
    generate(first, 3, 2, 16)
    generate(second, 3, 2, 16)
    generate(other, 4, 2, 16)
    assert contents(first) == contents(second)
    assert contents(first)["ankara/zeek/dns.log.gz"] != contents(other)["ankara/zeek/dns.log.gz"]


def test_planting_the_chain_changes_nothing_else(emulated: tuple[Recorder, Truth]) -> None:
    ordinary = emulate(7, 5, 36, False)[0].events
    assert emulated[0].events[: len(ordinary)] == ordinary


@pytest.mark.parametrize(("hosts", "days"), [(15, 5), (3001, 5), (36, 0)])
def test_an_organisation_that_cannot_be_is_refused(tmp_path: Path, hosts: int, days: int) -> None:
    with pytest.raises(UsageError, match=r"hosts: \d+ is not between|days: 0 is not"):
        generate(tmp_path / "organisation", 7, days, hosts)


def test_a_large_organisation_is_divisions_with_sites_machines_and_people_of_their_own(
    tmp_path: Path,
) -> None:
    truth = generate(tmp_path / "large", 7, 1, 301, attack=False)
    sites = tomllib.loads((tmp_path / "large" / "kizashi.toml").read_text("utf-8"))["site"]
    assert [*sites] == [
        f"{root}{name}"
        for root in ("", "division-2-", "division-3-")
        for name in ("tokyo", "ankara")
    ]
    assert sites["division-2-tokyo"]["files"] == ["division-2/tokyo/*"]
    organisations = [build(7 + n, 1, 100, n) for n in range(3)]
    machines = [host for o in organisations for host in o.hosts]
    assert len({host.name for host in machines}) == len(machines)
    assert len({p.account for o in organisations for p in o.people}) == sum(
        len(o.people) for o in organisations
    )
    assert truth.hosts == 301


def words(event: Event) -> Iterator[str]:
    for value in (event.client_ip, *event.values.values()):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                yield item


def test_every_address_is_for_documentation(emulated: tuple[Recorder, Truth]) -> None:
    for event in emulated[0].events:
        for word in words(event):
            try:
                address = ipaddress.ip_address(word)
            except ValueError:
                continue
            ours = any(address in net for net in HARMLESS if net.version == address.version)
            # A reputation service answers with loopback codes.
            assert ours or address.is_loopback, event


def test_every_name_asked_is_reserved_or_our_own(emulated: tuple[Recorder, Truth]) -> None:
    names = {str(e.values["query"]) for e in emulated[0].events if e.table == "dns_activity"}
    # A devolved name has lost the first part of example.co.jp; a browser's probe is a single label.
    allowed = re.compile(r"(.*\.)?example(\.co\.jp)?|[a-z0-9-]+\.co\.jp|[a-z]{7,15}")
    assert [name for name in names if not allowed.fullmatch(name)] == []


def failing(pattern: str) -> Callable[[Event], bool]:
    return lambda e: (
        e.values.get("rcode") == "NXDOMAIN" and bool(re.fullmatch(pattern, str(e.values["query"])))
    )


def child(parent: str, image: str) -> Callable[[Event], bool]:
    return lambda e: (
        e.values.get("activity") == "start"
        and str(e.values["parent_image"]).endswith(parent)
        and str(e.values["image"]).endswith(image)
    )


MISLEADING: dict[str, Callable[[Event], bool]] = {
    "AD service records": failing(r"_ldap\._tcp\.ankara\._sites\.dc\._msdcs\.example\.co\.jp"),
    "devolution": failing(r"[a-z]{14}\.co\.jp"),
    "proxy discovery": failing(r"wpad\.co\.jp"),
    "browser probes": failing(r"[a-z]{7,15}"),
    "antivirus names": failing(r"[0-9a-f]{32}\.h\.avrep\.mamori\.example"),
    "block lists": failing(r"\d+\.113\.0\.203\.zen\.dnsbl\.example"),
    "a server that is gone": failing(r"tk-prn-99\.example\.co\.jp"),
    "updaters": lambda e: e.values.get("uri") == "/service/update2/json",
    "printers": lambda e: e.values.get("host") == "supplies.insatsuki.example",
    "licence clients": lambda e: e.values.get("host") == "lic.zumen-cad.example",
    "logon scripts": child("userinit.exe", "cmd.exe"),
    "policy scripts": child("gpscript.exe", "powershell.exe"),
    "macros": child("EXCEL.EXE", "cmd.exe"),
    "deployment": lambda e: e.values.get("task_name") == "\\Haibun\\Inventory",
    "updater services": lambda e: e.table == "service_activity",
    "installers": lambda e: "CurrentVersion\\Run\\Oshaberi" in str(e.values.get("key_path")),
    "administrators": child("cmd.exe", "systeminfo.exe"),
    "password zips": lambda e: e.values.get("subject") == "パスワードのお知らせ",
    "broken SPF": lambda e: e.values.get("spf") == "softfail",
}


@pytest.mark.parametrize("kind", MISLEADING)
def test_ordinary_life_misleads(kind: str, emulated: tuple[Recorder, Truth]) -> None:
    assert any(MISLEADING[kind](event) for event in emulated[0].events)


def test_a_laptop_gets_other_addresses_and_addresses_other_laptops(
    emulated: tuple[Recorder, Truth],
) -> None:
    leases = {
        (str(e.client_ip), str(e.values["host_name"]))
        for e in emulated[0].events
        if e.table == "dhcp_activity"
    }
    addresses = [address for address, _ in leases]
    names = [name for _, name in leases]
    assert max(map(addresses.count, addresses)) > 1
    assert max(map(names.count, names)) > 1


def test_nobody_signs_in_on_the_holiday(emulated: tuple[Recorder, Truth]) -> None:
    zone = emulated[0].organisation.site("ankara").zone
    signed_in = {
        e.time.astimezone(zone).date()
        for e in emulated[0].events
        if e.table == "authentication" and e.site == "ankara"
    }
    assert signed_in == {date(2026, 4, day) for day in (20, 21, 22, 24)}


def test_the_stages_come_in_order(emulated: tuple[Recorder, Truth]) -> None:
    stages = emulated[1].stages
    assert [stage.technique for stage in stages] == [
        "T1566.001", "T1204.002", "T1059.005", "T1053.005", "T1218.011", "T1568.002", "T1071.001",
        "T1041",
    ]  # fmt: skip
    assert sorted(stages, key=lambda stage: stage.time) == list(stages)


def test_names_fail_until_one_resolves(emulated: tuple[Recorder, Truth]) -> None:
    recorder, truth = emulated
    stage = next(s for s in truth.stages if s.technique == "T1568.002")
    seen = [
        (e.values["query"], e.values["rcode"])
        for e in recorder.events
        if e.table == "dns_activity" and e.source == "windows" and e.device == truth.host
        and stage.time - timedelta(seconds=1) <= e.time <= stage.last_time + timedelta(seconds=1)
        and str(e.values["image"]).endswith("rundll32.exe")
    ]  # fmt: skip
    failed = [(name, "NXDOMAIN") for name in stage.names[:-1]]
    assert seen == [*failed, (stage.names[-1], "NOERROR")]
    labels = {str(name).split(".")[0] for name in stage.names}
    assert all(re.fullmatch(r"[0-9a-f]{8}|[i-x]{8}", label) for label in labels)


def test_posts_are_small_and_about_four_hours_apart(emulated: tuple[Recorder, Truth]) -> None:
    posts = [
        e
        for e in emulated[0].events
        if e.values.get("method") == "POST" and e.values["server_ip"] == CONTROL_ADDRESS
    ]
    sizes = [int(str(e.values["request_body_bytes"])) for e in posts]
    gaps = [(b.time - a.time) / timedelta(hours=1) for a, b in pairwise(posts)]
    assert len(posts) == emulated[1].stages[-1].count
    assert 300 <= min(sizes) <= max(sizes) <= 900
    # A restart costs the implant a search, which may make one gap a little longer.
    assert 3.1 <= min(gaps) <= max(gaps) <= 4.9


NOT_SAID = {"file_id", "record_no", "site", "natural_key", "unmapped"}


def rows(con: duckdb.DuckDBPyConnection, relation: str, table: str) -> list[tuple[object, ...]]:
    columns = [c for c in tables()[table].column_names if c not in NOT_SAID]
    listed = ", ".join(f"nullif({quoted(c)}::VARCHAR, '') AS {quoted(c)}" for c in columns)
    return con.execute(f"SELECT {listed} FROM {relation} ORDER BY ALL").fetchall()


@pytest.fixture(scope="module")
def read_back(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The rows that the generator wrote, and a folder with a lake of each site's raw logs."""
    folder = tmp_path_factory.mktemp("both") / "organisation"
    generate(folder, 7, 3, 20, tables=True)
    lakes = folder.with_name("lakes")
    for site in ("tokyo", "ankara"):
        for line in ingest(lakes / site, [folder / site]):
            assert line.source and not line.note and line.rejected == line.duplicate == 0, line
    return beside(folder, ".tables"), lakes


WRITTEN = (
    "authentication dhcp_activity dns_activity email_activity file_activity http_activity "
    "module_activity network_activity network_file_activity process_activity "
    "scheduled_job_activity script_activity service_activity tls_activity"
)


@pytest.mark.parametrize("site", ["tokyo", "ankara"])
@pytest.mark.parametrize("table", WRITTEN.split())
def test_raw_logs_read_back_as_the_rows_written(
    table: str, site: str, read_back: tuple[Path, Path]
) -> None:
    written, lakes = read_back
    with open_lake(lakes / site) as con:
        read = rows(con, table, table)
        assert read == rows(con, f"'{written / table}.parquet' WHERE site = '{site}'", table)
        assert read
