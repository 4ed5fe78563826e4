"""The words of both languages, and how spans, chances, moments and techniques are said."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kizashi.errors import UsageError
from kizashi.report import moments
from kizashi.report.attack import TACTICS, tactic_order, technique_name
from kizashi.report.wording import chance, span, wording
from tests.report.hunt_results import MONDAY, mail_to_c2, run_key

EN, JA = wording("en"), wording("ja")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
# Signs and placeholders only, or a word that Japanese borrows as it is.
_WITHOUT_WORDS = {
    "incident.id", "incident.absent", "incident.lasted", "span.joint", "story.joint",
    "story.comma", "story.step", "story.chance",
}  # fmt: skip


def test_both_languages_have_the_same_keys() -> None:
    assert set(EN.texts) == set(JA.texts)


def test_both_languages_fill_the_same_places() -> None:
    differing = {
        key
        for key in EN.texts
        if sorted(_PLACEHOLDER.findall(EN.texts[key]))
        != sorted(_PLACEHOLDER.findall(JA.texts[key]))
    }
    assert differing == set()


def test_japanese_is_japanese_and_english_is_english() -> None:
    japanese = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
    assert {key for key, text in JA.texts.items() if not japanese.search(text)} == _WITHOUT_WORDS
    assert {key for key, text in EN.texts.items() if japanese.search(text)} == set()


def test_every_tactic_and_severity_has_a_name() -> None:
    assert {key for key in EN.texts if key.startswith("tactic.")} == {
        f"tactic.{t}" for t in TACTICS
    }
    assert JA.term("severity", "critical") == "重大"
    assert JA.term("tactic", "collection-of-a-new-matrix") == "collection-of-a-new-matrix"


def test_an_unknown_language_names_the_choices() -> None:
    with pytest.raises(UsageError, match="en, ja"):
        wording("fr")


@pytest.mark.parametrize(
    ("seconds", "english", "japanese"),
    [
        (0, "0 s", "0秒"),
        (59.6, "1 min", "1分"),
        (3_600, "1 h", "1時間"),
        (3_605, "1 h", "1時間"),
        (93_600, "1 d 2 h", "1日2時間"),
        (-5, "0 s", "0秒"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(
    seconds: float, english: str, japanese: str
) -> None:
    assert (span(seconds, EN), span(seconds, JA)) == (english, japanese)


def test_chance_is_told_from_the_score_where_the_incident_does_not_say_it() -> None:
    silent = replace(run_key(), score=2.1)
    assert chance(silent, 1_184, EN) == "By chance about once in 100 host-days."
    assert chance(replace(silent, score=6), 1_184, EN) == (
        "Rarer than anything in the 1,184 host-days of these logs."
    )
    assert chance(mail_to_c2(), 10, JA).startswith("1,184 ホスト日")


def test_times_are_told_in_utc_and_in_the_zone_of_the_site() -> None:
    tokyo = moments.site_zone("tokyo", {"tokyo": "Asia/Tokyo"})
    assert moments.stamp(MONDAY) == "2026-03-02 00:12:05 UTC"
    assert moments.stamp(MONDAY, tokyo) == "2026-03-02 09:12:05 JST"
    tehran = moments.site_zone("tehran", {"tehran": "Asia/Tehran"})
    assert moments.stamp(MONDAY, tehran) == "2026-03-02 03:42:05 +03:30"


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "\x00", "a" * 5_000])
def test_a_zone_that_is_unset_or_unknown_is_no_zone(name: str) -> None:
    assert moments.site_zone("tokyo", {"tokyo": name}) is None


def test_a_moment_without_zone_is_utc_and_one_at_the_end_of_time_is_told() -> None:
    assert moments.iso(MONDAY.replace(tzinfo=None)) == "2026-03-02T00:12:05Z"
    last = datetime.max.replace(tzinfo=UTC) - timedelta(seconds=1)
    assert moments.stamp(last, moments.site_zone("t", {"t": "Asia/Tokyo"})).startswith("9999-12-31")


def test_techniques_have_attack_s_names() -> None:
    assert technique_name("T1566.001") == "Phishing: Spearphishing Attachment"
    assert technique_name("T1041") == "Exfiltration Over C2 Channel"
    assert technique_name("T9999.001") == technique_name("no technique") == ""


def test_tactics_stand_in_the_order_of_an_attack_and_unknown_ones_last() -> None:
    mixed = ["zeta", "impact", "initial-access", "command-and-control", "alpha"]
    assert sorted(mixed, key=tactic_order) == [
        "initial-access",
        "command-and-control",
        "impact",
        "alpha",
        "zeta",
    ]
