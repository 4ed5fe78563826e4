"""`kizashi show`: one thing, everything that the lake says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kizashi import pipeline, query
from kizashi.config import Config
from kizashi.errors import UsageError

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
    names, rows = query.show(lake, thing)
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
        query.show(lake, " . ")


def test_a_host_s_destinations_are_ranked_and_every_host_has_a_first(lake: Path) -> None:
    names, rows = query.destinations(lake, "10.0.0.7")
    wanted = [names.index(name) for name in ("host_id", "rank", "destination")]
    told = [tuple(row[i] for i in wanted) for row in rows]
    assert told == [("/10.0.0.7", 1, "upd.example.net")]
    assert query.destinations(lake, None)[1] == rows
    assert query.destinations(lake, "nobody")[1] == []
