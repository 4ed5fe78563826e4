"""Pages beside the incidents, on a terminal, as HTML and as JSON lines."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from kizashi.incidents import HuntResult
from kizashi.incidents.page import Bar, Drawing, Page, Phrase, Sheet
from kizashi.report import html, pages
from tests.report.hunt_results import HOSTILE, mail_to_c2

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def week(*values: float | None, **more: Any) -> Drawing:
    bars = tuple(Bar(MONDAY + timedelta(days=n), value) for n, value in enumerate(values))
    return Drawing("share", Phrase("egress.share"), "tokyo", bars, 1.0, True, **more)


def sheet(*rows: tuple[Any, ...], total: int | None = None) -> Sheet:
    columns = ("site", "program", "connections", "first", "remark")
    return Sheet("matrix", columns, rows, len(rows) if total is None else total,
                 Phrase("egress.none"))  # fmt: skip


def printed(page: Page, lang: str = "en") -> str:
    out = io.StringIO()
    pages.render_page(page, Console(file=out, width=160, color_system=None), lang)
    return out.getvalue()


ROW = ("tokyo", r"C:\Program Files\A\b\c.exe", 1234, MONDAY, Phrase("egress.ended", {"n": 3}))


def test_a_terminal_shows_leads_blind_spots_drawings_and_rows_in_either_language() -> None:
    page = Page("egress", (Phrase("egress.no_rule"),), (Phrase("egress.no_dns"),),
                (week(0.0, 0.5, None, 1.0),), (sheet(ROW),))  # fmt: skip
    told = printed(page)
    assert "▁▅ █" in told
    assert re.search(r"tokyo +…\\b\\c\.exe +1,234 +2026-03-02 00:00 +exception 3 has ended", told)
    assert "例外 3 は期限切れ" in printed(page, "ja")


def test_an_empty_sheet_says_why_and_a_cut_one_how_much_is_missing() -> None:
    assert "Nothing went past" in printed(Page("egress", sheets=(sheet(),)))
    assert "7 rows more" in printed(Page("egress", sheets=(sheet(ROW, total=8),)))


def test_json_lines_hold_every_bar_and_row_by_kind() -> None:
    page = Page("egress", drawings=(week(0.5),), sheets=(sheet(ROW, total=8),))
    assert [json.loads(line) for line in pages.json_lines(page)] == [
        {"kind": "share", "about": "tokyo", "at": "2026-03-02T00:00:00Z", "value": 0.5,
         "usual": None, "marked": False},
        {"kind": "matrix", "site": "tokyo", "program": ROW[1], "connections": 1234,
         "first": "2026-03-02T00:00:00Z", "remark": "exception 3 has ended"},
        {"kind": "left_out", "of": "matrix", "rows": 7},
    ]  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_hostile_names_stay_text_everywhere(lang: str) -> None:
    rows = [(text, text, 1, date(2026, 3, 2), Phrase("egress.ruled", {"sites": text}))
            for text in HOSTILE]  # fmt: skip
    page = Page("egress", (Phrase("egress.ruled", {"sites": HOSTILE[0]}),),
                drawings=tuple(replace(week(1.0), about=text) for text in HOSTILE),
                sheets=(sheet(*rows),))  # fmt: skip
    whole = html.page(HuntResult((mail_to_c2(),), pages=(page,)), lang)
    assert "<script" not in whole and "<img" not in whole and "</style></title>" not in whole
    for text in (whole, printed(page, lang)):
        assert not re.search("[\x1b\x07\x9b\u202e\u2066\u2067\ufeff]", text)
    for line in pages.json_lines(page, lang):
        assert json.loads(line)


def test_a_drawing_of_nothing_and_of_zeros_draws_no_bar() -> None:
    assert pages.sketch(replace(week(), bars=())).columns == ()
    assert pages.sketch(replace(week(0.0, 0.0), top=None)).columns == ()


def test_bars_stand_in_time_and_never_leave_their_row() -> None:
    drawn = pages.sketch(replace(week(0.5, 2.0), bars=(*week(0.5, 2.0).bars,)))
    first, second = drawn.columns
    assert (first.y, first.height, second.y, second.height) == (32.0, 32.0, 0.0, 64.0)
    assert pages.LEFT == first.x < second.x < pages.WIDTH
