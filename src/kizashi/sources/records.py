"""Records of a text log, one text each, however the file holds them: lines, JSON objects on a line
or over many, an array, batches of a collector, CSV with a header, W3C extended logs.

CSV rows become JSON objects by their header, so that a mapping names their fields.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import duckdb
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from kizashi.sources import InputFile
from kizashi.sources.batches import BATCHES, FLOWS, PAGES, items
from kizashi.sources.encoding import blocks, detect

WHOLE_BYTES = 256 << 20
# Rows of a table are taken apart together: so many at most, and fewer where they are wide.
_BLOCK_ROWS = 50_000
_BLOCK_CHARACTERS = 8 << 20
# JSON inside a string; deeper than this nobody puts any.
_DEEPEST = 6
_MAY_BE_SHUT = (str, dict, list)
_DELIMITERS = (",", "\t", ";", "|")
_MOST_FIELD = 4 << 20  # above the longest line
_SLASHED = re.compile(r"[A-Z][A-Za-z ]*/[A-Z][A-Za-z ]*")
# A header divided by spaces, as AWS writes flow logs; prose of that length has a capital or a stop.
_FIELD = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_LEAST_SPACED = 8
_WORD = re.compile(r"[^\d\W][^\r\n]{0,80}")
_LINE_END = ord("\n")
_MARK, _BLANK = "\ufeff", "\r\n \t\0"
SCHEMA = pa.schema([("record_no", pa.uint64()), ("line", pa.string())])
# What a line holds that may be several records, or a record with JSON in a string.
_ODD = ('"{', '"[', "},", "}{", FLOWS, *(f'"{name}"' for name in (*BATCHES, *PAGES)))
_LISTED = "|".join((*BATCHES, *PAGES))
# An object that is valid JSON is one record unless it holds one of the lists.
_PACKED = f"""
    SELECT record_no FROM text_line WHERE CASE
        WHEN starts_with(line, '{{') THEN CASE
            WHEN regexp_matches(line, '"[{{\\[]|{FLOWS}|"(?:{_LISTED})"\\s*:\\s*\\[') THEN true
            WHEN contains(line, '}},') OR contains(line, '}}{{') THEN NOT json_valid(line)
            ELSE false
        END
        ELSE starts_with(line, '[')
    END"""


class Record(NamedTuple):
    """`number` is the line it begins on, or its place in an array, from 1."""

    number: int
    text: str


def records(
    file: InputFile, con: duckdb.DuckDBPyConnection, *, as_table: bool
) -> Iterator[pa.Table]:
    """Blocks of the file's records, as tables of SCHEMA; blank lines, headers and comments are
    none. `as_table` reads rows by the header, where there is one. `con` looks for records within
    records."""
    encoding = detect(file.head)
    start = sample(file)
    fields = header(start) if as_table else None
    if fields is not None:
        yield from _blocks(_table(_numbered(file, encoding), fields, file.first_record > 0))
    elif _is_whole(start) and file.size <= WHOLE_BYTES:
        text = b"".join(blocks(file.plain, encoding)).decode()
        yield from _blocks(
            Record(n, _dump(item)) for n, item in enumerate(items(_document(text)), 1)
        )
    else:
        for block in _lines(file, encoding):
            yield _opened_batches(block, con)


def sample(file: InputFile, most: int = 200) -> list[str]:
    """The first lines of the file, for telling what it is."""
    text = file.head.decode(_codec(detect(file.head)), "replace")
    cut = text.split("\n")
    whole = cut if file.size <= len(file.head) or len(cut) == 1 else cut[:-1]
    return [line.rstrip("\r") for line in whole[:most]]


def sampled(file: InputFile, *, as_table: bool) -> list[str]:
    """Texts of the first records, as `records` would give them."""
    start = sample(file)
    fields = header(start) if as_table else None
    if fields is not None:
        table = _table([[Record(n, line) for n, line in enumerate(start, 1)]], fields, False)
        return [record.text for record in table]
    if _is_whole(start):
        try:
            return [_dump(item) for item in items(_document("\n".join(start)))][:200]
        except ValueError:
            return []
    texts = [Record(0, line) for line in start if line.strip()]
    return [made.text for record in texts for made in _unpacked(record)]


def is_export(file: InputFile, *, as_table: bool) -> bool:
    """What a person asked a console for: a table with a header, an array, or a search's results;
    a log that a program appends to is none."""
    start = sample(file)
    if as_table:
        found = header(start)
        return found is not None and not found.is_w3c
    first = next((line for line in start if line.strip()), "")
    return _is_whole(start) or first.startswith(('{"result":', '{"_index"', '{"preview":'))


class Header(NamedTuple):
    """Fields of a table file and what divides them."""

    fields: tuple[str, ...]
    delimiter: str
    is_w3c: bool


def header(start: list[str]) -> Header | None:
    """Header of a CSV or a W3C extended log; None for other files."""
    for line in start[:8]:
        if line.startswith("#Fields:"):
            return Header(tuple(line[8:].split()), " ", is_w3c=True)
    first = next((line for line in start if line.strip()), "").lstrip("\ufeff")
    if first[:1] in "{[<" or "=" in first:
        return None
    for delimiter in _DELIMITERS:
        cells = next(csv.reader([first], delimiter=delimiter), [])
        named = [cell.strip() for cell in cells]
        unlike = len(set(named)) == len(named) and all(map(_WORD.fullmatch, named))
        if len(named) >= 3 and unlike and not any(map(_is_value, named)):
            return Header(tuple(named), delimiter, is_w3c=False)
    words = first.split(" ")
    if len({*words}) == len(words) >= _LEAST_SPACED and all(map(_FIELD.fullmatch, words)):
        return Header(tuple(words), " ", is_w3c=False)
    return None


def _is_value(cell: str) -> bool:
    """A time, an address or a URL; "Threat/Content Type" is a column's name."""
    return ":" in cell or ("/" in cell and not _SLASHED.fullmatch(cell))


