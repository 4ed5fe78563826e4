"""Records of EVTX files. Damage costs its own record or chunk and becomes a reject."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, BinaryIO, cast

import pyarrow as pa
from evtx import PyEvtxParser

from kizashi.sources import InputFile, Reject
from kizashi.sources.windows.raw import PIECE_ROWS, SCHEMA, Raw
from kizashi.sources.windows.routes import REST, takes

_HEADER_BYTES = 4096
_CHUNK_BYTES = 65536
_FILE_MAGIC = b"ElfFile\0"
_CHUNK_MAGIC = b"ElfChnk\0"
_FIRST_PIECES = 16
_BATCH_PIECES = 64
_BATCH_BYTES = 96 << 20
# Arrow's own pool gives pages back at once and takes them anew: 4 of 10 us a record.
_POOL = pa.system_memory_pool()
# A damaged file could raise without end; no file has more chunks than this.
_MOST_ERRORS = 65_536
_NUMBER = re.compile(r'(?:\{.*?"#text":)?(\d+)')


def looks_like_evtx(head: bytes) -> bool:
    """An EVTX header, or a first chunk behind a damaged one."""
    chunk = head[_HEADER_BYTES : _HEADER_BYTES + len(_CHUNK_MAGIC)]
    return head.startswith(_FILE_MAGIC) or chunk == _CHUNK_MAGIC


def batches(file: InputFile) -> Iterator[Raw]:
    """Records as JSON texts by the table that takes them, numbered as the file numbers them."""
    gathered = _Gathered()
    for item in _records(file):
        if isinstance(item, Reject):
            gathered.rejects.append(item)
            continue
        text = item["data"]
        texts = gathered.texts_for(text)
        texts.numbers.append(item["event_record_id"])
        texts.lines.append(text)
        if len(texts.lines) >= PIECE_ROWS:
            texts.flush()
            if gathered.is_full():
                yield gathered.taken()
    yield gathered.taken()


class _Gathered:
    """Texts of a batch. They become Arrow in small pieces, while still in the CPU's cache."""

    def __init__(self) -> None:
        self.rejects: list[Reject] = []
        # Small at first, so that mapping soon has something to do.
        self._wanted = _FIRST_PIECES
        self._texts: dict[str, _Texts] = defaultdict(_Texts)
        self._rest = self._texts[REST]

    def texts_for(self, text: str) -> _Texts:
        """Where the record goes. A raw quote never stands inside a JSON string, so the first
        "EventID": and the first "Channel": after it are System's own keys."""
        start = text.find('"EventID":', 80) + 10
        candidates = _candidates(text[start : start + 6])
        if candidates is None:
            number = _NUMBER.match(text, start)
            candidates = _candidates(f"{number[1]}," if number else ",")
        if not candidates:
            return self._rest
        channel = text.find('"Channel":"', start) + 11
        for names, table in candidates:
            if text.startswith(names, channel):
                return self._texts[table]
        return self._rest

    def is_full(self) -> bool:
        pieces = [piece for texts in self._texts.values() for piece in texts.pieces]
        return len(pieces) >= self._wanted or sum(p.nbytes for p in pieces) >= _BATCH_BYTES

    def taken(self) -> Raw:
        tables = {name: texts.table() for name, texts in self._texts.items()}
        raw = Raw({name: table for name, table in tables.items() if table}, tuple(self.rejects))
        self.rejects = []
        self._wanted = min(2 * self._wanted, _BATCH_PIECES)
        self._texts.clear()
        self._rest = self._texts[REST]
        return raw


@dataclass(slots=True)
class _Texts:
    numbers: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    pieces: list[pa.RecordBatch] = field(default_factory=list)

    def flush(self) -> None:
        columns = [
            pa.array(self.numbers, pa.uint64()),
            pa.array(self.lines, pa.large_string(), memory_pool=_POOL),
        ]
        self.pieces.append(pa.record_batch(columns, schema=SCHEMA))
        self.numbers.clear()
        self.lines.clear()

    def table(self) -> pa.Table:
        if self.lines:
            self.flush()
        return pa.Table.from_batches(self.pieces, SCHEMA)


@cache
def _candidates(start: str) -> tuple[tuple[tuple[str, str], str], ...] | None:
    """Spellings of a channel, closing quote included, and its table, for an id before a comma."""
    digits, comma, _ = start.partition(",")
    if not comma:
        return None
    return tuple(
        ((f'{channel}"', f'{channel.lower()}"'), table)
        for (channel, event_id), table in takes().items()
        if digits == str(event_id)
    )


def _records(file: InputFile) -> Iterator[dict[str, Any] | Reject]:
    with file.plain.open("rb") as under:
        try:
            records = _parser(file, under).records_json()
        except (RuntimeError, OSError, ValueError) as error:
            yield Reject(0, f"EVTX header: {error}", "")
            return
        number = errors = 0
        while errors < _MOST_ERRORS:
            try:
                for record in cast(Iterator[dict[str, Any]], records):
                    number = record["event_record_id"]
                    yield record
                return
            except RuntimeError as error:
                errors += 1
                yield Reject(number, str(error), "")


def _parser(file: InputFile, under: BinaryIO) -> PyEvtxParser:
    try:
        return PyEvtxParser(str(file.plain))
    except (RuntimeError, OSError):
        return PyEvtxParser(_Mended(under, file.size))


class _Mended(io.RawIOBase):
    """The file behind a header made anew from its size."""

    def __init__(self, under: BinaryIO, size: int) -> None:
        chunks = min(max(size - _HEADER_BYTES, 0) // _CHUNK_BYTES, 0xFFFF)
        start = struct.pack(
            "<8sQQQIHHHH", _FILE_MAGIC, 0, max(chunks - 1, 0), 0, 128, 1, 3, _HEADER_BYTES, chunks
        ).ljust(120, b"\0")
        self._header = (start + struct.pack("<II", 0, zlib.crc32(start))).ljust(
            _HEADER_BYTES, b"\0"
        )
        self._under = under
        self._at = 0
        self._size = size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else self._at + size
        part = self._header[self._at : end]
        self._under.seek(self._at + len(part))
        part += self._under.read(max(end - self._at - len(part), 0))
        self._at += len(part)
        return part
