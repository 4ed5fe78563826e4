"""Takes a block of texts apart by where their bytes stand: keys and values, cells, CEF extensions.

One pass over the bytes finds what divides; all else is arithmetic on those places, and values are
cut out of the block only for the fields that a mapping names. Texts in which quotes or escapes
stand as no writer of the format puts them are left to the regular expressions in mapped.py, which
say what the format is: what is taken here comes out the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Places = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

# What a field holds that says nothing; text_value in text.sql has the same.
NOTHING = ("", "-", "N/A", "(empty)", "null", "None", "0.0.0.0")
CEF_NAMES = (
    "device_vendor", "device_product", "device_version", "signature_id", "name", "severity",
)  # fmt: skip
_NOTHING, _NULL = pa.array(NOTHING), pa.scalar(None, pa.string())
_SPACE = b" \t\n\f\r"
_BLANK, _ESCAPE = b" \\"
# Kinds of bytes that divide; 0 is every other.
_BETWEEN, _EQUALS, _QUOTE, _BAR, _BACKSLASH, _TAB, _COMMA = range(1, 8)
_PAIR_KEY = re.compile(r"[A-Za-z_][\w.()-]*$", re.ASCII)
_CEF_KEY = re.compile(r"^[A-Za-z_][\w.\[\]]*$", re.ASCII)
_TEXTS_AT_ONCE = 2000
_CEF_HEAD = 7  # cells before the extension


def _kinds(**chars: bytes) -> bytes:
    """Table for bytes.translate."""
    table = bytearray(256)
    for name, own in chars.items():
        for char in own:
            table[char] = globals()[name]
    return bytes(table)


class Taken(NamedTuple):
    """A column for each field in order, NULL for what says nothing; and which of the texts could
    be taken apart here."""

    columns: list[pa.ChunkedArray]
    is_plain: Marks


class _Block(NamedTuple):
    """The texts' bytes, where each text begins and ends, and the bytes that divide: where, of what
    kind, in which text, and which of them are a text's first."""

    held: pa.Buffer
    data: Bytes
    starts: Places
    ends: Places
    at: Places
    kind: Bytes
    row: Places
    bounds: Places

    def rows_of(self, events: Places) -> Marks:
        """Texts in which any of these lies."""
        found = np.zeros(len(self.starts), np.bool_)
        found[self.row[events]] = True
        return found

    def inside(self, quotes: Places) -> tuple[Marks, Marks]:
        """Which dividing bytes stand between an opening quote and its end, that end included; and
        the texts whose quotes do not pair up."""
        counted = np.searchsorted(quotes, self.bounds)
        is_odd = (np.diff(counted) & 1).astype(np.bool_)
        parity = np.zeros(len(self.at) + 1, np.int8)
        parity[quotes + 1] = 1
        # A text whose quotes do not pair up is left out, and must not turn those after it about.
        np.add.at(parity, self.bounds[1:][is_odd], 1)
        return (np.cumsum(parity[:-1], dtype=np.int32) & 1).astype(np.bool_), is_odd


class _Values(NamedTuple):
    """Spans that follow one another in the bytes: of which text, what key (its place among the
    fields), from where to where."""

    row: Places
    key: Places
    start: Places
    end: Places

    def only(self, good: Marks) -> _Values:
        return _Values(*(part[good] for part in self))


def take_apart(form: str, names: tuple[str, ...], texts: pa.StringArray) -> Taken:
    """The named fields of texts in one of FORMATS."""
    # Some at a time: what is reckoned of them then stays near the processor.
    parts = [
        _WAYS[form](names, texts[first : first + _TEXTS_AT_ONCE])
        for first in range(0, len(texts), _TEXTS_AT_ONCE)
    ]
    columns = [
        pa.chunked_array(own, pa.string()) for own in zip(*(p[0] for p in parts), strict=True)
    ]
    return Taken(columns, np.concatenate([part.is_plain for part in parts]))


def _block(texts: pa.StringArray, kinds: bytes) -> _Block:
    limits = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset :][: len(texts) + 1]
    first, last = int(limits[0]), int(limits[-1])
    held = (texts.buffers()[2] or pa.py_buffer(b"")).slice(first, last - first)
    raw = held.to_pybytes()
    kind = np.frombuffer(raw.translate(kinds), np.uint8)
    at = np.flatnonzero(kind)
    offsets = limits.astype(np.int64) - first
    bounds = np.searchsorted(at, offsets)
    row = np.repeat(np.arange(len(texts)), np.diff(bounds))
    # A byte more, so that what follows the last has a value.
    data = np.frombuffer(raw + b"\n", np.uint8)
    return _Block(held, data, offsets[:-1], offsets[1:], at, kind[at], row, bounds)


_PAIR_KINDS = _kinds(_BETWEEN=_SPACE + b",;", _EQUALS=b"=", _QUOTE=b'"')