def _codec(encoding: str) -> str:
    return "utf-8" if encoding == "mixed" else encoding


def _numbered(file: InputFile, encoding: str) -> Iterator[Iterable[tuple[int, str]]]:
    for block in _lines(file, encoding):
        numbers, texts = (column.to_pylist() for column in block.columns)
        yield zip(numbers, texts, strict=True)


def _lines(file: InputFile, encoding: str) -> Iterator[pa.Table]:
    """The lines that say something, with their numbers: the engine's memory of a block is the
    file's own bytes and where each line ends, for text by text would cost more than reading."""
    number = file.first_record
    for block in blocks(file.plain, encoding):
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _LINE_END) + 1
        last = [] if block.endswith(b"\n") else [len(block)]
        bounds = np.concatenate(([0], ends, last)).astype(np.int32)
        count = len(bounds) - 1
        whole = pa.StringArray.from_buffers(count, pa.py_buffer(bounds), pa.py_buffer(block))
        # Byte by byte, unless there is a mark to trim that has three.
        trim = pc.utf8_trim if _MARK.encode() in block else pc.ascii_trim
        lines = trim(whole, characters=_MARK + _BLANK if trim is pc.utf8_trim else _BLANK)
        numbers = pa.array(np.arange(number + 1, number + count + 1, dtype=np.uint64))
        number += count
        table, length = pa.table([numbers, lines], schema=SCHEMA), pc.binary_length(lines)
        yield (
            table
            if pc.all(pc.cast(length, pa.bool_())).as_py()
            else table.filter(pc.not_equal(length, 0))
        )


