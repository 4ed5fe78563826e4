"""JSON lines: one whole incident a line, with the fields that programs rely on."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime

from kizashi.report.jsonl import lines, write_jsonl
from tests.report import hunt_results

FIELDS = [
    "id", "rank", "score", "severity", "chance", "chain", "title", "site", "hosts", "users",
    "owners", "criticality", "first_seen", "last_seen", "techniques", "destinations", "stages",
    "missing", "story", "checks", "contain", "blind", "warnings",
]  # fmt: skip


def test_each_incident_is_one_line_with_the_promised_fields() -> None:
    documents = [json.loads(line) for line in lines(hunt_results.realistic())]
    assert [document["rank"] for document in documents] == [1, 2, 3]
    assert {tuple(document) for document in documents} == {tuple(FIELDS)}


def test_a_stage_carries_its_evidence_and_its_tie() -> None:
    first = json.loads(next(lines(hunt_results.realistic())))
    assert first["stages"][1] == {
        "stage": "execution",
        "time": "2026-03-02T00:53:17Z",
        "detector": "process_office_child",
        "techniques": ["T1204.002"],
        "entity": "tokyo/pc-07",
        "summary": "WINWORD.EXE started wscript.exe with a script in AppData",
        "inferred": False,
        "link": "WINWORD.EXE opened reception.docm, the attachment of that mail",
        "tied_to": None,
        "times": 1,
        "last_time": None,
        "shift_s": 0.0,
        "beats": [],
        "siblings": [],
        "other_hosts": [],
        "evidence": [
            {"file": "tokyo/sysmon-pc-07.json", "line": 48_213},
            {"file": "tokyo/sysmon-pc-07.json", "line": 48_220},
        ],
    }
    assert [stage["inferred"] for stage in first["stages"]].count(True) == 1


def test_every_line_says_what_could_not_be_looked_at() -> None:
    documents = [json.loads(line) for line in lines(hunt_results.realistic())]
    assert {tuple(item["subject"] for item in document["blind"]) for document in documents} == {
        ("process_script_lolbin", "zeek")
    }


def test_the_language_picks_the_sentences_and_leaves_the_rest() -> None:
    english = json.loads(next(lines(hunt_results.realistic(), "en")))
    japanese = json.loads(next(lines(hunt_results.realistic(), "ja")))
    assert japanese["title"] == "pc-07：添付メールから生成名 C2、低速の持ち出しまで"
    assert english["title"].startswith("Mail attachment")
    same = [field for field in FIELDS if english[field] == japanese[field]]
    told = {
        "chance", "title", "stages", "missing", "story", "checks", "contain", "blind", "warnings"
    }  # fmt: skip
    assert same == [f for f in FIELDS if f not in told]


def test_an_empty_japanese_text_falls_back_to_the_english() -> None:
    result = hunt_results.realistic()
    bare = replace(result, incidents=(replace(result.incidents[0], title_ja=""),))
    assert json.loads(next(lines(bare, "ja")))["title"].startswith("Mail attachment")


def test_microseconds_are_kept() -> None:
    result = hunt_results.realistic()
    moment = datetime(2026, 3, 2, 9, 0, 0, 250_001, tzinfo=UTC)
    later = replace(result, incidents=(replace(result.incidents[1], first_seen=moment),))
    assert json.loads(next(lines(later)))["first_seen"] == "2026-03-02T09:00:00.250001Z"


def test_hostile_text_comes_back_whole_and_prints_harmlessly() -> None:
    result = hunt_results.hostile()
    printed = list(lines(result))
    assert [json.loads(line)["title"] for line in printed] == [i.title for i in result.incidents]
    assert all(line.isprintable() for line in printed)


def test_five_hundred_incidents_are_five_hundred_lines_and_none_is_none() -> None:
    out = io.StringIO()
    write_jsonl(hunt_results.many(500), out)
    assert out.getvalue().count("\n") == 500
    nothing = io.StringIO()
    write_jsonl(hunt_results.empty(), nothing)
    assert nothing.getvalue() == ""


def test_no_fact_of_a_stage_is_left_out() -> None:
    stage = hunt_results.mail_to_c2().stages[0]
    told = set(json.loads(next(lines(hunt_results.realistic())))["stages"][0])
    assert told == {key for key in asdict(stage) if not key.endswith("_ja")}
