"""Mapping files: one TOML says how a text log of any product lands in the event tables.

    title = "Example firewall"
    format = "pairs"                # json, pairs, cef, leef, list (by position) or pattern (RE2)
    vantage = "gateway"

    [match]                         # what a record must hold to be this product's; all of it
    contains = ["devname=", "logid="]

    [time]
    from = ["eventtime", ["date", "time"]]   # the first that is there; a list is joined by spaces
    zone = "tz"                              # field with the record's own offset

    [columns]                       # column = field, alternatives, or a table (see COLUMN_KEYS)
    client_ip = "srcip"
    server_ip = ["dstip", "dst"]

    [[table]]                       # the first whose `when` holds takes the record
    name = "network_activity"
    when = { type = "traffic" }
    columns = { bytes_out = "sentbyte" }

A record that no table takes lands in other_activity with its fields. Values become what their
column wants: addresses, ports, lower-case names, verdicts. A field of JSON is a path such as
`device.name`, found nested or as one key with dots; of a list, a position from 1. Exports of one
product differ: `under = ["properties"]` names objects of a JSON record in which its fields may lie
as well, and `any_case = true` in [match] makes deviceName, DeviceName and device_name one field.
`keep = true` leaves each record whole in `unmapped`, for Sigma rules that name its own fields.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Any

from kizashi.errors import KizashiError
from kizashi.schema import tables

FORMATS = ("json", "pairs", "cef", "leef", "list", "pattern")
TOP_KEYS = (
    "title", "status", "format", "vantage", "pairs", "pattern", "skip", "under", "keep", "match",
    "time", "columns", "table",
)  # fmt: skip
MATCH_KEYS = ("contains", "pattern", "keys", "values", "app", "last", "any_case")
TIME_KEYS = ("from", "zone", "utc", "formats", "pattern")
TABLE_KEYS = ("name", "when", "columns")
COLUMN_KEYS = (
    "field", "join", "value", "values", "other", "pattern", "each", "split", "part", "scale",
)  # fmt: skip
# Of a URL: host, port, path; percent signs decoded; what a DNS answer holds, in hex or as records.
PARTS = ("host", "port", "path", "plain", "dns_packet", "dns_records")
REST = "other_activity"


@dataclass(frozen=True, slots=True)
class Column:
    """Where a column's value comes from. `fields` are alternatives, each joined of one or more."""

    fields: tuple[tuple[str, ...], ...] = ()
    join: str = " "  # between the fields of one alternative
    value: str | None = None  # a constant
    values: Mapping[str, str] = field(default_factory=dict)  # as logged, lower case -> ours
    other: str | None = None  # for what `values` does not name ("" for none); else kept as logged
    pattern: str | None = None  # RE2; its first group is the value
    each: str | None = None  # RE2; the first groups of all its matches are a list's items
    split: str | None = None  # separator of a list
    part: str | None = None  # one of PARTS
    scale: float | None = None  # factor on a number


@dataclass(frozen=True, slots=True)
class Table:
    """One table that a record may land in, and when."""

    name: str
    when: Mapping[str, tuple[str, ...]]  # field -> values, lower case; "*" is any; "a|b" is either
    columns: Mapping[str, Column]
    like: Mapping[str, str] = field(default_factory=dict)  # field -> RE2 that its value holds


@dataclass(frozen=True, slots=True)
class Match:
    """What a record must hold; all of it."""

    contains: tuple[str, ...] = ()
    pattern: str | None = None
    keys: tuple[str, ...] = ()  # of JSON records and CSV headers; "a|b" is either
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    app: tuple[str, ...] = ()  # program named by the syslog header
    last: bool = False  # a form of many products: whoever knows the product is asked first
    any_case: bool = False  # Hive, Athena and their like write the outermost keys in lower case

    @property
    def weight(self) -> int:
        """How much it asks for: of two that match, the one that asks for more knows better."""
        asked = (self.contains, self.keys, self.values, self.app)
        return sum(map(len, asked)) + (self.pattern is not None)


@dataclass(frozen=True, slots=True)
class Layout:
    """A mapping file, checked."""

    id: str
    title: str
    status: str
    format: str
    vantage: str
    match: Match
    time: Column
    zone: str | None
    time_formats: tuple[str, ...]
    tables: tuple[Table, ...]  # the last takes what no other does
    pairs: str | None = None
    patterns: tuple[str, ...] = ()  # each is tried; of a group's values the first stands
    skip: str | None = None  # RE2 of lines that are no records: headings, continued lines
    is_utc: bool = False  # times without an offset are UTC, whatever the site's zone
    under: tuple[str, ...] = ()  # objects in which fields may lie as well as on top
    is_kept: bool = False  # whole records stay in `unmapped`, for rules that name their own fields

    def fields(self) -> tuple[str, ...]:
        """Every field that the mapping names, in order of first use."""
        columns = [self.time, *(c for t in self.tables for c in t.columns.values())]
        named = [part for column in columns for joined in column.fields for part in joined]
        named += [n for t in self.tables for name in (*t.when, *t.like) for n in name.split("|")]
        named += [self.zone] if self.zone else []
        return tuple(dict.fromkeys(named))


def load(path: Traversable, identity: str) -> Layout:
    """Read and check a mapping file; KizashiError names the file, the key and the nearest valid."""
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise KizashiError(f"{path}: {error}") from error
    try:
        return _layout(identity, said)
    except _Fault as fault:
        raise KizashiError(f"{path}: {fault}") from fault


