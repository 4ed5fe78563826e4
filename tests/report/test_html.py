"""The page is one file that fetches and runs nothing, whatever the telemetry says."""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from kizashi.errors import KizashiError
from kizashi.report.html import page, write_html
from tests.report import hunt_results

_VOID = {"meta", "input", "br", "link", "img", "hr", "source"}
_KNOWN = {
    "html", "head", "body", "meta", "title", "style", "input", "label", "header", "main", "footer",
    "nav", "section", "article", "div", "p", "span", "h1", "h2", "h3", "small", "strong", "b", "a",
    "dl", "dt", "dd", "ol", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "time", "bdi",
    "details", "summary", "figure", "svg", "g", "rect", "line", "path", "circle", "text",
}  # fmt: skip


@dataclass
class Page(HTMLParser):
    """The elements of a page with their attributes, and whether they close in order."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.misplaced.append(tag)

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for tag, attrs in self.elements if attribute in attrs]


def parsed(text: str) -> Page:
    reader = Page()
    reader.feed(text)
    reader.close()
    return reader


BUILDS = [
    hunt_results.realistic,
    hunt_results.empty,
    hunt_results.nothing_read,
    hunt_results.hostile,
]


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
def test_the_page_holds_only_elements_of_its_own_closed_in_order(build, lang: str) -> None:  # type: ignore[no-untyped-def]
    reader = parsed(page(build(), lang))
    assert {tag for tag, attrs in reader.elements} - _KNOWN == set()
    assert (reader.open, reader.misplaced) == ([], [])


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
def test_nothing_is_fetched_or_run(build) -> None:  # type: ignore[no-untyped-def]
    reader = parsed(page(build()))
    attributes = {name for tag, attrs in reader.elements for name in attrs}
    assert attributes & {"src", "style", "srcset", "action", "formaction", "data"} == set()
    assert {name for name in attributes if name.startswith("on")} == set()
    assert [href for href in reader.values("href") if not href.startswith("#")] == []


def test_the_policy_allows_the_one_style_by_its_hash_and_nothing_else() -> None:
    text = page(hunt_results.realistic())
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policies = [a["content"] for tag, a in parsed(text).elements if "http-equiv" in a]
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]
    assert "url(" not in style[1]
    assert "@import" not in style[1]


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_no_unseen_character_reaches_the_page(lang: str) -> None:
    text = page(hunt_results.hostile(), lang)
    assert {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs"}} == {"\n"}
    assert len(text) < 2_000_000


def test_links_and_labels_lead_somewhere_and_ids_are_given_once() -> None:
    reader = parsed(page(hunt_results.realistic()))
    ids = reader.values("id")
    assert len(ids) == len(set(ids))
    targets = {href.removeprefix("#") for href in reader.values("href")} | set(reader.values("for"))
    assert targets | set(reader.values("aria-labelledby")) <= set(ids)


def test_both_languages_stand_in_the_page_and_one_is_chosen() -> None:
    english, japanese = (page(hunt_results.realistic(), lang) for lang in ("en", "ja"))
    for text in (english, japanese):
        assert "Mail attachment to generated-name C2" in text
        assert "添付メールから生成名 C2" in text
    chosen = [a["id"] for tag, a in parsed(japanese).elements if "checked" in a]
    assert chosen == ["lang-ja", "show-all"]
    assert parsed(japanese).elements[0] == ("html", {"lang": "ja"})


def test_every_table_head_names_its_direction_and_every_drawing_its_content() -> None:
    reader = parsed(page(hunt_results.realistic()))
    assert all(attrs.get("scope") for tag, attrs in reader.elements if tag == "th")
    drawings = [attrs["aria-label"] for tag, attrs in reader.elements if tag == "svg"]
    assert drawings[0] == "Timeline of incident 1: 8 stages over 2 d 10 h"
    assert len(drawings) == 3


def test_headings_go_down_one_level_at_a_time() -> None:
    levels = [
        int(tag[1])
        for tag, _ in parsed(page(hunt_results.realistic())).elements
        if re.fullmatch(r"h\d", tag)
    ]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_long_story_is_told_to_its_end() -> None:
    result = hunt_results.realistic()
    first = result.incidents[0]
    long = tuple(replace(stage, summary="x" * 150) for stage in first.stages)
    said = " ".join("".join(parsed(page(replace(result, incidents=(replace(
        first, stages=long, benign_story="A partner sent it"),)))).said).split())  # fmt: skip
    assert "The likeliest honest story: A partner sent it." in said


def test_a_source_to_trust_less_is_named_before_the_list() -> None:
    said = " ".join("".join(parsed(page(hunt_results.realistic())).said).split())
    warned = said.index("source fortigate writes times without a zone")
    assert warned < said.index("Incidents, most telling first", said.index("Read this first"))


def test_the_screen_of_what_logs_cannot_show_is_there_without_incidents() -> None:
    said = " ".join("".join(parsed(page(hunt_results.empty())).said).split())
    assert "No incident in 1,184 host-days of logs." in said
    assert "What your logs cannot show" in said
    assert "turn on event 4688 with command line" in said


def test_an_incident_shows_its_ties_its_gaps_and_all_its_evidence() -> None:
    text = page(hunt_results.realistic())
    for said in (
        "WINWORD.EXE opened reception.docm",
        "no such log",
        "A document macro of a partner",
        "Phishing: Spearphishing Attachment",
        "2026-03-02</text>",
        "23時間58分",
    ):
        assert said in text
    evidence = sum(len(stage.evidence) for stage in hunt_results.mail_to_c2().stages)
    assert f"Evidence records: {evidence}" in text
    assert text.count(">120388<") == 1


def test_a_severity_from_elsewhere_is_shown_as_it_is() -> None:
    result = hunt_results.realistic()
    odd = replace(result.incidents[0], severity='x" onload="y')
    reader = parsed(page(replace(result, incidents=(odd,))))
    assert "badge other" in reader.values("class")


def test_five_hundred_incidents_are_all_told() -> None:
    text = page(hunt_results.many(500))
    assert text.count("<article ") == 500
    assert text.count("<details open>") == 10
    assert len(text) < 10_000_000


def test_the_file_is_whole_and_the_same_each_time(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("an older report", "utf-8")
    written: list[bytes] = []
    for _again in range(2):
        write_html(hunt_results.realistic(), path, "ja")
        written.append(path.read_bytes())
    assert written[0] == written[1]
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
    assert written[0].decode("utf-8").rstrip().endswith("</html>")


def test_a_report_that_cannot_be_written_says_where_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    for path in (tmp_path / "absent" / "report.html", tmp_path / "taken"):
        with pytest.raises(KizashiError, match=path.name):
            write_html(hunt_results.empty(), path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


def test_a_single_signal_is_not_called_a_whole_chain() -> None:
    text = page(hunt_results.realistic())
    assert text.count("A single signal, not a chain") == 1
    assert text.count("No stage of this chain is missing") == 1


def _luminance(colour: str) -> float:
    digits = colour if len(colour) == 6 else "".join(2 * c for c in colour)
    channels = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", range(3), ids=["light", "dark", "print"])
def test_text_has_the_contrast_that_wcag_asks_for(scheme: int) -> None:
    blocks = re.findall(r":root\{(.*?)\}", page(hunt_results.empty()), re.DOTALL)
    colours = [dict(re.findall(r"--([\w-]+):#([0-9a-f]+)", block)) for block in blocks]
    now = colours[0] | colours[scheme]
    pairs = [
        (text, ground)
        for text in ("ink", "soft", "accent", "warn")
        for ground in ("paper", "panel", "band")
    ]
    pairs += [("on", level) for level in ("critical", "high", "medium", "low", "other", "accent")]
    pairs += [("guess", "guess-soft")]
    weak = {
        pair: round(_contrast(now[pair[0]], now[pair[1]]), 2)
        for pair in pairs
        if _contrast(now[pair[0]], now[pair[1]]) < 4.5
    }
    assert weak == {}


def test_hostile_names_are_shown_not_dropped() -> None:
    said = "".join(parsed(page(hunt_results.hostile())).said)
    assert "<script>alert(1)</script>" in said
    assert "invoice<U+202E>cod.exe" in said
    assert "{{ 7*7 }}" in said
    assert said.count("… (+9,880)") >= 1
