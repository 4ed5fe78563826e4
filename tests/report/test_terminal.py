"""The terminal report says who, when, why and what could not be seen, at any width."""

from __future__ import annotations

import io
import re
import unicodedata
from dataclasses import replace
from itertools import pairwise

import pytest
from rich.cells import cell_len
from rich.console import Console

from kizashi.incidents import HuntResult
from kizashi.report.prose import line_starts
from kizashi.report.terminal import render_terminal, render_unseen
from tests.report import hunt_results


def rendered(result: HuntResult, lang: str = "en", width: int = 120, timelines: int = 50) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, legacy_windows=False)
    render_terminal(result, console, lang, timelines)
    return out.getvalue()


def joined(text: str) -> str:
    """The text without its line breaks and padding."""
    return " ".join(text.split())


def test_a_chain_is_told_with_times_ties_and_evidence() -> None:
    text = joined(rendered(hunt_results.realistic()))
    for said in (
        "2026-03-02 00:12:05 UTC → 2026-03-04 10:24:05 UTC (2 d 10 h)",
        "2026-03-02 09:12:05 JST",
        "T1566.001 Phishing: Spearphishing Attachment",
        "Tied to the stage before: WINWORD.EXE opened reception.docm",
        "tokyo/sysmon-pc-07.json:48213",
        "Command and Control [inferred]",
        "Credential Access: no such log. No process-access events (Sysmon 10) from pc-07.",
        "Rarer than anything in 1,184 host-days",
        "A document macro of a partner",
    ):
        assert said in text


def test_japanese_marks_an_inferred_stage_as_a_hypothesis() -> None:
    text = rendered(hunt_results.realistic(), "ja")
    assert "C2 通信 [仮説]" in text
    assert "認証情報窃取：該当ログなし。" in text


def test_without_incidents_it_says_so_and_what_could_not_be_seen() -> None:
    text = joined(rendered(hunt_results.empty()))
    assert "No incident in 1,184 host-days of logs." in text
    assert "read below what the logs cannot show" in text
    assert "turn on event 4688 with command line" in text


def test_with_nothing_read_it_names_that_too() -> None:
    text = rendered(hunt_results.nothing_read())
    assert "No incident in 0 host-days" in text
    assert "No source was read." in text


def test_records_that_are_nowhere_are_told() -> None:
    result = hunt_results.empty()
    lost = replace(result, sources=(replace(result.sources[0], stored=400),))
    assert "mail: 12 of 412 records are neither stored" in rendered(lost)


def test_a_source_to_trust_less_is_named_before_the_list() -> None:
    text = rendered(hunt_results.realistic())
    warned = text.index("! source fortigate writes times without a zone")
    assert warned < text.index("Severity")


def test_of_many_warnings_the_list_stays_on_the_first_screen() -> None:
    result = hunt_results.realistic()
    text = rendered(replace(result, warnings=result.warnings * 30))
    assert "24 more of this kind below" in text
    assert len(text[: text.index("Severity")].splitlines()) < 24


def test_who_answers_for_a_host_is_named() -> None:
    result = hunt_results.realistic()
    owned = replace(result.incidents[0], owners=("Hana Sato",), criticality=5)
    text = rendered(replace(result, incidents=(owned,)))
    assert re.search(r"Owners +Hana Sato", text)
    assert re.search(r"Criticality +5", text)


def test_a_site_without_a_zone_is_named() -> None:
    assert "No time zone: branch." in rendered(hunt_results.realistic())


def test_what_could_not_be_seen_can_be_told_alone() -> None:
    out = io.StringIO()
    render_unseen(hunt_results.realistic(), Console(file=out, width=100))
    assert "process_script_lolbin" in out.getvalue()
    assert "Run key" not in out.getvalue()


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("width", [46, 64, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_terminal(width: int, lang: str) -> None:
    lines = rendered(hunt_results.realistic(), lang, width).splitlines()
    assert [line for line in lines if cell_len(line) > width] == []


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_hostile_text_neither_moves_the_cursor_nor_reads_as_markup(lang: str) -> None:
    text = rendered(hunt_results.hostile(), lang)
    allowed = {"\n"}
    assert {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs"}} <= allowed
    assert "[bold red]" in text
    assert ":smile:" in text
    assert all(cell_len(line) <= 120 for line in text.splitlines())


def test_of_many_incidents_the_table_has_all_and_the_cut_is_told() -> None:
    text = rendered(hunt_results.many(500), timelines=3)
    assert "Timelines of the first 3 of 500 incidents" in text
    assert text.count("Likeliest honest story") == 3
    assert " 500 " in text


def test_an_ascii_terminal_gets_no_other_marks() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", errors="replace")
    render_terminal(hunt_results.realistic(), Console(file=out, width=100, color_system=None))
    out.flush()
    assert b" * Initial Access" in raw.getvalue()


def test_the_same_result_reads_the_same() -> None:
    assert rendered(hunt_results.realistic()) == rendered(hunt_results.realistic())


def wrapped(text: str, width: int) -> list[str]:
    starts = [0, *line_starts(text, width), len(text)]
    return [text[a:b].rstrip() for a, b in pairwise(starts)]


def test_japanese_breaks_between_characters_but_not_before_a_closing_mark() -> None:
    assert wrapped("端末の記録がありません。次へ", 22) == ["端末の記録がありませ", "ん。次へ"]
    assert wrapped("これは「引用」です", 8) == ["これは", "「引用」", "です"]


def test_words_stay_whole_unless_they_are_wider_than_the_line() -> None:
    assert wrapped("the quick brown", 10) == ["the quick", "brown"]
    assert wrapped("n" * 25, 10) == ["n" * 10, "n" * 10, "n" * 5]
