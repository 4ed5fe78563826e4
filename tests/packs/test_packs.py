"""Packs: what a file must say, and what becomes of its hunts over logs that show them or not."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest
from rich.console import Console

from kizashi import pipeline
from kizashi.chains import chains
from kizashi.config import Config
from kizashi.detectors import detectors
from kizashi.errors import KizashiError, UsageError
from kizashi.incidents import HuntResult, PackHunt
from kizashi.names import predicted
from kizashi.packs import GRADES, check, load, pack, packs
from kizashi.report.html import page
from kizashi.report.jsonl import lines
from kizashi.report.terminal import render_terminal

OWN = """
title = "A campaign"
title_ja = "ある活動"
about = "What is known."
about_ja = "分かっていること。"
[source]
report = "A report"
[hunt.H1]
title = "A hunt"
title_ja = "ハント"
about = "It did so."
about_ja = "そうした。"
grade = "B"
sources = ["report"]
detectors = ["dns_nxdomain_burst"]
"""
LOOK = """[hunt.H1.look]
table = "http_activity"
column = "uri"
pattern = "^/key/"
"""


def own(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("name", sorted(packs()))
def test_a_packaged_pack_names_only_what_there_is(name: str) -> None:
    check(packs()[name], detectors(), chains(), predicted.families())


@pytest.mark.parametrize("name", sorted(packs()))
def test_evidence_of_grade_d_only_looks(name: str) -> None:
    for hunt in packs()[name].hunts:
        assert hunt.grade in GRADES
        if hunt.grade == "D":
            assert hunt.look and not (hunt.detectors or hunt.chains or hunt.names)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OWN.replace('grade = "B"', 'grade = "D"'), "never alerts"),
        (OWN.replace('grade = "B"', 'grade = "E"'), "unknown grade"),
        (OWN.replace('["report"]', '["rumour"]'), "unknown source"),
        (OWN.replace("detectors =", "detector ="), "Did you mean"),
        (OWN.replace('detectors = ["dns_nxdomain_burst"]', ""), "needs sources, and one of"),
        (OWN + LOOK.replace("uri", "url"), "unknown column"),
        (OWN + LOOK.replace("^/key/", "("), "pattern"),
        (OWN.partition("[hunt")[0], "has no [hunt.NAME]"),
        ("title = ", "not TOML"),
    ],
)
def test_a_pack_that_is_wrong_is_told_where(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(KizashiError, match=said.replace("[", r"\[")):
        load(own(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OWN.replace("dns_nxdomain_burst", "dns_nxdomain_burts"), "unknown detector"),
        (OWN + "[settings.dns_nxdomain_burst]\nmin_name = 3\n", "unknown setting"),
    ],
)
def test_a_pack_that_names_nothing_known_is_told_before_the_hunt(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(KizashiError, match=said):
        check(load(own(tmp_path, text)), detectors(), chains(), predicted.families())


def test_a_name_that_is_no_pack_is_told_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="One of: infy"):
        pack("infi")


SUFFIXES = ("space", "net", "top", "site")


def zeek(folder: Path, kind: str, *rows: dict[str, object]) -> Path:
    """A Zeek log of JSON lines."""
    folder.mkdir(exist_ok=True)
    common = {"uid": "C1", "id.orig_h": "192.0.2.7", "id.orig_p": 40000, "id.resp_p": 53}
    text = "\n".join(json.dumps({"_path": kind, **common, **row}) for row in rows)
    (folder / f"{kind}.log").write_text(text + "\n", "utf-8")
    return folder


def look_up(time: str, query: str, rcode: str = "NXDOMAIN") -> dict[str, object]:
    moment = datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()
    return {
        "ts": moment, "id.resp_h": "192.0.2.53", "proto": "udp", "query": query,
        "qtype_name": "A", "rcode_name": rcode, "rcode": 3, "trans_id": 7,
    }  # fmt: skip


def request(time: str, uri: str) -> dict[str, object]:
    moment = datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()
    return {
        "ts": moment, "id.resp_h": "203.0.113.9", "id.resp_p": 80, "method": "GET",
        "host": "updates.example", "uri": uri, "trans_depth": 1, "status_code": 200,
    }  # fmt: skip


def hunted(lake: Path, *paths: Path, keep_days: int | None = None) -> dict[str, PackHunt]:
    """The hunts of the Infy pack by id, over logs read into a lake."""
    return {hunt.hunt: hunt for hunt in result(lake, *paths, keep_days=keep_days).pack_hunts}


def result(lake: Path, *paths: Path, keep_days: int | None = None) -> HuntResult:
    list(pipeline.read(lake, list(paths), Config()))
    if keep_days is not None:
        pipeline.retain(lake, keep_days, datetime.now(UTC))
    return pipeline.hunt(lake, pipeline.HuntOptions(packs=(pack("infy"),)))


def test_a_predicted_name_fires_and_a_hunt_without_its_log_is_blind(tmp_path: Path) -> None:
    rows = [look_up("2016-11-16T09:00:00", "9877fa8b.space")]
    found = hunted(tmp_path / "lake", zeek(tmp_path / "logs", "dns", *rows))
    first = found["H1"]
    assert (first.state, first.records, first.hosts) == ("fired", 1, ("/192.0.2.7",))
    assert first.evidence[0].file.endswith("dns.log")
    moment = datetime.fromisoformat("2016-11-16T09:00:00")
    assert (first.first_looked, first.last_looked) == (moment, moment)
    assert first.incidents == (1,)
    assert found["H3"].state == "nothing"
    blind = found["L3"]
    assert (blind.state, blind.lacking) == ("blind", ("http_activity.uri",))
    assert blind.first_looked is None


def test_a_published_indicator_of_the_pack_fires_its_hunt(tmp_path: Path) -> None:
    rows = [look_up("2026-03-02T09:00:00", "querylist.online", "NOERROR")]
    found = hunted(tmp_path / "lake", zeek(tmp_path / "logs", "dns", *rows))
    assert (found["H1"].state, found["H1"].records) == ("fired", 1)


def test_a_pattern_gives_a_lead_and_never_an_incident(tmp_path: Path) -> None:
    logs = zeek(tmp_path / "logs", "http", request("2026-03-02T09:00:00", "/t/tga.adr"))
    told = result(tmp_path / "lake", logs)
    found = {hunt.hunt: hunt for hunt in told.pack_hunts}["L6"]
    assert (found.grade, found.state, found.records) == ("D", "lead", 1)
    assert told.incidents == ()


def test_the_daily_file_of_a_server_fires_its_hunt_and_stays_medium(tmp_path: Path) -> None:
    rows = [
        request(f"2026-03-0{n}T09:00:00", f"/key/updates.example2606{n - 1}.sig") for n in (2, 3)
    ]
    told = result(tmp_path / "lake", zeek(tmp_path / "logs", "http", *rows))
    found = {hunt.hunt: hunt for hunt in told.pack_hunts}["H5"]
    assert (found.grade, found.state, found.incidents) == ("C", "fired", (1,))
    assert [incident.severity for incident in told.incidents] == ["medium"]


def test_a_label_under_several_suffixes_fires_its_hunt(tmp_path: Path) -> None:
    asked = [f"{label}.{suffix}" for label in ("a1b2c3d4", "0d9e8f7a") for suffix in SUFFIXES]
    rows = [look_up(f"2026-03-02T09:00:{n:02d}", name) for n, name in enumerate(asked)]
    found = hunted(tmp_path / "lake", zeek(tmp_path / "logs", "dns", *rows))["H2"]
    assert (found.state, found.records) == ("fired", 1)


def test_a_new_set_each_week_fires_its_hunt(tmp_path: Path) -> None:
    rows = [
        look_up(f"2026-03-{day:02d}T09:{n:02d}:00", f"{start}{n:02d}.example")
        for day, start in ((2, "a1b2c3"), (9, "0d9e8f"), (16, "77ac01"))
        for n in range(6)
    ]
    found = hunted(tmp_path / "lake", zeek(tmp_path / "logs", "dns", *rows))["H9"]
    assert (found.state, found.records) == ("fired", 1)


def test_the_kept_history_is_looked_through_for_predicted_names(tmp_path: Path) -> None:
    old = {**request("2016-11-16T09:00:00", "/"), "host": "9877fa8b.space"}
    logs = zeek(tmp_path / "logs", "http", old, request("2016-12-20T09:00:00", "/"))
    found = hunted(tmp_path / "lake", logs, keep_days=5)["H1"]
    assert (found.state, found.records, found.hosts) == ("fired", 1, ("/192.0.2.7",))
    assert "9877fa8b.space" in found.past[0].text
    assert found.first_looked == datetime.fromisoformat("2016-11-16T00:00:00")


def test_the_settings_of_a_pack_yield_to_those_of_the_organisation(tmp_path: Path) -> None:
    text = OWN + "[settings.dns_nxdomain_burst]\nmin_names = 3\nwindow_minutes = 5\n"
    given = load(own(tmp_path, text))
    rows = [look_up(f"2026-03-02T09:00:0{n}", f"a{n}.example") for n in range(4)]
    list(pipeline.read(tmp_path / "lake", [zeek(tmp_path / "logs", "dns", *rows)], Config()))
    for config, state in (
        (Config(), "fired"),
        (Config(detectors={"dns_nxdomain_burst": {"min_names": 9}}), "nothing"),
    ):
        options = pipeline.HuntOptions(config, packs=(given,))
        (told,) = pipeline.hunt(tmp_path / "lake", options).pack_hunts
        assert told.state == state


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_report_tells_every_hunt(tmp_path: Path, lang: str) -> None:
    told = result(
        tmp_path / "lake",
        zeek(tmp_path / "logs", "dns", look_up("2016-11-16T09:00:00", "9877fa8b.space")),
    )
    hostile = replace(told.pack_hunts[0], hosts=("/<marquee>\x1b[2J",))
    told = replace(told, pack_hunts=(hostile, *told.pack_hunts[1:]))
    out = io.StringIO()
    render_terminal(told, Console(file=out, width=150), lang)
    raw = page(told, lang)
    html = unescape(raw)
    documents = [json.loads(line) for line in lines(told, lang)]
    for hunt in told.pack_hunts:
        title = hunt.title_ja if lang == "ja" else hunt.title
        assert title.split()[0] in out.getvalue() and title in html
        assert title in [document.get("title") for document in documents]
    assert "\x1b[2J" not in out.getvalue() and "<marquee>" not in raw
    assert [d["state"] for d in documents if "hunt" in d] == [h.state for h in told.pack_hunts]
