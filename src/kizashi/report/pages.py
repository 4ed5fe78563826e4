"""Pages beside the incidents, on a terminal and as JSON lines, and the geometry of drawings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kizashi.incidents.page import Cell, Drawing, Page, Phrase, Sheet
from kizashi.report import escape, moments
from kizashi.report.prose import Prose
from kizashi.report.wording import Wording, wording

WIDTH, HEIGHT, LEFT = 1_160, 64, 150  # of one drawing, px; LEFT is where the axis begins
MOST_TICKS = 16
MOST_TIME = timedelta(days=42)  # of one drawing: more hours are thinner than a line
_LABEL_WIDTH = 36  # px of a bar that holds its own value
_TERMINAL_ROWS = 30
_TERMINAL_BARS = 84  # two weeks of days, or three and a half days of hours
_BLOCKS, _PLAIN_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*##"
_PATH_PARTS = 2  # of a program's path
_TEXT_LIMIT = 120  # characters of one cell


class Column(NamedTuple):
    """One bar as drawn, px."""

    x: float
    y: float
    width: float
    height: float
    marked: bool
    label: str  # its value, where there is room


class Tick(NamedTuple):
    """A day on the axis."""

    x: float
    label: str


class Sketch(NamedTuple):
    """One drawing in px: bars, the line of what was usual, and days."""

    columns: tuple[Column, ...]
    usual: str  # points of a polyline; empty without any
    ticks: tuple[Tick, ...]
    highest: str


def said(phrase: Phrase, words: Wording) -> str:
    """The phrase in one language; what fills its places is cut, not escaped."""
    values = {
        key: escape.shorten(value, _TEXT_LIMIT) if isinstance(value, str) else value
        for key, value in phrase.values.items()
    }
    return words.say(phrase.key, **values)


def cell(value: Cell, words: Wording) -> str:
    """One cell as people read it, not escaped."""
    if value is None:
        return ""
    if isinstance(value, Phrase):
        return said(value, words)
    if isinstance(value, datetime):
        return f"{moments.date(moments.as_utc(value))} {moments.clock(moments.as_utc(value))[:5]}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:,.3g}"
    if isinstance(value, int):
        return f"{value:,}"
    return escape.shorten(value, _TEXT_LIMIT)


def is_number(value: Cell) -> bool:
    return isinstance(value, int | float)


def sketch(drawing: Drawing) -> Sketch:
    """The drawing in px. Steps are as wide as the shortest gap between two bars."""
    bars = drawing.bars
    if bars:
        since = bars[-1].at - MOST_TIME
        bars = tuple(bar for bar in bars if bar.at > since)
    highest = drawing.top or max((max(bar.value or 0, bar.usual or 0) for bar in bars), default=0.0)
    if not bars or highest <= 0:
        return Sketch((), "", (), _height(highest, drawing))
    gaps = [(b.at - a.at).total_seconds() for a, b in pairwise(bars)]
    step = min((gap for gap in gaps if gap > 0), default=3_600.0)
    first, room = bars[0].at, WIDTH - LEFT
    scale = room / ((bars[-1].at - first).total_seconds() + step)

    def x(at: datetime) -> float:
        return round(LEFT + (at - first).total_seconds() * scale, 1)

    def y(value: float) -> float:
        return round(HEIGHT * (1 - min(1.0, value / highest)), 1)

    width = round(max(0.6, step * scale * 0.86), 2)
    roomy = width >= _LABEL_WIDTH
    columns = tuple(
        Column(
            x(bar.at),
            y(bar.value),
            width,
            round(HEIGHT - y(bar.value), 1),
            bar.marked,
            _height(bar.value, drawing) if roomy else "",
        )
        for bar in bars
        if bar.value is not None
    )
    line = " ".join(f"{x(bar.at)},{y(bar.usual)}" for bar in bars if bar.usual is not None)
    return Sketch(
        columns, line, tuple(_ticks(bars[0].at, bars[-1].at, x)), _height(highest, drawing)
    )


def _height(highest: float, drawing: Drawing) -> str:
    return f"{100 * highest:.0f} %" if drawing.is_share else f"{highest:,.3g}"


def _ticks(first: datetime, last: datetime, x: Any) -> Iterator[Tick]:
    day = first.replace(hour=0, minute=0, second=0, microsecond=0)
    if day < first:
        day += timedelta(days=1)
    days = max(1, (last - day).days + 1)
    step = timedelta(days=-(-days // MOST_TICKS))
    while day <= last:
        yield Tick(x(day), f"{day:%m-%d}")
        day += step


def render_page(page: Page, console: Console, lang: str = "en") -> None:
    """Print one page."""
    words = wording(lang)
    console.print(Text(words.say(f"{page.id}.heading"), "bold"))
    for phrase in page.lead:
        console.print(Prose(Text(escape.terminal(said(phrase, words)))))
    if page.blind:
        console.print(Prose(Text(words.say("page.cannot_show"), "bold yellow")))
    for phrase in page.blind:
        console.print(Padding(Prose(Text(escape.terminal(said(phrase, words)), "yellow")), (0, 2)))
    for drawing in page.drawings:
        console.print(_drawn(drawing, words, console.options.ascii_only))
    for sheet in page.sheets:
        _render_sheet(page, sheet, console, words)


def _drawn(drawing: Drawing, words: Wording, ascii_only: bool) -> Text:
    """The last bars as blocks, under what they are."""
    bars = drawing.bars[-_TERMINAL_BARS:]
    highest = drawing.top or max((bar.value or 0 for bar in bars), default=0.0) or 1.0
    blocks = _PLAIN_BLOCKS if ascii_only else _BLOCKS
    text = Text("\n" + said(drawing.title, words), "bold")
    about = drawing.about or words.say("page.everywhere")
    text.append(f"  {escape.terminal(escape.shorten(about, _TEXT_LIMIT))}", "cyan")
    if bars:
        text.append(f"  {cell(bars[0].at, words)} - {cell(bars[-1].at, words)} UTC", "dim")
        text.append(f"  0 - {_height(highest, drawing)}\n", "dim")
    for bar in bars:
        if bar.value is None:
            text.append(" ")
            continue
        at = min(len(blocks) - 1, int(bar.value / highest * (len(blocks) - 1) + 0.5))
        text.append(blocks[at], "bold red" if bar.marked else "green")
    return text


def _render_sheet(page: Page, sheet: Sheet, console: Console, words: Wording) -> None:
    console.print()
    console.print(Text(words.say(f"{page.id}.{sheet.name}"), "bold"))
    if not sheet.rows:
        console.print(Prose(Text(said(sheet.empty, words))))
        return
    shown = sheet.rows[:_TERMINAL_ROWS]
    # A column that says nothing takes no room.
    used = [at for at, _ in enumerate(sheet.columns) if any(row[at] is not None for row in shown)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for at in used:
        numbers = any(is_number(row[at]) for row in shown)
        table.add_column(
            words.say(f"column.{sheet.columns[at]}"),
            justify="right" if numbers else "left",
            overflow="fold",
            no_wrap=any(isinstance(row[at], date) for row in shown),
        )
    for row in shown:
        table.add_row(*[_shown(sheet.columns[at], row[at], words) for at in used])
    console.print(table)
    if sheet.total > len(shown):
        console.print(Prose(Text(words.say("page.rows_left", n=f"{sheet.total - len(shown):,}"))))


def _shown(column: str, value: Cell, words: Wording) -> Text:
    """A cell on a terminal: of a program its folder and file, which its whole path would wrap."""
    text = cell(value, words)
    parts = text.replace("/", "\\").split("\\")
    if column == "program" and len(parts) > _PATH_PARTS:
        text = "\\".join(("…", *parts[-_PATH_PARTS:]))
    return Text(escape.terminal(text))


def json_lines(page: Page, lang: str = "en") -> Iterator[str]:
    """One object a line: what is said, what cannot be seen, each bar and each row, by `kind`."""
    words = wording(lang)
    for kind, phrases in (("lead", page.lead), ("blind", page.blind)):
        for phrase in phrases:
            yield _line({"kind": kind, "code": phrase.key, "text": said(phrase, words)})
    for drawing in page.drawings:
        for bar in drawing.bars:
            own = {"at": _plain(bar.at, words), "value": bar.value, "usual": bar.usual}
            yield _line({"kind": drawing.name, "about": drawing.about, **own, "marked": bar.marked})
    for sheet in page.sheets:
        for row in sheet.rows:
            values = {c: _plain(v, words) for c, v in zip(sheet.columns, row, strict=True)}
            yield _line({"kind": sheet.name, **values})
        if sheet.total > len(sheet.rows):
            yield _line(
                {"kind": "left_out", "of": sheet.name, "rows": sheet.total - len(sheet.rows)}
            )


def _plain(value: Cell, words: Wording) -> object:
    if isinstance(value, Phrase):
        return said(value, words)
    if isinstance(value, datetime):
        return moments.iso(value)
    return value.isoformat() if isinstance(value, date) else value


def _line(document: dict[str, object]) -> str:
    return escape.json_line(json.dumps(document, ensure_ascii=False, default=str))
