"""Files to single messages: an .eml is one message, an mbox many, and neither is ever held whole.

A message begins at a `From ` line after an empty line; such a line holds a time and a year, which a
sentence that begins with "From" does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kizashi.sources.mail import limits

_BLOCK_BYTES = 1024 * 1024
_FROM_LINE_BYTES = 1024
_FROM_LINE = re.compile(rb"From [^\n]{0,900}\n")
_LATER_FROM_LINE = re.compile(rb"(?:(?<=\n\n)|(?<=\n\r\n))From [^\n]{0,900}\n")
_ENVELOPE = re.compile(rb"From (\S{0,320})")
_TIME = re.compile(rb"\d\d:\d\d")
_YEAR = re.compile(rb"(?<!\d)(?:19|20)\d\d(?!\d)")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.M)


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One message as it lies in a file, at most 25 MB of it."""

    record_no: int
    raw: bytes
    size: int
    envelope: str | None  # sender in the mbox `From ` line
    is_rest: bool = False  # the end of a message whose beginning was read before

    @property
    def whole(self) -> bool:
        return self.size == len(self.raw)


def is_mbox(head: bytes) -> bool:
    """True when a file that begins so is an mbox."""
    first = _FROM_LINE.match(head)
    return first is not None and _has_date(first[0])


def read_single(path: Path) -> RawMessage:
    """The one message of a file."""
    with path.open("rb") as stream:
        raw = stream.read(limits.MESSAGE_BYTES)
    return RawMessage(1, raw, path.stat().st_size, None)


def read_mbox(path: Path, first_record: int) -> Iterator[RawMessage]:
    """Every message of an mbox with its first line; `first_record` lines were read before."""
    pending = _Pending(first_record + 1, None, is_rest=first_record > 0)
    line = first_record + 1
    for piece, from_line in _pieces(path):
        pending.add(piece)
        line += piece.count(b"\n")
        if from_line:
            yield from pending.finish()
            envelope = _ENVELOPE.match(from_line)
            sender = envelope[1].decode("latin-1").lower() if envelope else ""
            pending = _Pending(line, sender if "@" in sender else None)
            line += 1
    yield from pending.finish()


def _pieces(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Bytes of messages, each with the `From ` line behind it; b'' when none follows yet."""
    with path.open("rb") as stream:
        kept = stream.read(_BLOCK_BYTES)
        first = _FROM_LINE.match(kept)
        if first is not None and _has_date(first[0]):
            yield b"", first[0]
            kept = kept[first.end() :]
        while kept:
            done = 0
            for match in _LATER_FROM_LINE.finditer(kept):
                if _has_date(match[0]):
                    yield kept[done : match.start()], match[0]
                    done = match.end()
            block = stream.read(_BLOCK_BYTES)
            # A `From ` line may go on in the next block.
            held = max(done, len(kept) - _FROM_LINE_BYTES) if block else len(kept)
            yield kept[done:held], b""
            kept = kept[held:] + block


def _has_date(line: bytes) -> bool:
    return _TIME.search(line) is not None and _YEAR.search(line) is not None


class _Pending:
    """A message whose end has not come; beyond the limit its bytes are only counted."""

    def __init__(self, record_no: int, envelope: str | None, is_rest: bool = False) -> None:
        self.is_rest = is_rest
        self.record_no = record_no
        self.envelope = envelope
        self.kept = bytearray()
        self.dropped = 0

    def add(self, piece: bytes) -> None:
        room = limits.MESSAGE_BYTES - len(self.kept)
        self.kept += piece[:room]
        self.dropped += max(0, len(piece) - room)

    def finish(self) -> Iterator[RawMessage]:
        """The message, without what the mbox added; none when nothing stands there."""
        if not self.kept.strip():
            return
        raw = bytes(self.kept)
        self.kept = bytearray()
        if not self.dropped and raw.endswith(b"\n\n"):
            raw = raw[:-1]
        if b"\n>" in raw:
            raw = _QUOTED_FROM.sub(rb"\1", raw)
        yield RawMessage(self.record_no, raw, len(raw) + self.dropped, self.envelope, self.is_rest)
