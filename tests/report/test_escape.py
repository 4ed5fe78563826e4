"""Text that an attacker chose does nothing in any output but be read."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi.report import escape
from tests.report.hunt_results import HOSTILE

ESCAPES = (
    escape.terminal,
    escape.html,
    escape.attribute,
    escape.csv,
    escape.markdown,
    escape.syslog,
)
_ANY = st.text(st.characters(categories=None), max_size=200) | st.sampled_from(HOSTILE)


@pytest.mark.parametrize("escaped", ESCAPES, ids=lambda function: function.__name__)
@given(text=_ANY)
def test_no_output_holds_a_control_bidi_or_surrogate_character(escaped, text) -> None:  # type: ignore[no-untyped-def]
    shown = escaped(text)
    hidden = {c for c in shown if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}}
    assert hidden == set()
    assert not set(shown) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
    )
    shown.encode("utf-8")


def test_a_reversed_file_name_is_read_in_the_order_of_its_characters() -> None:
    assert escape.terminal("invoice\u202ecod.exe") == "invoice<U+202E>cod.exe"


def test_ordinary_japanese_and_windows_paths_stay_as_they_are() -> None:
    text = r"C:\Users\佐藤\見積　書.docm（第２版）が"
    assert escape.visible(text) == text


def test_persian_words_keep_their_non_joiner_and_latin_ones_do_not() -> None:
    assert escape.visible("می\u200cخواهم") == "می\u200cخواهم"
    assert escape.visible("pay\u200cpal") == "pay<U+200C>pal"


def test_a_flood_of_marks_on_one_letter_is_told_by_its_number() -> None:
    assert escape.visible("a" + "\u0301" * 60) == "a\u0301\u0301\u0301<U+0301 x57>"


def test_html_is_isolated_and_has_no_tag_of_the_text() -> None:
    expected = "<bdi>&lt;b&gt;&#34;x&#34; &amp; &#39;y&#39;</bdi>"
    assert escape.html("<b>\"x\" & 'y'") == expected


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "＝1", "\u00a0=1"])
def test_a_spreadsheet_gets_a_formula_as_text(start: str) -> None:
    (field,) = next(csv.reader(io.StringIO(escape.csv(start))))
    assert field.startswith("'")


@given(text=_ANY)
def test_a_csv_field_is_one_field_on_one_line(text: str) -> None:
    rows = list(csv.reader(io.StringIO(escape.csv(text) + "," + escape.csv("next"))))
    assert [len(row) for row in rows] == [2]
    assert rows[0][1] == "next"


def test_markdown_makes_no_link_mention_table_cell_or_html() -> None:
    shown = escape.markdown("[a](http://b.example) | @root <b> `x` www.c.example #1")
    assert shown == (
        r"\[a\]\(http&#58;//b\.example\) \| &#64;root &lt;b&gt; \`x\` www\.c\.example \#1"
    )


def test_a_syslog_value_escapes_quote_backslash_and_bracket() -> None:
    assert escape.syslog('a"b]c\\d\n<13>') == 'a\\"b\\]c\\\\d<U+000A><13>'


def test_a_cut_text_says_how_much_is_missing() -> None:
    assert escape.shorten("n" * 10_000, 4) == "nnnn… (+9,996)"
    assert escape.shorten("four", 4) == "four"
