"""Whole records of products as Sigma sees them: fields by the product's own names.

A source whose mapping says `keep` leaves each record beside the columns that it fills, so that
rules of cloud services, of auditd and of devices find every field. `records.toml` says which log
source is whose records, and what else a rule may call a field.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
import orjson

from kizashi.schema import tables
from kizashi.sigma.events import GROUP_ROWS, Group, Place

RECORD = "record:"
MOST_DEPTH = 12
_PAIR = re.compile(r"""([A-Za-z_][\w.-]*)=("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;"']*)""")
# auditd writes what may hold a space or a quote in hex, and everything else in quotes.
_HEX = re.compile(r"(?:[0-9A-F]{2})+")
_ENCODED = re.compile(r"a\d+|name|cwd|exe|comm|cmd|proctitle|data|dir|acct|path|unit")


class Record(dict[str, Any]):
    """The values of a record by path, those of a list together as a tuple. A field is found in any
    case; an object or a list of some is its JSON text."""

    __slots__ = ("_low", "_own", "_tops")

    def __init__(self, own: Mapping[str, Any]) -> None:
        super().__init__()
        self._own = own
        _flatten(own, "", self, 0)
        self._low = {key.lower(): key for key in self}
        self._tops = {key.lower(): key for key in own}

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field; `default` where the record has none such."""
        key = self._low.get(name.lower())
        if key is not None:
            return self[key]
        return self._part(name) if name.partition(".")[0].lower() in self._tops else default

    def put(self, name: str, value: Any) -> None:
        """Give a field another value, or a value at all."""
        self[self._low.setdefault(name.lower(), name)] = value

    def _part(self, name: str) -> str | None:
        at: Any = self._own
        for step in name.lower().split("."):
            if isinstance(at, list):
                found = [v for one in at if (v := _below(one, step)) is not None]
                at = found or None
            else:
                at = _below(at, step)
            if at is None:
                return None
        return orjson.dumps(at).decode()


def _below(at: Any, step: str) -> Any:
    if not isinstance(at, dict):
        return None
    return next((value for key, value in at.items() if key.lower() == step), None)


def _flatten(said: Mapping[str, Any], under: str, into: dict[str, Any], depth: int) -> None:
    for key, value in said.items():
        path = f"{under}{key}"
        if isinstance(value, dict):
            if depth < MOST_DEPTH:
                _flatten(value, f"{path}.", into, depth + 1)
        elif isinstance(value, list):
            _flatten_list(value, path, into, depth)
        elif path in into:
            into[path] = (*_several(into[path]), value)
        else:
            into[path] = value


def _flatten_list(values: list[Any], path: str, into: dict[str, Any], depth: int) -> None:
    plain = tuple(value for value in values if not isinstance(value, dict | list))
    if plain:
        into[path] = plain
    if depth < MOST_DEPTH:
        for value in values:
            if isinstance(value, dict):
                _flatten(value, f"{path}.", into, depth + 1)


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


@cache
def _said() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("records.toml").read_text("utf-8"))


@cache
def _by_source() -> dict[tuple[str, str, str], str]:
    return {tuple(of): name for name, own in _said().items() for of in own["of"]}


def channels(product: str | None, category: str | None, service: str | None) -> tuple[str, ...]:
    """The records that are of a log source, as rules and groups name them."""
    name = _by_source().get((product or "", category or "", service or ""))
    return (RECORD + name,) if name else ()


def sources(channel: str) -> tuple[str, ...]:
    """The sources whose records a channel names."""
    return tuple(_said()[channel.removeprefix(RECORD)]["sources"])


def record_events(
    con: duckdb.DuckDBPyConnection, label: Callable[[int], str], channel: str
) -> Iterator[Group]:
    """The records of a channel, some tens of thousands at a time. `label` names files by id."""
    own = _said()[channel.removeprefix(RECORD)]
    found = con.execute(_select(own), [own["sources"]])
    while rows := found.fetchmany(GROUP_ROWS):
        group = Group(channel, 0)
        for file_id, record_no, time, host_id, type_, client_ip, text in rows:
            record = read(text, own)
            for name, value in (
                ("time", time), ("host_id", host_id), ("type", type_), ("id.orig_h", client_ip),
            ):  # fmt: skip
                if value is not None and record.get(name) is None:
                    record.put(name, value)
            group.places.append(Place(label(file_id), record_no))
            group.rows.append(record)
        yield group


def _select(own: Mapping[str, Any]) -> str:
    parts = []
    for name in tables():
        kept = "fields" if name == "other_activity" else "unmapped"
        type_ = "type" if name == "other_activity" else "NULL"
        where = f"source IN (SELECT unnest(?1)) AND {kept} IS NOT NULL"
        if "type" in own and type_ == "type":
            where += f" AND coalesce(type, {own['type']!r}) = {own['type']!r}"
        parts.append(
            f"SELECT file_id, record_no, time, host_id, {type_} AS type, client_ip, {kept} AS text "
            f"FROM {name} WHERE {where}"
        )
    return " UNION ALL ".join(parts)


def read(text: str, own: Mapping[str, Any]) -> Record:
    """A record from its text, as records.toml says of its source."""
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        said = None  # cut at the most that a table keeps
    if not isinstance(said, dict):
        said = {"message": text}
    for name in own.get("under", ()):
        if isinstance(inner := _below(said, name.lower()), dict):
            said = {**inner, **said}
    message = said.get("message")
    if "form" in own and isinstance(message, str):
        said = {**_pairs(message, is_audit=own["form"] == "auditd"), **said}
    record = Record(said)
    for name, paths in own.get("also", {}).items():
        if record.get(name) is None:
            value = next((v for path in paths if (v := record.get(path)) is not None), None)
            if value is not None:
                record.put(name, value)
    for name, turned in own.get("values", {}).items():
        was = record.get(turned["from"])
        word = "absent" if was is None else str(was).lower()
        record.put(name, turned.get(word, was))
    for name, value in own.get("given", {}).items():
        if record.get(name) is None:
            record.put(name, value)
    return record


def _pairs(message: str, *, is_audit: bool) -> dict[str, str]:
    """name=value of a line, also within a quoted value."""
    found: dict[str, str] = {}
    for name, value in _PAIR.findall(message):
        if value[:1] in ("'", '"'):
            plain = value[1:-1]
            if "=" in plain:
                found = _pairs(plain, is_audit=is_audit) | found
        elif is_audit and _ENCODED.fullmatch(name) and _is_encoded(name, value, found):
            plain = bytes.fromhex(value).replace(b"\0", b" ").decode("utf-8", "replace").strip()
        else:
            plain = value
        found.setdefault(name, plain)
    return found


def _is_encoded(name: str, value: str, before: Mapping[str, str]) -> bool:
    """Hex is text, except for the arguments of a system call, which are numbers."""
    is_number = name[0] == "a" and name[1:].isdecimal() and before.get("type") != "EXECVE"
    return not is_number and _HEX.fullmatch(value) is not None
