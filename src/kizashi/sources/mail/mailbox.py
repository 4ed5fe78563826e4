"""Files to single messages: an .eml is one message, an mbox many, and neither is ever held whole.

A message begins at a `From ` line after an empty line; such a line holds a time, which a sentence
that begins with "From" does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kizashi.sources.mail import limits

FROM_LINE = re.compile(rb"From (\S*) ?[^\n]{0,120}\d\d:\d\d[^\n]{0,80}\d{4}[^\n]{0,40}\r?\n?")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.M)
_LINE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One message as it lies in a file, at most 25 MB of it."""

    record_no: int
    raw: bytes
    size: int
    envelope: str | None  # sender in the mbox `From ` line

    @property
    def whole(self) -> bool:
        return self.size == len(self.raw)


def read_single(path: Path) -> RawMessage:
    """The one message of a file."""
    with path.open("rb") as stream:
        raw = stream.read(limits.MESSAGE_BYTES)
    return RawMessage(1, raw, path.stat().st_size, None)


def read_mbox(path: Path, first_record: int) -> Iterator[RawMessage]:
    """Every message of an mbox with its first line; `first_record` lines were read before."""
    pending = _Pending(first_record + 1, None)
    after_empty = True
    with path.open("rb") as stream:
        for number, line in _lines(stream, first_record + 1):
            started = (
                FROM_LINE.fullmatch(line) if after_empty and line.startswith(b"From ") else None
            )
            if started is not None:
                yield from pending.finish()
                pending = _Pending(number, started[1].decode("latin-1").lower() or None)
            else:
                pending.add(line)
            after_empty = line in (b"\n", b"\r\n")
    yield from pending.finish()


class _Pending:
    """A message whose end has not come; beyond the limit its bytes are only counted."""

    def __init__(self, record_no: int, envelope: str | None) -> None:
        self.record_no = record_no
        self.envelope = envelope
        self.kept = bytearray()
        self.dropped = 0

    def add(self, line: bytes) -> None:
        room = limits.MESSAGE_BYTES - len(self.kept)
        self.kept += line[:room]
        self.dropped += max(0, len(line) - room)

    def finish(self) -> Iterator[RawMessage]:
        """The message, without what the mbox added; none when nothing stands there."""
        if not self.kept.strip(b"\r\n \t"):
            return
        raw = bytes(self.kept)
        self.kept = bytearray()
        if not self.dropped and raw.endswith(b"\n\n"):
            raw = raw[:-1]
        if b"\n>" in raw:
            raw = _QUOTED_FROM.sub(rb"\1", raw)
        yield RawMessage(self.record_no, raw, len(raw) + self.dropped, self.envelope)


def _lines(stream: BinaryIO, first: int) -> Iterator[tuple[int, bytes]]:
    # A line longer than the limit comes in pieces that share its number.
    number = first
    while line := stream.readline(_LINE_BYTES):
        yield number, line
        number += line.endswith(b"\n")