def _opened_batches(block: pa.Table, con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The block with the records of collectors' batches in place of the batches."""
    con.register("text_line", block)
    packed = con.execute(_PACKED).fetchnumpy()["record_no"]
    con.unregister("text_line")
    if not len(packed):
        return block
    is_packed = pc.is_in(block["record_no"], pa.array(packed, pa.uint64()))
    numbers, texts = (column.to_pylist() for column in block.filter(is_packed).columns)
    made = [one for record in map(Record, numbers, texts) for one in _unpacked(record)]
    return pa.concat_tables([block.filter(pc.invert(is_packed)), _arrow(made)])


def _arrow(made: list[Record]) -> pa.Table:
    columns = [[record.number for record in made], [record.text for record in made]]
    return pa.table(columns, schema=SCHEMA)


def _is_whole(start: list[str]) -> bool:
    """True where one JSON document spans lines or is an array."""
    text = next((line.strip() for line in start if line.strip()), "")
    if text[:1] == "[":
        return text[1:2] in ("", "{", " ", "]")
    return text[:1] == "{" and not _is_object(text) and len(start) > 1 and text[-1:] in "{,"


def _is_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _document(text: str) -> object:
    """One document, or several one after another."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        parts = [part.strip().rstrip(",") for part in re.split(r"(?m)^(?=\{)", text)]
        return [_parsed(part) for part in parts if part]


def _parsed(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"message": text}


def _dump(item: object) -> str:
    text = orjson.dumps(item).decode()
    return orjson.dumps(_opened(item)).decode() if _is_shut(text) else text


def _is_shut(text: str) -> bool:
    return '"{' in text or '"[' in text


def _opened(item: object, depth: int = 0) -> object:
    """The value with JSON that was put into strings, as collectors and CSV exports do, opened, in
    place where it can be."""
    if depth > _DEEPEST:
        return item
    if isinstance(item, dict):
        for key, value in item.items():
            if isinstance(value, _MAY_BE_SHUT):
                item[key] = _opened(value, depth + 1)
    elif isinstance(item, list):
        item[:] = [_opened(value, depth + 1) for value in item]
    elif isinstance(item, str) and item[:1] in ("{", "[") and '"' in item:
        try:
            return _opened(orjson.loads(item), depth + 1)
        except orjson.JSONDecodeError:
            return item
    return item


def _unpacked(record: Record) -> Iterator[Record]:
    """The record, or the records of a collector's batch on one line."""
    text = record.text
    document = _value(text) if text[:1] in "{[" and any(sign in text for sign in _ODD) else None
    if document is None:
        yield record
        return
    for item in items(document, has_flows=FLOWS in text):
        if item is not document:
            yield Record(record.number, _dump(item))
        elif _is_shut(text):
            yield Record(record.number, orjson.dumps(_opened(item)).decode())
        else:
            yield record


def _value(text: str) -> object:
    """The JSON value of a line, or a list of the several that a collector put there, with a comma
    between or nothing; None for other text."""
    for form in (text, f"[{text}]", f"[{text.replace('}{', '},{')}]"):
        try:
            return orjson.loads(form)
        except orjson.JSONDecodeError:
            continue
    return None


def _table(
    blocks: Iterable[Iterable[tuple[int, str]]], head: Header, is_continued: bool
) -> Iterator[Record]:
    csv.field_size_limit(_MOST_FIELD)
    fields = head.fields
    numbers: list[int] = []
    seen_header = is_continued or head.is_w3c

    def plain() -> Iterator[str]:
        nonlocal fields
        for block in blocks:
            for number, text in block:
                if text.startswith("#"):
                    if text.startswith("#Fields:"):
                        fields = tuple(text[8:].split())
                    continue
                numbers.append(number)
                # A return inside a line ends the row for the csv module, and with it the reading.
                yield text.replace("\r", " ").replace("\0", "")

    # W3C text never spans lines; a lone quote in it must not swallow the rest.
    reader = csv.reader(plain(), delimiter=head.delimiter, skipinitialspace=head.is_w3c)
    for cells in reader:
        number = numbers[0] if numbers else 0
        numbers.clear()
        if not seen_header:
            seen_header = True
            continue
        if cells:
            yield Record(number, _dump(dict(zip(fields, cells, strict=False))))


def _blocks(items: Iterator[Record]) -> Iterator[pa.Table]:
    block: list[Record] = []
    held = 0
    for item in items:
        block.append(item)
        held += len(item.text)
        if len(block) >= _BLOCK_ROWS or held >= _BLOCK_CHARACTERS:
            yield _arrow(block)
            block, held = [], 0
    yield _arrow(block)
