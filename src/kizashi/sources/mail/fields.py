"""Header fields: unfolding, parameters (RFC 2231), addresses and dates, each in linear time.

The standard library's readers recurse or go quadratic on what an attacker can write, so these are
small patterns that never back up. They accept what mail programs accept, not only what RFCs allow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from kizashi.sources.mail import limits
from kizashi.sources.mail.charsets import clean, decode, decode_words, is_utf8

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:(.*)", re.S)
_END = re.compile(rb"\n\r?\n")
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*\\?(?:"|\Z)|[^;]*)', re.S)
_SEGMENT = re.compile(r"(.+?)(?:\*(\d{1,3}))?(\*)?")
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*\\?(?:"|\Z)|\([^()]*\)|<[^<>]*>|[,;:]|[^"(<,;:\s]+|\s+|.', re.S
)
_BARE = re.compile(r"[^\s<>\"'(),;:\[\]]{1,255}@[^\s<>\"'(),;:]{1,255}")
_YEARS = range(1971, 2200)


@dataclass(frozen=True, slots=True)
class Header:
    """Fields of one header block in order: lower-case name and raw value, still folded."""

    fields: tuple[tuple[str, bytes], ...]
    truncated: bool

    def raw(self, name: str) -> Iterator[bytes]:
        """Raw values of every field of that name, topmost first."""
        return (value for field, value in self.fields if field == name)

    def text(self, name: str, charset: str | None = None) -> str | None:
        """The topmost field of that name, encoded words decoded; None when there is none."""
        return next((as_text(value, charset) for value in self.raw(name)), None)


class Address(NamedTuple):
    """A mailbox: display name ('' when none) and address in lower case."""

    name: str
    address: str


def header_end(raw: bytes, start: int, end: int) -> int:
    """Where the body begins: behind the first empty line, or at `end`."""
    if raw[start : start + 1] == b"\n":
        return start + 1
    if raw[start : start + 2] == b"\r\n":
        return start + 2
    found = _END.search(raw, start, end)
    return found.end() if found else end


def parse_header(block: bytes, most_bytes: int, most_fields: int) -> Header:
    """The fields of a header block. A line that is no field is skipped, as mail programs do."""
    truncated = len(block) > most_bytes
    block = block[:most_bytes]
    fields: list[tuple[str, bytes]] = []
    for line in re.split(rb"\r?\n(?![ \t])", block):
        match = _FIELD.fullmatch(line)
        if match is None:
            continue
        if len(fields) == most_fields:
            truncated = True
            break
        fields.append((match[1].decode("ascii").lower(), match[2]))
    return Header(tuple(fields), truncated)


def unfold(value: bytes, charset: str | None = None) -> str:
    """A raw value as one line of text, encoded words left as they are."""
    # What reads as UTF-8 is UTF-8, whatever the body's character set; the reverse does not hold.
    return clean(decode(value, None if is_utf8(value) else charset))


def as_text(value: bytes, charset: str | None = None) -> str:
    """A raw value as one line of text with its encoded words decoded."""
    return clean(decode_words(unfold(value[: limits.FIELD_BYTES], charset)))


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """Main value in lower case and its parameters, RFC 2231 pieces joined and decoded."""
    value = value[: limits.FIELD_BYTES]
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    for match in islice(_PARAMETER.finditer(value), limits.PARAMETERS):
        segment = _SEGMENT.fullmatch(match[1].lower())
        if segment is None:
            continue
        text = _unquote(match[2].strip())
        if segment[2] is None and segment[3] is None:
            plain.setdefault(segment[1], text)
        else:
            numbered = pieces.setdefault(segment[1], {})
            numbered.setdefault(int(segment[2] or 0), (segment[3] is not None, text))
    found = {name: clean(decode_words(text)) for name, text in plain.items()}
    found |= {name: _join_pieces(numbered) for name, numbered in pieces.items()}
    return value.partition(";")[0].strip().lower(), found


def _unquote(text: str) -> str:
    if not text.startswith('"'):
        return text
    inner = text[1:-1] if text.endswith('"') and len(text) > 1 else text[1:]
    # Only quote and backslash are escaped: Windows paths are written bare.
    return re.sub(r'\\(["\\])', r"\1", inner)


def _join_pieces(numbered: dict[int, tuple[bool, str]]) -> str:
    ordered = [numbered[key] for key in sorted(numbered)]
    charset = None
    raw = bytearray()
    for position, (encoded, text) in enumerate(ordered):
        if encoded and position == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        raw += unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace")
    return clean(decode_words(decode(bytes(raw), charset or None)))


def addresses(value: str) -> Iterator[Address]:
    """Mailboxes of an address field, in order; text before an address without one is its name."""
    found = False
    words: list[str] = []
    angle: str | None = None
    comment = ""
    for token in [*_TOKEN.findall(value), ","]:
        if token in (",", ";"):
            box = _mailbox(words, angle, comment)
            if box is not None:
                found = True
                yield box
                words = []
            else:
                words.append(token)
            angle, comment = None, ""
        elif token == ":" and not any("@" in word for word in words):
            words = []
        elif token.startswith("<") and token.endswith(">"):
            angle = token[1:-1]
        elif token.startswith("(") and token.endswith(")"):
            comment = token[1:-1]
        else:
            words.append(_unquote(token) if token.startswith('"') else token)
    if not found:
        yield from (Address("", m[0].lower()) for m in _BARE.finditer(value))


def _mailbox(words: list[str], angle: str | None, comment: str) -> Address | None:
    text = "".join(words).strip(" ,;")
    if angle is None:
        bare = _BARE.search(text)
        if bare is None:
            return None
        return Address(_name(comment), bare[0].lower())
    address = re.sub(r"\s+", "", angle).rpartition(":")[2].strip("'\";,").lower()
    return Address(_name(text or comment), address[:320])


def _name(text: str) -> str:
    return clean(decode_words(text[:2_000])).strip("\"' ")[: limits.NAME_CHARACTERS]


def parse_date(value: str) -> datetime | None:
    """The date in UTC, without zone information as tables hold it; None when it is none."""
    try:
        parsed = parsedate_tz(value.strip()[:200])
        if parsed is None or parsed[0] not in _YEARS:
            return None
        zone = timezone(timedelta(seconds=parsed[9] or 0))
        second = min(parsed[5], 59)  # a leap second is written 60
        local = datetime(*parsed[:5], second, tzinfo=zone)
        return local.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