class _Fault(Exception):
    """What is wrong with a mapping, without its file."""


def _layout(identity: str, said: dict[str, Any]) -> Layout:
    _known(said, TOP_KEYS, "key")
    form = said.get("format")
    if form not in FORMATS:
        raise _Fault(f"format must be one of {', '.join(FORMATS)}; it is {form!r}")
    pattern = said.get("pattern", [])
    patterns = [pattern] if isinstance(pattern, str) else _texts(pattern, "pattern")
    if form == "pattern" and not patterns:
        raise _Fault('format "pattern" needs pattern = an RE2 expression with named groups')
    time = said.get("time", {})
    _known(time, TIME_KEYS, "key of [time]")
    shared = _columns(said.get("columns", {}), None)
    layout = Layout(
        id=identity,
        title=str(said.get("title") or identity),
        status=str(said.get("status", "preview")),
        format=form,
        vantage=str(said.get("vantage", "gateway")),
        match=_match(said.get("match", {})),
        time=_column("time", {"field": time.get("from", []), "pattern": time.get("pattern")}),
        zone=time.get("zone"),
        is_utc=bool(time.get("utc", False)),
        time_formats=tuple(_texts(time.get("formats", []), "formats")),
        tables=tuple(_tables(said.get("table", []), shared)),
        pairs=said.get("pairs"),
        patterns=tuple(patterns),
        skip=said.get("skip"),
        under=tuple(_texts(said.get("under", []), "under")),
        is_kept=bool(said.get("keep", False)),
    )
    if not layout.match.weight:
        raise _Fault("[match] says nothing: every record would be taken")
    return layout


def _match(said: dict[str, Any]) -> Match:
    _known(said, MATCH_KEYS, "key of [match]")
    return Match(
        contains=tuple(_texts(said.get("contains", []), "contains")),
        pattern=said.get("pattern"),
        keys=tuple(_texts(said.get("keys", []), "keys")),
        values=_choices(said.get("values", {})),
        app=tuple(_texts(said.get("app", []), "app")),
        last=bool(said.get("last", False)),
        any_case=bool(said.get("any_case", False)),
    )


def _tables(said: list[dict[str, Any]], shared: Mapping[str, Column]) -> Iterator[Table]:
    for entry in said:
        _known(entry, TABLE_KEYS, "key of [[table]]")
        name = str(entry.get("name", ""))
        if name not in tables():
            raise _Fault(f"no table {name!r}. {_nearest(name, tuple(tables()))}")
        own = {column.name for column in tables()[name].columns}
        fitting = {c: rule for c, rule in shared.items() if c.partition(".")[0] in own}
        columns = fitting | _columns(entry.get("columns", {}), name)
        when = entry.get("when", {})
        like = {key: _like(key, value) for key, value in when.items() if isinstance(value, dict)}
        rest = {key: value for key, value in when.items() if key not in like}
        yield Table(name, _choices(rest), columns, like)
    own = {column.name for column in tables()[REST].columns}
    yield Table(REST, {}, {name: rule for name, rule in shared.items() if name in own})


def _columns(said: dict[str, Any], table: str | None) -> dict[str, Column]:
    known = tables() if table is None else {table: tables()[table]}
    valid = tuple(dict.fromkeys(c.name for t in known.values() for c in t.columns))
    for name in said:
        if name.partition(".")[0] not in valid:
            raise _Fault(f"no column {name!r} in {table or 'any table'}. {_nearest(name, valid)}")
    return {name: _column(name, value) for name, value in said.items()}


def _column(name: str, said: object) -> Column:
    if isinstance(said, str | list):
        said = {"field": said}
    if not isinstance(said, dict):
        raise _Fault(f"column {name}: a field, a list of fields, or a table of {COLUMN_KEYS}")
    _known(said, COLUMN_KEYS, f"key of column {name}")
    if said.get("part") not in (None, *PARTS):
        raise _Fault(f"column {name}: part must be one of {', '.join(PARTS)}")
    given = said.get("field", [])
    options = [given] if isinstance(given, str) else given
    return Column(
        fields=tuple((o,) if isinstance(o, str) else tuple(_texts(o, name)) for o in options),
        join=str(said.get("join", " ")),
        value=None if said.get("value") is None else str(said["value"]),
        values={str(k).lower(): str(v) for k, v in said.get("values", {}).items()},
        other=said.get("other"),
        pattern=said.get("pattern"),
        each=said.get("each"),
        split=said.get("split"),
        part=said.get("part"),
        scale=said.get("scale"),
    )


def _like(name: str, said: dict[str, Any]) -> str:
    _known(said, ("pattern",), f"key of when.{name}")
    return str(said.get("pattern", ""))


def _choices(said: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {
        str(name): tuple(str(v).lower() for v in (value if isinstance(value, list) else [value]))
        for name, value in said.items()
    }


def _texts(said: object, what: str) -> list[str]:
    if not isinstance(said, list) or not all(isinstance(item, str) for item in said):
        raise _Fault(f"{what} must be a list of texts")
    return said


def _known(said: object, valid: tuple[str, ...], what: str) -> None:
    if not isinstance(said, dict):
        raise _Fault(f"expected a table with the keys {', '.join(valid)}")
    for key in said:
        if key not in valid:
            raise _Fault(f'unknown {what} "{key}". {_nearest(key, valid)}')


def _nearest(name: str, valid: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, valid, 1)
    return f'Did you mean "{near[0]}"?' if near else f"One of: {', '.join(valid)}"
