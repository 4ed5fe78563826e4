"""`kizashi show`: one thing, everything that the lake says of it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from kizashi import entities, pipeline, query, show
from kizashi.config import Config
from kizashi.errors import UsageError
from kizashi.lake.engine import empty_table_sql
from kizashi.schema import tables

DNS = """#separator \\x09
#path\tdns
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\trcode_name\tanswers
#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tstring\tvector[string]
1767225600.0\tC1\t10.0.0.7\t50000\t10.0.0.1\t53\tudp\tupd.example.net\tNOERROR\t192.0.2.80
1767225660.0\tC2\t10.0.0.7\t50001\t10.0.0.1\t53\tudp\tupd.example.net\tNOERROR\t192.0.2.80
1767225720.0\tC3\t10.0.0.8\t50000\t10.0.0.1\t53\tudp\tnotexample.net\tNXDOMAIN\t-
"""
CONN = """#separator \\x09
#path\tconn
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice
#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring
1767225601.0\tD1\t10.0.0.7\t50002\t192.0.2.80\t443\ttcp\tssl
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("show")
    (root / "dns.log").write_text(DNS)
    (root / "conn.log").write_text(CONN)
    list(pipeline.read(root / "lake", [root / "dns.log", root / "conn.log"], Config()))
    return root / "lake"


def _told(lake: Path, thing: str) -> list[tuple[object, ...]]:
    names, rows, _lines = show.show(lake, thing)
    wanted = [names.index(name) for name in ("what", "host", "said", "times")]
    return [tuple(row[i] for i in wanted) for row in rows]


def test_a_domain_shows_its_children_and_not_its_look_alike(lake: Path) -> None:
    assert _told(lake, "Example.NET.") == [("dns NOERROR", "/10.0.0.7", "upd.example.net", 2)]


def test_an_address_shows_who_resolved_it_and_who_connected(lake: Path) -> None:
    assert _told(lake, "192.0.2.80") == [
        ("dns NOERROR", "/10.0.0.7", "upd.example.net", 2),
        ("connection", "/10.0.0.7", "192.0.2.80:443", 1),
    ]


def test_a_host_shows_all_it_did(lake: Path) -> None:
    assert _told(lake, "10.0.0.8") == [("dns NXDOMAIN", "/10.0.0.8", "notexample.net", 1)]


def test_what_is_nowhere_gives_no_rows(lake: Path) -> None:
    assert _told(lake, "nowhere.example") == []


def test_nothing_to_look_for_is_refused(lake: Path) -> None:
    with pytest.raises(UsageError, match="nothing to look for"):
        show.show(lake, " . ")


def test_a_host_s_destinations_are_ranked_and_every_host_has_a_first(lake: Path) -> None:
    names, rows = query.destinations(lake, "10.0.0.7")
    wanted = [names.index(name) for name in ("host_id", "rank", "destination")]
    told = [tuple(row[i] for i in wanted) for row in rows]
    assert told == [("/10.0.0.7", 1, "upd.example.net")]
    assert query.destinations(lake, None)[1] == rows
    assert query.destinations(lake, "nobody")[1] == []


def test_a_record_that_meets_two_tests_is_told_once(tmp_path: Path) -> None:
    # The machine's own address, asked for by itself, is client and answer at once.
    own = DNS.replace("\t192.0.2.80", "\t10.0.0.7")
    (tmp_path / "dns.log").write_text(own)
    list(pipeline.read(tmp_path / "lake", [tmp_path / "dns.log"], Config()))
    assert _told(tmp_path / "lake", "10.0.0.7") == [
        ("dns NOERROR", "/10.0.0.7", "upd.example.net", 2)
    ]


def test_days_with_more_lines_than_a_person_reads_are_folded(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = show.show(lake, "10.0.0.7")
    assert (len(whole.rows), whole.lines, whole.is_folded) == (2, 2, False)
    monkeypatch.setattr(show, "MOST_LINES", 1)
    folded = show.show(lake, "net")
    names = folded.names
    assert [(r[names.index("said")], r[names.index("hosts")]) for r in folded.rows] == [
        ("upd.example.net", 1),
        ("notexample.net", 1),
    ]
    assert not show.show(lake, "net", everything=True).is_folded


@pytest.mark.parametrize(
    ("thing", "test", "met"),
    [
        ("d41d8cd98f00b204e9800998ecf8427e", "is_hash", True),
        ("d41d8cd98f00b204e9800998ecf8427e", "is_name", False),
        ("192.0.2.80", "is_answer", True),
        ("192.0.2.80", "is_account", False),
        ("2001:db8::1", "is_address", True),
        ("00:11:22:aa:bb:cc", "is_address", True),
        ("t13d1516h2_8daaf6152771_b186095e22b6", "is_fingerprint", True),
        ("taro@example.jp", "is_recipient", True),
        ("taro@example.jp", "is_host", False),
        ("winword.exe", "is_program", True),
        ("winword.exe", "is_name", False),
        ("archive.zip", "is_name", True),  # .zip is a top-level domain as well
        ("pc-07", "is_host", True),
        ("pc-07", "is_answer", False),
    ],
)
def test_only_tests_that_a_thing_may_meet_are_made(thing: str, test: str, met: bool) -> None:
    assert (test in show._possible(thing)) is met


def test_every_table_of_events_is_looked_through() -> None:
    assert set(tables()) <= set(show._tables())


@pytest.mark.parametrize("table", show._tables())
def test_a_look_up_of_every_kind_runs_on_every_table(table: str) -> None:
    con = duckdb.connect()
    entities.install(con)
    if table in tables():
        con.execute(empty_table_sql(tables()[table]))
    else:
        con.execute(f"CREATE TABLE {table} AS FROM ({_HISTORY})")
    show._prepare(con, "sought")
    head, tests = show._parts(table)
    for test in tests:
        con.execute(f"INSERT INTO found {head}WHERE {test}")
    assert con.execute("SELECT count(*) FROM found").fetchall() == [(0,)]


_HISTORY = """SELECT 'a' AS host_id, 'b' AS destination, NULL::VARCHAR AS server_ip,
    NULL::VARCHAR AS image, DATE '2026-01-01' AS day, 'tls' AS protocol, [1::UINTEGER] AS times"""
