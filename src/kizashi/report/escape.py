"""One escaping function for each place that text from telemetry is written to.

Names, command lines and subjects are chosen by whoever attacks. Characters that move the cursor,
turn the reading direction or cannot be seen are spelled out as `<U+202E>` first, for every output;
what the format itself takes for syntax is then escaped on top.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

from markupsafe import Markup
from markupsafe import escape as _entities

# Marks stacked on one letter draw over the lines around it; no script in use needs more.
_MARKS_PER_LETTER = 3
_SPELLED_SINGLY = 4
_MARK_CATEGORIES = frozenset({"Mn", "Me"})
# Persian spelling needs the zero-width non-joiner inside words.
_ARABIC_NON_JOINER = re.compile("(?<=[\u0620-\u06ff])\u200c(?=[\u0620-\u06ff])")
_MARKDOWN_SYNTAX = re.compile(r"([\\`*_{}\[\]()#+\-.!|~=$])")
_MARKDOWN_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", ":": "&#58;"}
# Spreadsheets in Japanese input mode take the full-width signs too.
_FORMULA_START = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
_SYSLOG_SYNTAX = re.compile(r'(["\\\]])')


def visible(text: str) -> str:
    """The text on one line, with each control, bidi or unseen character spelled `<U+XXXX>`."""
    if text.isprintable() and text.isascii():
        return text
    return "".join(
        _spelled(char, len(list(run))) if spelled else "".join(part for part, hidden in run)
        for (char, spelled), run in groupby(_characters(text), key=_spelling)
    )


def terminal(text: str) -> str:
    """Text that cannot move the cursor, colour or turn the line; give it to rich as Text."""
    return visible(text)


def html(text: str) -> Markup:
    """A `<bdi>` element: entities escaped, and its reading direction kept from the text around."""
    return Markup("<bdi>%s</bdi>") % attribute(text)


def attribute(text: str) -> Markup:
    """The same for attributes, titles and SVG, where no element may stand."""
    return _entities(visible(text))


def csv(text: str) -> str:
    """One quoted field that no spreadsheet reads as a formula."""
    shown = visible(text)
    if shown.lstrip()[:1] in _FORMULA_START and shown.strip():
        shown = "'" + shown
    return '"' + shown.replace('"', '""') + '"'


def markdown(text: str) -> str:
    """Text that stays plain text in CommonMark and GitHub tables: no links, mentions or HTML."""
    shown = _MARKDOWN_SYNTAX.sub(r"\\\1", visible(text))
    return "".join(_MARKDOWN_ENTITIES.get(char, char) for char in shown)


def syslog(text: str) -> str:
    """A PARAM-VALUE of RFC 5424 (section 6.3.3), without its quotes; fit for MSG as well."""
    return _SYSLOG_SYNTAX.sub(r"\\\1", visible(text))


def json_line(text: str) -> str:
    """A JSON document with unseen characters as `\\uXXXX`: the same document, safe to print."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\u3000" else _json_unicode(c) for c in text)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters and a mark `… (+N)` that says how many were left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… (+{len(text) - limit:,})"


def _characters(text: str) -> Iterator[tuple[str, bool]]:
    """Each character and whether it must be spelled out."""
    keep = {match.start() for match in _ARABIC_NON_JOINER.finditer(text)}
    marks = 0
    for at, char in enumerate(text):
        category = unicodedata.category(char)
        marks = marks + 1 if category in _MARK_CATEGORIES else 0
        shown = char.isprintable() or category == "Zs" or at in keep
        yield char, marks > _MARKS_PER_LETTER or not shown


def _spelling(item: tuple[str, bool]) -> tuple[str, bool]:
    # A flood of one unseen character is told by its number, not repeated.
    char, spelled = item
    return (char if spelled else "", spelled)


def _spelled(char: str, times: int) -> str:
    code = f"U+{ord(char):04X}"
    return f"<{code}>" * times if times < _SPELLED_SINGLY else f"<{code} x{times}>"


def _json_unicode(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