def _pairs(names: tuple[str, ...], texts: pa.StringArray) -> Taken:
    """key=value, the value in quotes where it holds what divides."""
    block = _block(texts, _PAIR_KINDS)
    at, kind = block.at, block.kind
    quotes = np.flatnonzero(kind == _QUOTE)
    inside, bad = block.inside(quotes)
    is_between = (kind == _BETWEEN) & ~inside
    before = np.cumsum(is_between, dtype=np.int32)
    outer = np.flatnonzero((kind == _EQUALS) & ~inside)
    token, row = before[outer], block.row[outer]
    is_first = np.append(True, (token[1:] != token[:-1]) | (row[1:] != row[:-1]))[: len(outer)]
    first = outer[is_first]
    bad |= block.rows_of(quotes[_is_astray(block, quotes, inside, first)])
    # Whatever stands between the byte that divides last and "=" ends with the key.
    row, equals = block.row[first], at[first]
    start = np.maximum(np.append(0, at + 1)[first], block.starts[row])
    key, has_key = _places(block, _PAIR_KEY, names, start, equals)
    bad[row[~has_key]] = True
    end = np.append(at[is_between], len(block.data))[before[first]]
    end = np.minimum(end, block.ends[row])
    # An empty value at the end of a text is followed by the next one's first byte.
    is_quoted = (equals + 1 < end) & (block.data[equals + 1] == ord('"'))
    values = _Values(row, key, equals + 1 + is_quoted, end - is_quoted)
    return Taken(_columns(block, values.only((key >= 0) & ~bad[row]), len(names)), ~bad)


def _is_astray(block: _Block, quotes: Places, inside: Marks, first: Places) -> Marks:
    """Quotes that are escaped, or neither open a value right after its "=" nor end it."""
    at, row = block.at, block.row
    is_first = np.zeros(len(at) + 1, np.bool_)
    is_first[first] = True
    adjoins = np.append(False, (np.diff(at) == 1) & (row[1:] == row[:-1]))
    opens = adjoins[quotes] & is_first[quotes - 1]
    after = np.append(at, 0)[quotes + 1] == at[quotes] + 1
    ends = (at[quotes] + 1 == block.ends[row[quotes]]) | (
        after & (np.append(block.kind, 0)[quotes + 1] == _BETWEEN)
    )
    is_escaped = block.data[at[quotes] - 1] == _ESCAPE
    astray: Marks = np.where(inside[quotes], ~ends, ~opens) | is_escaped
    return astray


_CEF_KINDS = _kinds(_BETWEEN=_SPACE, _EQUALS=b"=", _BAR=b"|", _BACKSLASH=b"\\")


def _cef(names: tuple[str, ...], texts: pa.StringArray) -> Taken:
    """A head of seven cells, and keys with values that end where the next key begins."""
    block = _block(texts, _CEF_KINDS)
    at, kind = block.at, block.kind
    bars = np.append(np.flatnonzero(kind == _BAR), np.zeros(_CEF_HEAD, np.int64))
    counted = np.searchsorted(bars[: -_CEF_HEAD or None], block.bounds)
    heads = bars[counted[:-1, None] + np.arange(_CEF_HEAD)]
    head_at = np.append(at, 0)[heads] if len(at) else np.zeros_like(heads)
    bad = (np.diff(counted) < _CEF_HEAD) | ~_begins(block, head_at[:, 0])
    ext = np.where(bad, block.ends, head_at[:, -1] + 1)
    escapes = np.flatnonzero(kind == _BACKSLASH)
    bad |= block.rows_of(escapes[at[escapes] < ext[block.row[escapes]]])
    equals = np.flatnonzero(kind == _EQUALS)
    equals = equals[at[equals] >= ext[block.row[equals]]]
    # A key stands after a space or begins the extension.
    row, start = block.row[equals], np.append(0, at + 1)[equals]
    is_key = (np.append(0, kind)[equals] == _BETWEEN) | (start <= ext[row])
    row, start, equals = row[is_key], np.maximum(start, ext[row])[is_key], at[equals[is_key]]
    key, has_key = _places(block, _CEF_KEY, names, start, equals)
    values = _Values(row, key, equals + 1, start).only(has_key)
    row, start = values.row, values.end
    is_last = np.append(row[1:] != row[:-1], True)[: len(row)]
    end = np.where(is_last, block.ends[row], np.append(start[1:] - 1, 0)[: len(row)])
    values = values._replace(end=end).only((values.key >= 0) & ~bad[row])
    columns = _columns(block, values, len(names), trim=True)
    rows = np.flatnonzero(~bad)
    for place, name in enumerate(CEF_NAMES):
        if name in names:
            cell = _Values(rows, rows * 0, head_at[rows, place] + 1, head_at[rows, place + 1])
            columns[names.index(name)] = _columns(block, cell, 1, trim=True)[0]
    if len(escapes):
        columns = [pc.replace_substring_regex(c, r"\\([\\=|])", r"\1") for c in columns]
    return Taken(columns, ~bad)


