"""Records of JSON files: one object a line, or whole documents and arrays of objects.

Lines go to DuckDB as they are: Python splits a block at its line ends and looks inside none.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc

from kizashi.sources import InputFile, Reject
from kizashi.sources.windows.raw import PIECE_ROWS, SCHEMA, Raw

_BLOCK_BYTES = 32 << 20
_LONGEST_LINE_BYTES = 16 << 20
_LARGEST_DOCUMENT_BYTES = 128 << 20
_DOCUMENT_RECORDS = 20_000
_EXCERPT_LENGTH = 200
_HEAD_LINES = 20
_NAMES_BESIDE_EVENT_ID = {"Channel", "SourceName", "ProviderGuid", "Computer", "Hostname"}
_DECODER = json.JSONDecoder()
_BOM = codecs.BOM_UTF8
_BETWEEN = re.compile(r"[\s,\[\]]*")
_NEXT_OBJECT = re.compile(r"^\s*\{", re.MULTILINE)


def looks_like_events(head: bytes) -> bool:
    """True when a record among the first lines has the names of a Windows event."""
    text = _decoded(head)
    return any(_is_event(record) for record in _first_records(text))


def batches(file: InputFile) -> Iterator[Raw]:
    """Records as JSON texts, numbered by their line."""
    if _is_line_shaped(file.head):
        return _lines(file)
    return _documents(file)


def _decoded(head: bytes) -> str:
    encoding = "utf-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    return head.decode(encoding, "replace")


def _first_records(text: str) -> Iterator[object]:
    for line in islice(filter(str.strip, text.splitlines()), _HEAD_LINES):
        yield _parsed(line)
    start = _BETWEEN.match(text)
    try:
        yield _DECODER.raw_decode(text, start.end() if start else 0)[0]
    except (ValueError, RecursionError):
        return


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_event(record: object) -> bool:
    if not isinstance(record, dict):
        return False
    event, winlog = record.get("Event"), record.get("winlog")
    return (
        ("EventID" in record and not _NAMES_BESIDE_EVENT_ID.isdisjoint(record))
        # A trace session (ETW) is written alike, without the log's event id and channel name.
        or (isinstance(winlog, dict) and "session" not in winlog)
        or ("event_data" in record and "log_name" in record)
        or (isinstance(event, dict) and "System" in event)
    )


def _is_line_shaped(head: bytes) -> bool:
    lines = islice(filter(str.strip, _decoded(head).splitlines()), _HEAD_LINES)
    return any(isinstance(_parsed(line), dict) for line in lines)


def _opened(file: InputFile) -> BinaryIO:
    under = file.plain.open("rb")
    if file.head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return cast(BinaryIO, codecs.EncodedFile(under, "utf-8", "utf-16", "replace"))
    return under


def _raw(numbers: pa.Array, lines: pa.Array, rejects: list[Reject]) -> Raw:
    whole = pa.table([numbers, lines], schema=SCHEMA)
    pieces = pa.Table.from_batches(whole.to_batches(PIECE_ROWS), SCHEMA)
    return Raw({"": pieces}, tuple(rejects))


def _lines(file: InputFile) -> Iterator[Raw]:
    first = file.first_record + 1
    with _opened(file) as stream:
        for block, too_long in _blocks(stream):
            lines = _split(block)
            ones = pa.repeat(pa.scalar(1, pa.uint64()), len(lines))
            numbers = pc.cumulative_sum(ones, start=first - 1)
            rejects = [_too_long(first + skipped, text) for skipped, text in too_long]
            first += block.count(b"\n")
            kept = pc.and_(pc.not_equal(lines, ""), pc.not_equal(lines, "\r"))
            yield _raw(numbers.filter(kept), lines.filter(kept), rejects)


def _too_long(line_no: int, start: bytes) -> Reject:
    excerpt = start.decode("utf-8", "replace")[:_EXCERPT_LENGTH]
    return Reject(line_no, f"line longer than {_LONGEST_LINE_BYTES >> 20} MiB", excerpt)


def _blocks(stream: BinaryIO) -> Iterator[tuple[bytes, list[tuple[int, bytes]]]]:
    """Whole lines, many at a time; a line over the limit is left empty and told with its place."""
    rest = b""
    while part := stream.read(_BLOCK_BYTES):
        whole, newline, rest = (rest + part).rpartition(b"\n")
        too_long = []
        if len(rest) > _LONGEST_LINE_BYTES:
            too_long.append((whole.count(b"\n") + len(newline), rest[:_EXCERPT_LENGTH]))
            rest = _after_newline(stream)
        if newline or too_long:
            yield whole + newline, too_long
    if rest:
        yield rest, []


def _after_newline(stream: BinaryIO) -> bytes:
    while part := stream.read(_BLOCK_BYTES):
        _before, newline, after = part.partition(b"\n")
        if newline:
            return newline + after
    return b""


def _split(block: bytes) -> pa.Array:
    text = pa.array([block], pa.large_binary())
    try:
        text = text.cast(pa.large_string())
    except pa.ArrowInvalid:
        text = pa.array([block.decode("utf-8", "replace")], pa.large_string())
    lines = pc.split_pattern(text, "\n").flatten()
    return pc.replace_substring(lines, "\ufeff", "", max_replacements=1) if _BOM in block else lines


def _documents(file: InputFile) -> Iterator[Raw]:
    if file.size > _LARGEST_DOCUMENT_BYTES:
        limit = _LARGEST_DOCUMENT_BYTES >> 20
        reason = f"JSON document larger than {limit} MiB: write JSON lines"
        yield Raw({}, (Reject(1, reason, ""),))
        return
    with _opened(file) as stream:
        text = stream.read().decode("utf-8-sig", "replace")
    items = _objects(text)
    while part := list(islice(items, _DOCUMENT_RECORDS)):
        found = [item for item in part if not isinstance(item, Reject)]
        rejects = [item for item in part if isinstance(item, Reject)]
        numbers = pa.array([number for number, _ in found], pa.uint64())
        lines = pa.array([text for _, text in found], pa.large_string())
        yield _raw(numbers, lines, rejects)


def _objects(text: str) -> Iterator[tuple[int, str] | Reject]:
    at, counted, line_no = 0, 0, 1
    while True:
        between = _BETWEEN.match(text, at)
        at = between.end() if between else at
        if at >= len(text):
            return
        line_no, counted = line_no + text.count("\n", counted, at), at
        try:
            end = _DECODER.raw_decode(text, at)[1]
            yield line_no, text[at:end]
        except (ValueError, RecursionError) as error:
            resumed = _NEXT_OBJECT.search(text, at + 1)
            end = resumed.start() if resumed else len(text)
            yield Reject(line_no, f"not valid JSON: {error}", text[at : at + _EXCERPT_LENGTH])
        at = end
