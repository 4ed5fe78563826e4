"""Records of EVTX files. Damage costs its own record or chunk and becomes a reject."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from evtx import PyEvtxParser

from kizashi.sources import InputFile, Reject
from kizashi.sources.windows.raw import Raw, raw

_HEADER_BYTES = 4096
_CHUNK_BYTES = 65536
_FILE_MAGIC = b"ElfFile\0"
_CHUNK_MAGIC = b"ElfChnk\0"
_BATCH_RECORDS = 40_000
_BATCH_CHARACTERS = 64_000_000
# A damaged file could raise without end; no file has more chunks than this.
_MOST_ERRORS = 65_536


def looks_like_evtx(head: bytes) -> bool:
    """An EVTX header, or a first chunk behind a damaged one."""
    chunk = head[_HEADER_BYTES : _HEADER_BYTES + len(_CHUNK_MAGIC)]
    return head.startswith(_FILE_MAGIC) or chunk == _CHUNK_MAGIC


def batches(file: InputFile) -> Iterator[Raw]:
    """Records as JSON texts, numbered as the file numbers them."""
    numbers: list[int] = []
    texts: list[str] = []
    rejects: list[Reject] = []
    characters = 0
    for item in _records(file):
        if isinstance(item, Reject):
            rejects.append(item)
            continue
        number, text = item
        numbers.append(number)
        texts.append(text)
        characters += len(text)
        if len(texts) >= _BATCH_RECORDS or characters >= _BATCH_CHARACTERS:
            yield raw(numbers, texts, rejects)
            numbers, texts, rejects, characters = [], [], [], 0
    if texts or rejects:
        yield raw(numbers, texts, rejects)


def _records(file: InputFile) -> Iterator[tuple[int, str] | Reject]:
    try:
        records = _parser(file).records_json()
    except (RuntimeError, OSError, ValueError) as error:
        yield Reject(0, f"EVTX header: {error}", "")
        return
    number = errors = 0
    while errors < _MOST_ERRORS:
        try:
            record = cast(dict[str, Any], next(records))
        except StopIteration:
            return
        except RuntimeError as error:
            errors += 1
            yield Reject(number, str(error), "")
            continue
        number = record["event_record_id"]
        yield number, record["data"]


def _parser(file: InputFile) -> PyEvtxParser:
    try:
        return PyEvtxParser(str(file.plain))
    except (RuntimeError, OSError):
        return PyEvtxParser(_Mended(file.plain.open("rb"), file.size))


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
