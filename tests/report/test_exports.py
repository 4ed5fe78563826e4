"""Each export is read back by what reads its format, and keeps what the hunt told."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import datetime

import pytest
from markdown_it import MarkdownIt

from kizashi.incidents import HuntResult, Stage
from kizashi.report import exports
from kizashi.report.attack import TACTICS
from kizashi.report.escape import visible
from kizashi.report.story import story
from kizashi.report.wording import LANGUAGES, wording
from tests.report.hunt_results import HOSTILE, empty, hostile, realistic


@pytest.fixture(params=["realistic", "hostile", "empty"])
def result(request: pytest.FixtureRequest) -> HuntResult:
    made: HuntResult = {"realistic": realistic, "hostile": hostile, "empty": empty}[request.param]()
    return made


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("form", exports.FORMATS)
def test_an_export_is_the_same_each_time_and_shows_no_unseen_character(
    form: str, lang: str, result: HuntResult
) -> None:
    text = exports.FORMATS[form](result, lang)
    assert text == exports.FORMATS[form](result, lang)
    plain = text.removeprefix(exports.BOM)
    assert all(c.isprintable() or c in "\n\r\u3000" for c in plain)


def test_a_csv_line_a_stage_and_no_field_is_a_formula(result: HuntResult) -> None:
    text = exports.csv(result)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == sum(len(i.stages) for i in result.incidents)
    for row in rows:
        assert tuple(row) == exports.COLUMNS
        assert not any(field.lstrip()[:1] in tuple("=+-@") for field in row.values() if field)
        assert max(map(len, row.values())) < 32_767


def test_a_byte_order_mark_only_on_request(result: HuntResult) -> None:
    assert exports.csv_bom(result) == exports.BOM + exports.csv(result)
    assert not exports.csv(result).startswith(exports.BOM)


def test_markdown_keeps_its_tables_and_takes_nothing_from_telemetry(result: HuntResult) -> None:
    reader = MarkdownIt("commonmark").enable("table")
    tokens = reader.parse(exports.markdown(result))
    inline = [child for t in tokens for child in t.children or []]
    assert {t.type for t in tokens} & {"html_block", "code_block", "fence"} == set()
    assert {c.type for c in inline} & {"link_open", "image", "html_inline", "code_inline"} == set()
    heads = [t for t in tokens if t.type == "heading_open" and t.tag == "h2"]
    assert len(heads) == len(result.incidents) + 1
    rows = [t for t in tokens if t.type == "tr_open"]
    assert len(rows) == sum(len(i.stages) + 1 for i in result.incidents)


def test_ocsf_findings_have_what_the_class_requires(result: HuntResult) -> None:
    found = [json.loads(line) for line in exports.ocsf_findings(result).splitlines()]
    assert [f["finding_info"]["uid"] for f in found] == [visible(i.id) for i in result.incidents]
    for finding, incident in zip(found, result.incidents, strict=True):
        assert (finding["class_uid"], finding["category_uid"]) == (2004, 2)
        assert finding["type_uid"] == finding["class_uid"] * 100 + finding["activity_id"]
        assert finding["severity_id"] in (0, 2, 3, 4, 5)
        assert finding["metadata"]["version"] == "1.3.0"
        assert finding["metadata"]["product"]["vendor_name"] == "Kizashi"
        moment = datetime.fromtimestamp(finding["time"] / 1000, incident.last_seen.tzinfo)
        assert abs((moment - incident.last_seen).total_seconds()) < 0.001
        assert len(finding["evidences"]) == len(incident.stages)
        for attack in finding["finding_info"]["attacks"]:
            assert re.fullmatch(r"T\d{4}", attack["technique"]["uid"])


def test_a_layer_holds_each_technique_once_a_tactic_with_its_highest_score() -> None:
    result = realistic()
    layer = json.loads(exports.navigator(result))
    assert layer["domain"] == "enterprise-attack"
    assert layer["versions"]["layer"] == "4.5"
    keys = [(t["techniqueID"], t["tactic"]) for t in layer["techniques"]]
    assert len(set(keys)) == len(keys)
    assert {tactic for _, tactic in keys} <= set(TACTICS)
    for technique in layer["techniques"]:
        scores = [
            incident.score
            for incident in result.incidents
            for stage in incident.stages
            if technique["techniqueID"] in stage.techniques and stage.stage == technique["tactic"]
        ]
        assert technique["score"] == max(scores)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_story_says_each_tactic_once_and_marks_what_is_inferred(lang: str) -> None:
    words = wording(lang)
    for incident in realistic().incidents:
        told = story(incident, 100.0, words)
        first: dict[str, Stage] = {}
        for stage in incident.stages:
            first.setdefault(stage.stage, stage)
        for tactic in first:
            assert words.term("tactic", tactic) in told.paragraph
        mark = "仮説］" if lang == "ja" else "[hypothesis]"
        assert told.paragraph.count(mark) == sum(s.inferred for s in first.values())
        assert 1 <= len(told.checks) <= 5
        assert 1 <= len(told.contain) <= 5
        assert "{" not in told.paragraph + "".join(told.checks + told.contain)


def test_a_story_of_one_moment_names_it_once() -> None:
    incident = realistic().incidents[0]
    moment = replace(incident, last_seen=incident.first_seen)
    told = story(moment, 100.0, wording("en")).paragraph
    assert told.startswith("On 2026-03-02 00:12:05 UTC, ")


def test_a_story_of_hostile_names_stays_short() -> None:
    for incident in hostile().incidents:
        told = story(incident, 100.0, wording("en"))
        assert len(told.paragraph) < 20_000
        assert max(len(line) for line in told.checks) < 1_000
    assert len(HOSTILE) > 5