def _begins(block: _Block, bar: Places) -> Marks:
    """Texts that begin with "CEF:", a version of one digit and the first bar."""
    data, length = block.data, bar - block.starts
    is_long = np.isin(length, (5, 6))
    start = np.where(is_long, block.starts, 0)
    begins = is_long & (length[:] > 0)
    for step, char in enumerate(b"CEF:"):
        begins &= data[np.minimum(start + step, len(data) - 1)] == char
    is_digit = (data[bar - 1] >= ord("0")) & (data[bar - 1] <= ord("9"))
    is_spaced = data[bar - 2] == _BLANK
    result: Marks = begins & is_digit & ((length == 5) | is_spaced)
    return result


_CELL_KINDS = _kinds(_TAB=b"\t", _COMMA=b",", _QUOTE=b'"')


def _cells(names: tuple[str, ...], texts: pa.StringArray) -> Taken:
    """Cells by position, divided by tabs or, where there is none, by commas."""
    block = _block(texts, _CELL_KINDS)
    at, kind, data = block.at, block.kind, block.data
    quotes = np.flatnonzero(kind == _QUOTE)
    inside, bad = block.inside(quotes)
    has_tab = block.rows_of(np.flatnonzero(kind == _TAB))
    row, place, shuts = block.row[quotes], at[quotes], inside[quotes]
    is_outer = np.where(
        shuts,
        (place + 1 == block.ends[row]) | (data[place + 1] == ord(",")),
        (place == block.starts[row]) | (data[place - 1] == ord(",")),
    )
    # Blanks are trimmed outside of quotes only.
    is_blank = np.where(shuts, data[place - 1], data[place + 1]) == _BLANK
    bad |= block.rows_of(quotes[~is_outer | is_blank | has_tab[row]])
    divides = np.where(has_tab[block.row], kind == _TAB, (kind == _COMMA) & ~inside)
    ends = np.append(at[divides], len(data))
    counts = np.bincount(block.row[divides], minlength=len(block.starts))
    before = np.cumsum(counts) - counts
    columns = []
    for name in names:
        cell = int(name) if name.isdecimal() else 0
        if not 0 < cell <= counts.max(initial=0) + 1:
            columns.append(pa.nulls(len(texts), pa.string()))
            continue
        rows = np.flatnonzero((counts + 1 >= cell) & ~bad)
        start = block.starts[rows] if cell == 1 else ends[before[rows] + cell - 2] + 1
        end = np.where(counts[rows] >= cell, ends[before[rows] + cell - 1], block.ends[rows])
        is_quoted = (start < end) & (data[start] == ord('"'))
        values = _Values(rows, rows * 0, start + is_quoted, end - is_quoted)
        columns.append(_columns(block, values, 1, trim=True)[0])
    return Taken(columns, ~bad)


def _places(
    block: _Block, form: re.Pattern[str], names: tuple[str, ...], start: Places, end: Places
) -> tuple[Places, Marks]:
    """For each span the place among the names of the key that it ends with, -1 for others; and
    whether it has one. Each distinct text is looked at once."""
    keys = _spans(block, start, end).take(pa.array(np.arange(len(start)) * 2)).dictionary_encode()
    known = {name: place for place, name in enumerate(names)}
    found = [form.search(text) for text in keys.dictionary.to_pylist()]
    place = np.array([known.get(key[0], -1) if key else -1 for key in found], np.int64)
    codes = keys.indices.to_numpy()
    return place[codes], np.array([key is not None for key in found], np.bool_)[codes]


def _spans(block: _Block, start: Places, end: Places) -> pa.StringArray:
    """Every second is a span and every other what lies between; nothing is copied."""
    if not len(start):
        return pa.array([], pa.string())
    # Arrow trusts these: a span that ended before its start would be read outside the block.
    bounds = np.stack((start, np.maximum(start, end)), axis=1).ravel().astype(np.int32)
    return pa.StringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), block.held)


def _columns(block: _Block, values: _Values, count: int, *, trim: bool = False) -> list[pa.Array]:
    """A column for each key: of a text's values for one key the first, NULL where there is none or
    it says nothing."""
    spans = _spans(block, values.start, values.end)
    order = np.argsort(values.key.astype(np.int16), kind="stable")
    ends = np.cumsum(np.bincount(values.key, minlength=count))
    columns = []
    for first, end in zip(np.append(0, ends), ends, strict=False):
        if first == end:
            columns.append(pa.nulls(len(block.starts), pa.string()))
            continue
        own = order[first:end][::-1]
        place = np.full(len(block.starts), -1)
        place[values.row[own]] = own * 2
        column = spans.take(pa.array(place, mask=place < 0))
        column = pc.ascii_trim(column, characters=" ") if trim else column
        columns.append(said(column))
    return columns


def said(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The texts with NULL for those that say nothing."""
    if column.null_count == len(column):
        return column
    mute = pc.is_in(column, value_set=_NOTHING)
    return pc.if_else(mute, _NULL, column) if pc.any(mute).as_py() else column


_WAYS: dict[str, Callable[[tuple[str, ...], pa.StringArray], Taken]] = {
    "pairs": _pairs,
    "cef": _cef,
    "list": _cells,
}
FORMATS = frozenset(_WAYS)
