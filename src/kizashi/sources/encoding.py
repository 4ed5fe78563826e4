"""The encoding of a text log, told from its first bytes, and its lines.

What cannot be told is not guessed in silence: lines that fit no one encoding are read one by one,
and `detect` says so.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

MIXED = "mixed"
# Each block is planned anew, and held several times over until it is stored.
BLOCK_BYTES = 12 << 20
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


def blocks(path: Path, encoding: str) -> Iterator[bytes]:
    """Whole lines as UTF-8, some megabytes at a time; bytes that fit nothing become U+FFFD. The
    last block may lack its line end."""
    if encoding == MIXED:
        for block in _whole_lines(_raw(path)):
            yield b"\n".join(_own(line).encode() for line in block.split(b"\n"))
    elif encoding == "utf-8":
        yield from map(_sound, _whole_lines(_raw(path)))
    else:
        yield from _whole_lines(_decoded(path, encoding))


def _raw(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            yield block


def _decoded(path: Path, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for block in _raw(path):
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


def _whole_lines(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, divided after line ends only."""
    left: list[bytes] = []
    for part in parts:
        end = part.rfind(b"\n") + 1
        if not end:
            left.append(part)
            continue
        yield b"".join((*left, part[:end]))
        left = [part[end:]]
    if rest := b"".join(left):
        yield rest


def _sound(block: bytes) -> bytes:
    try:
        block.decode()
    except UnicodeDecodeError:
        return block.decode(errors="replace").encode()
    return block


def _own(line: bytes) -> str:
    fits = [name for name in ("utf-8", *_JAPANESE) if _fits(line, name)]
    if not fits:
        return line.decode("utf-8", "replace")
    return line.decode(
        "utf-8" if "utf-8" in fits else min(fits, key=lambda n: _oddness(line.decode(n)))
    )
