"""Zeek files that do not add up, read line by line: damaged, truncated, mixed, or wrapped.

Good lines go, still as text and with their line numbers, to a scratch file; the same SQL then maps
them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import duckdb
import orjson

from kizashi.sources import Batch, InputFile, Reject
from kizashi.sources.zeek.header import Header, parse_header
from kizashi.sources.zeek.relation import numbered_json_relation, numbered_tsv_relation

Repair = Callable[[], Iterator[Batch]]
MakeBatch = Callable[..., Batch]
LINES_PER_BATCH = 500_000
MOST_FIELDS = 400


def closing_comments(plain: Path, size: int) -> int:
    """Number of `#` lines at the end of a file, such as `#close`."""
    with plain.open("rb") as stream:
        stream.seek(max(0, size - 4096))
        tail = stream.read().rstrip(b"\n").split(b"\n")
    count = 0
    for line in reversed(tail):
        if not line.startswith(b"#"):
            break
        count += 1
    return count


def read_tsv(file: InputFile, con: duckdb.DuckDBPyConnection, make: MakeBatch) -> Iterator[Batch]:
    """Batches of a TSV, a new one at every header inside it."""
    header = parse_header(file.head)
    comments: list[bytes] = []
    with tempfile.TemporaryDirectory() as folder:
        part = _Part(Path(folder) / "part.tsv")
        for number, line, whole in _lines(file):
            if line.startswith(b"#") and (line[1:].split(b"\t")[0].split(b" ")[0] in _DIRECTIVES):
                comments.append(line)
                continue
            if comments:
                found = parse_header(b"\n".join(comments))
                comments = []
                if found is not None and found != header:
                    yield from _tsv_batch(con, make, part, header)
                    header, part = found, _Part(Path(folder) / f"part{number}.tsv")
            if not line.strip():
                continue
            reason = _tsv_fault(line, header, whole)
            if header is None or reason:
                part.rejects.append(Reject(number, reason or "no header", _excerpt(line)))
            else:
                part.keep(line + header.separator.encode() + b"%d" % number)
        yield from _tsv_batch(con, make, part, header)


_DIRECTIVES = {
    b"separator",
    b"set_separator",
    b"empty_field",
    b"unset_field",
    b"path",
    b"open",
    b"close",
    b"fields",
    b"types",
}


def _tsv_fault(line: bytes, header: Header | None, whole: bool) -> str | None:
    if not whole:
        return "no line end: the file is cut, or still being written"
    if header is None:
        return "a record before any #fields header"
    cells = line.split(header.separator.encode())
    if len(cells) != len(header.fields):
        return f"{len(cells)} fields where the header names {len(header.fields)}"
    at = header.fields.index("ts") if "ts" in header.fields else -1
    try:
        if at >= 0:
            float(cells[at])
    except ValueError:
        return "ts is not a time"
    return None


def _tsv_batch(
    con: duckdb.DuckDBPyConnection,
    make: MakeBatch,
    part: _Part,
    header: Header | None,
) -> Iterator[Batch]:
    part.close()
    if part.kept and header is not None:
        sql = numbered_tsv_relation(part.path, header)
        yield make(
            con,
            sql,
            header.path,
            header.columns,
            "tsv",
            part.kept + len(part.rejects),
            types=header.types,
            rejects=tuple(part.rejects),
        )
    elif part.rejects:
        yield Batch({}, len(part.rejects), tuple(part.rejects))


def read_json(
    file: InputFile,
    con: duckdb.DuckDBPyConnection,
    make: MakeBatch,
    path_of: Callable[[str, set[str]], str | None],
) -> Iterator[Batch]:
    """Batches of JSON records, one for each log type among every half million lines."""
    with tempfile.TemporaryDirectory() as folder:
        parts: dict[str, _Part] = {}
        fields: dict[str, dict[str, None]] = {}
        rejects: list[Reject] = []
        for number, line, _whole in _lines(file):
            if not line.strip():
                continue
            record, reason = _json_record(line)
            if record is None:
                rejects.append(Reject(number, reason, _excerpt(line)))
                continue
            (key, inner), *others = record.items() or [("", None)]
            if not others and isinstance(inner, dict):
                path, record, line = key, inner, orjson.dumps(inner)
            else:
                named = record.get("_path") or record.get("@stream")
                path = str(named) if named else path_of(file.label, set(record)) or "unknown"
            path = path[:64]
            if path not in parts:
                parts[path] = _Part(Path(folder) / f"part{len(parts)}.json")
                fields[path] = {}
            if not _readable_time(record.get("ts")):
                rejects.append(Reject(number, "ts is missing or not a time", _excerpt(line)))
                continue
            add_names(fields[path], record)
            parts[path].keep(line.rstrip()[:-1] + b',"kizashi_line":%d}' % number)
        if rejects:
            yield Batch({}, len(rejects), tuple(rejects))
        for path, part in parts.items():
            part.close()
            names = tuple(fields[path])
            if part.kept:
                yield make(
                    con, numbered_json_relation(part.path, names), path, names, "json", part.kept
                )


def add_names(fields: dict[str, None], names: Iterable[str]) -> None:
    """Add names that columns can have: not empty, alike in no more than case, and not too many."""
    for name in names:
        if name and name not in fields and len(fields) < MOST_FIELDS:
            if name.lower() in map(str.lower, fields):
                continue
            fields[name] = None


def _json_record(line: bytes) -> tuple[dict[str, object] | None, str]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return None, f"not JSON: {error}"
    if not isinstance(record, dict):
        return None, "not a JSON object"
    return record, ""


def _readable_time(value: object) -> bool:
    return isinstance(value, int | float) or (
        isinstance(value, str) and value[:4].strip("-").isdigit()
    )


def _lines(file: InputFile) -> Iterator[tuple[int, bytes, bool]]:
    """(line number, line, ends with a newline) of the plain file."""
    with file.plain.open("rb") as stream:
        for number, line in enumerate(stream, file.first_record + 1):
            whole = line.endswith(b"\n")
            yield number, line.rstrip(b"\r\n"), whole


def _excerpt(line: bytes) -> str:
    return line[:200].decode("utf-8", "backslashreplace")


class _Part:
    """Lines of one layout on their way to the engine, their line numbers with them."""

    def __init__(self, path: Path) -> None:
        self.path, self.kept, self.rejects = path, 0, list[Reject]()
        self._stream = path.open("wb")

    def keep(self, line: bytes) -> None:
        self.kept += 1
        # A return inside a line stops the engine's reader.
        text = line.decode("utf-8", "backslashreplace").replace("\r", " ")
        self._stream.write(text.encode() + b"\n")

    def close(self) -> None:
        self._stream.close()
