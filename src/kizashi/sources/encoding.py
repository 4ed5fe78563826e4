"""The encoding of a text log, told from its first bytes, and its lines.

What cannot be told is not guessed in silence: lines that fit no one encoding are read one by one,
and `detect` says so.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

MIXED = "mixed"
BLOCK_BYTES = 8 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_JAPANESE = ("cp932", "euc_jp")


def detect(head: bytes) -> str:
    """Name of the encoding as Python knows it, or "mixed" where the lines differ."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if head[1:200:2].count(0) > 40:
        return "utf-16-le"
    if head[0:200:2].count(0) > 40:
        return "utf-16-be"
    if b"\x1b$" in head:
        return "iso2022_jp"
    whole = head[: head.rfind(b"\n") + 1] or head
    fits = [name for name in ("utf-8", *_JAPANESE) if _fits(whole, name)]
    if "utf-8" in fits:
        return "utf-8"
    # Bytes of one Japanese encoding often pass as half-width kana of the other, not as kanji.
    return min(fits, key=lambda name: _oddness(whole.decode(name)), default=MIXED)


def _fits(data: bytes, name: str) -> bool:
    try:
        data.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def _oddness(text: str) -> int:
    """Characters that ordinary Japanese text seldom holds: half-width kana, rare blocks."""
    return sum("\uff61" <= c <= "\uff9f" or "\ue000" <= c <= "\uf8ff" for c in text)


def lines(path: Path, encoding: str) -> Iterator[list[str]]:
    """Blocks of lines without their ends; bytes that fit nothing become U+FFFD."""
    if encoding == MIXED:
        for raw in _byte_lines(path):
            yield [_own(line) for line in raw]
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    left = ""
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            *whole, left = (left + decoder.decode(block)).split("\n")
            yield whole
    left += decoder.decode(b"", final=True)
    if left:
        yield [left]


def _byte_lines(path: Path) -> Iterator[list[bytes]]:
    left = b""
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            *whole, left = (left + block).split(b"\n")
            yield whole
    if left:
        yield [left]


def _own(line: bytes) -> str:
    fits = [name for name in ("utf-8", *_JAPANESE) if _fits(line, name)]
    if not fits:
        return line.decode("utf-8", "replace")
    return line.decode(
        "utf-8" if "utf-8" in fits else min(fits, key=lambda n: _oddness(line.decode(n)))
    )
