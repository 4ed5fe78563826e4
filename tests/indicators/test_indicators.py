"""Indicators: every form they are passed around in, what is refused, and a hunt with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kizashi import indicators, names, pipeline
from kizashi.config import Config
from kizashi.errors import KizashiError

SUFFIXES = frozenset(names.suffixes())


def load(tmp_path: Path, text: str | bytes, own: tuple[str, ...] = ()) -> indicators.Loaded:
    path = tmp_path / "list"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return indicators.load(path, SUFFIXES, own)


def pairs(loaded: indicators.Loaded) -> list[tuple[str, str]]:
    return [(i.kind, i.value) for i in loaded.indicators]


@pytest.mark.parametrize(
    ("said", "kind", "value"),
    [
        ("bad[.]example", "name", "bad.example"),
        ("bad(dot)example", "name", "bad.example"),
        ("bad [.] example", "name", "bad.example"),
        ("*.Bad.Example.", "name", "bad.example"),
        ("ｂａｄ．ｅｘａｍｐｌｅ", "name", "bad.example"),
        ("bad。example", "name", "bad.example"),
        ("b\u0430d.example", "name", "xn--bd-7kc.example"),
        ("例え.テスト", "name", "xn--r8jz45g.xn--zckzah"),
        ("bad.exam\u200bple", "name", "bad.example"),
        ("hxxps[:]//bad[.]example/", "name", "bad.example"),
        ("hxxp://u@Bad.example:8080/A/b?q=1#x", "url", "bad.example/A/b?q=1"),
        ("bad.example/drop/a.exe", "url", "bad.example/drop/a.exe"),
        ("198.51.100[.]7", "address", "198.51.100.7"),
        ("198.51.100.7:443", "address", "198.51.100.7"),
        ("http://198.51.100.7/", "address", "198.51.100.7"),
        ("198.51.100.0/24", "network", "198.51.100.0/24"),
        ("198.51.100.7/32", "address", "198.51.100.7"),
        ("2001:DB8::1", "address", "2001:db8::1"),
        ("D41D8CD98F00B204E9800998ECF8427E", "hash", "d41d8cd98f00b204e9800998ecf8427e"),
        ("Boss[at]bad[.]example", "mail", "boss@bad.example"),
    ],
)
def test_an_indicator_is_read_however_it_is_written(
    tmp_path: Path, said: str, kind: str, value: str
) -> None:
    assert pairs(load(tmp_path, said)) == [(kind, value)]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("com", "public suffix"),
        ("co.jp", "public suffix"),
        ("10.1.2.3", "private"),
        ("192.168.0.0/16", "private"),
        ("127.0.0.1", "private"),
        ("0.0.0.0/0", "too wide"),
        ("mail.corp.example", "own domain"),
        ("hxxp://corp.example/login", "own domain"),
        ("localhost", "neither a name"),
        ("evil.exa mple.123", "not a name that DNS can hold"),
        ("a..example", "not a name that DNS can hold"),
    ],
)
def test_what_would_match_everything_is_refused_with_the_reason(
    tmp_path: Path, said: str, reason: str
) -> None:
    loaded = load(tmp_path, said.replace(" ", ""), own=("corp.example",))
    assert loaded.indicators == ()
    assert reason in loaded.refused[0]


def test_remarks_of_a_text_list_become_titles(tmp_path: Path) -> None:
    loaded = load(tmp_path, "# list\n\nbad.example  # Foudre C2\n198.51.100.7, old server\n")
    assert [i.title for i in loaded.indicators] == ["Foudre C2", "old server"]


def test_a_csv_names_its_columns(tmp_path: Path) -> None:
    text = "type,Indicator,description,first_seen\nhost,bad[.]example,C2,2026-01-02\n"
    (found,) = load(tmp_path, text.encode("utf-16")).indicators
    assert (found.value, found.title, str(found.known_from)) == (
        "bad.example",
        "C2",
        "2026-01-02 00:00:00",
    )


def test_stix_patterns_and_observables_are_read(tmp_path: Path) -> None:
    pattern = "[domain-name:value = 'bad.example' OR ipv4-addr:value ISSUBSET '198.51.100.0/24']"
    bundle = {
        "type": "bundle",
        "objects": [
            {"type": "indicator", "id": "indicator--1", "name": "C2", "pattern": pattern,
             "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2026-06-01T09:00:00+09:00"},
            {"type": "indicator", "id": "indicator--2", "pattern": "[file:name = 'a.exe' AND "
             "file:hashes.'SHA-256' = '" + "ab" * 32 + "']"},
            {"type": "indicator", "id": "indicator--3", "pattern": "alert tcp any any"},
            {"type": "indicator", "id": "indicator--4", "revoked": True,
             "pattern": "[domain-name:value = 'gone.example']"},
            {"type": "url", "id": "url--1", "value": "http://bad.example/a"},
        ],
    }  # fmt: skip
    loaded = load(tmp_path, json.dumps(bundle))
    assert pairs(loaded) == [
        ("name", "bad.example"),
        ("network", "198.51.100.0/24"),
        ("file", "a.exe"),
        ("hash", "ab" * 32),
        ("url", "bad.example/a"),
    ]
    assert str(loaded.indicators[0].known_until) == "2026-06-01 00:00:00"
    assert len(loaded.refused) == 1


def test_misp_attributes_and_objects_are_read(tmp_path: Path) -> None:
    event = {
        "info": "Prince of Persia",
        "date": "2026-01-05",
        "Attribute": [
            {"type": "domain|ip", "value": "bad.example|198.51.100.7", "to_ids": True},
            {"type": "ip-dst|port", "value": "198.51.100.8|443", "to_ids": True},
            {"type": "comment", "value": "words", "to_ids": True},
            {"type": "domain", "value": "context.example", "to_ids": False},
        ],
        "Object": [{"Attribute": [{"type": "filename|md5", "value": "a.exe|" + "0f" * 16}]}],
    }
    loaded = load(tmp_path, json.dumps({"response": [{"Event": event}]}))
    assert pairs(loaded) == [
        ("name", "bad.example"),
        ("address", "198.51.100.7"),
        ("address", "198.51.100.8"),
        ("file", "a.exe"),
        ("hash", "0f" * 16),
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "{]", '{"a": 1}'])
def test_a_file_without_indicators_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(KizashiError, match="list"):
        load(tmp_path, text)


LOG = """#separator \\x09
#path\tconn
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice
#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring
1767225601.0\tD1\t10.0.0.7\t50002\t2001:db8::80\t443\ttcp\tssl
1767225602.0\tD2\t10.0.0.8\t50002\t198.51.100.9\t443\ttcp\tssl
"""


def test_a_hunt_meets_networks_of_both_kinds_and_says_what_it_could_not_search(
    tmp_path: Path,
) -> None:
    (tmp_path / "conn.log").write_text(LOG)
    lake = tmp_path / "lake"
    list(pipeline.read(lake, [tmp_path / "conn.log"], Config()))
    given = load(tmp_path, "2001:db8::/48\n198.51.100.0/24\nbad.example\n").indicators
    result = pipeline.hunt(lake, pipeline.HuntOptions(indicators=given))
    with pipeline.open_settled(lake) as con:
        con.execute(f"CREATE VIEW signal AS FROM '{lake / pipeline.SIGNALS}'")
        found = con.execute(
            "SELECT host_id FROM signal WHERE detector = 'indicator_match' ORDER BY 1"
        ).fetchall()
    assert found == [("/10.0.0.7",), ("/10.0.0.8",)]
    said = [note.text for note in result.notes]
    assert any("3 indicators looked for in addresses connected to" in text for text in said)
    assert any("DNS names" in text and "could not be met" in text for text in said)


def test_a_hunt_without_indicators_does_not_call_itself_blind_for_them(tmp_path: Path) -> None:
    (tmp_path / "conn.log").write_text(LOG)
    lake = tmp_path / "lake"
    list(pipeline.read(lake, [tmp_path / "conn.log"], Config()))
    result = pipeline.hunt(lake, pipeline.HuntOptions())
    assert "indicator_match" not in [blind.subject for blind in result.blind]
