"""Reads text logs by mapping files: each record is unwrapped, claimed by the mapping that knows it,
taken apart once, and sent to the table that fits. A file may hold records of several products.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kizashi.schema import quoted, tables
from kizashi.sources import TIMELESS, ZONE_HINT, ZONELESS, Batch, InputFile, Reject, spans
from kizashi.sources.candidates import Candidates, candidates
from kizashi.sources.encoding import detect
from kizashi.sources.mapping import REST, Column, Layout, Table
from kizashi.sources.records import SCHEMA, is_export, records, sampled

UNKNOWN_ZONE = "UTC"
# Of the records of a block: fewer without a time are damage.
LOST_SHARE = 0.01
# A file of which fewer of the first records are known is something else that quotes a log.
LEAST_SHARE = 0.3
# Rows at which consoles, portals and search engines end an export without a word.
EXPORT_CAPS = frozenset(
    {500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 50_000, 60_000, 65_535, 65_536, 100_000,
     200_000, 250_000, 500_000, 1_000_000, 1_048_575}
)  # fmt: skip
CUT = "ends at exactly {total:,} rows, where exports are cut: ask for a shorter time"
UNKNOWN = "no mapping knows this line, and it has no time; to map it: kizashi sources try FILE"
_EXCERPT_LENGTH = 200
_LOCAL_FORMATS = (
    "%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d-%b-%Y %H:%M:%S.%f",
    "%d-%b-%Y %H:%M:%S", "%d/%b/%Y:%H:%M:%S", "%d %b %Y %H:%M:%S", "%a %b %d %H:%M:%S %Y",
    "%b %d %Y %H:%M:%S", "%Y%m%d %H:%M:%S", "%b %d, %Y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p",
    "%Y/%m/%d %H時%M分%S秒", "%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日 %H時%M分%S秒",
)  # fmt: skip
_ZONED_FORMATS = (
    "%d/%b/%Y:%H:%M:%S %z", "%d/%b/%Y %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z",
    "%b %d %Y %H:%M:%S %z", "%Y/%m/%d %H:%M:%S %z", "%a %b %d %H:%M:%S %Y %z",
)  # fmt: skip
_PAIR = r'[A-Za-z_][\w.()-]*=(?:"(?:[^"\\]|\\.)*"|[^\s,;]*)'
_CELL = r' *("(?:[^"]|"")*"|[^,]*),'
_CEF_KEY = r"(?:^|\s)([A-Za-z_][\w.\[\]]*)="
_LEEF_NAMES = ("device_vendor", "device_product", "device_version", "signature_id")
_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# A part of a path; a key that itself holds dots stands in quotes.
_STEP = re.compile(r'"[^"]*"|[^.]+')
_MEMBER = re.compile(r"(\w+) ([A-Z]\w*)(?=[,)])")
# Where collectors and search engines write when they took a record in; of a text log inside an
# envelope, the envelope's own time too.
_COLLECTED = ("event.ingested", "_indextime", "_TimeReceived", "ingestion_time", "IngestionTime")
_ENVELOPED = ("@timestamp", "date", "timestamp")
# Columns of a record's own time, and of what the collector says.
_OWN_TIME, _COLLECTOR = "own", "collector"
# What the syslog header said of a record.
_HEADER = {"@host": "said_host", "@app": "app"}
_FIELD = re.compile(r"f\d+")
_GROUP = re.compile(r"\(\?P<(\w+)>")


@dataclass(frozen=True, slots=True, eq=False)
class Mappings:
    """All the mappings that a file may need, by id."""

    layouts: Mapping[str, Layout]


@dataclass(frozen=True, slots=True, eq=False)
class MappedSource:
    """A source folder that is a mapping file, among the others that its files may need."""

    layout: Layout
    others: Mappings

    @property
    def TITLE(self) -> str:  # noqa: N802 - the source contract's name
        return self.layout.title

    @property
    def STATUS(self) -> str:  # noqa: N802
        return self.layout.status

    def claims(self, file: InputFile) -> int:
        """Up to 80, by the share of the first records that this mapping takes."""
        if b"\0\0\0\0" in file.head[:4096]:
            return 0
        taken = claimed(file, self.others).taken
        own = sum(name == self.layout.id for name in taken)
        known = sum(name != "" for name in taken)
        return max(1, 80 * own // len(taken)) if own and known >= LEAST_SHARE * len(taken) else 0

    def read(self, file: InputFile, con: duckdb.DuckDBPyConnection) -> Iterator[Batch]:
        """Batches of the file's records, whichever mapping takes them."""
        yield from read(file, con, self.others)


def read(file: InputFile, con: duckdb.DuckDBPyConnection, mappings: Mappings) -> Iterator[Batch]:
    """Batches of a text log; a record that no mapping takes lands in other_activity as it is, or is
    set aside where not even a time can be told. A mapping's record may be without a time."""
    layouts = mappings.layouts
    _install(con)
    own = claimed(file, mappings)
    skip = [layouts[name].skip for name in sorted({*own.taken} - {""})]
    total = file.first_record
    for block in records(file, con, as_table=own.as_table):
        if not len(block):
            continue
        total += len(block)
        _unwrap(con, block, mappings, {*own.taken})
        left_out = _left_out(con, skip)
        found = con.execute("SELECT DISTINCT mapping FROM claimed_row ORDER BY ALL").fetchall()
        selects: dict[str, list[str]] = {}
        columns: dict[str, frozenset[str]] = {}
        rejects: list[Reject] = []
        is_local, lost = False, 0
        for number, (name,) in enumerate(found):
            layout = layouts[name] if name else None
            placed = _placed(con, layout, file)
            is_local |= pc.any(placed["is_local"]).as_py() or False
            lost += placed["time"].null_count if layout else 0
            con.register(f"mapped_{number}", placed)
            if layout is None:
                rejects += _timeless(con, f"mapped_{number}")
            for place in _places(placed, layout):
                table = layout.tables[place] if layout else None
                target = table.name if table else REST
                given = _given(layout, table, _arrivals(file, layout))
                listed = ", ".join(f"{value} AS {quoted(name)}" for name, value in given.items())
                # Added to, lest the engine have Arrow copy the rows of the table before it reads.
                selects.setdefault(target, []).append(
                    f"SELECT {listed} FROM mapped_{number} "
                    f"WHERE place + 0 = {place} AND {_kept(layout)}"
                )
                columns[target] = columns.get(target, frozenset()) | given.keys()
        note = _note(file, is_local, lost / len(block))
        joined = {name: "\nUNION ALL BY NAME\n".join(parts) for name, parts in selects.items()}
        yield Batch(joined, len(block) - left_out, tuple(rejects), note=note, columns=columns)
        for number in range(len(found)):
            con.unregister(f"mapped_{number}")
    if total in EXPORT_CAPS and is_export(file, as_table=own.as_table):
        yield Batch({}, 0, (), note=CUT.format(total=total))


class Claimed(NamedTuple):
    """Id of the mapping that takes each of the first records, "" for none; and whether the records
    are rows of a table with a header."""

    taken: tuple[str, ...]
    as_table: bool


# Every mapping is asked about the same file in turn.
@lru_cache(maxsize=4)
def claimed(file: InputFile, mappings: Mappings) -> Claimed:
    """Who takes the first records: as rows of a table where there is a header, else as lines."""
    taken = _claimed(sampled(file, as_table=True), mappings)
    if any(taken):
        return Claimed(taken, as_table=True)
    return Claimed(_claimed(sampled(file, as_table=False), mappings), as_table=False)


def _claimed(texts: list[str], mappings: Mappings) -> tuple[str, ...]:
    con = _claimer()
    _unwrap(con, pa.table([range(len(texts)), texts], schema=SCHEMA), mappings, set())
    found = con.execute("SELECT DISTINCT mapping FROM claimed_row WHERE mapping <> ''").fetchall()
    _left_out(con, [mappings.layouts[name].skip for (name,) in found])
    rows = con.execute("SELECT mapping FROM claimed_row ORDER BY record_no").fetchall()
    return tuple(mapping for (mapping,) in rows)


@cache
def _claimer() -> duckdb.DuckDBPyConnection:
    """For the first records of files: a folder may hold thousands of small ones."""
    con = duckdb.connect(config={"threads": 1})
    _install(con)
    return con


@cache
def _candidates(mappings: Mappings) -> Candidates:
    return candidates(mappings.layouts.values())


def _install(con: duckdb.DuckDBPyConnection) -> None:
    """The macros of text.sql, once a connection."""
    try:
        con.execute("SELECT text_value('')").fetchall()
    except duckdb.CatalogException:
        con.execute(_sql("text"))


@cache
def _sql(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text("utf-8")


def _unwrap(
    con: duckdb.DuckDBPyConnection, block: pa.Table, mappings: Mappings, likely: Set[str]
) -> None:
    """Table claimed_row: the records unwrapped, with the id of the mapping that takes each. Those
    that took the file's first records are asked first: most records then cost one question."""
    layouts = mappings.layouts
    first = {name for name in likely if name and not layouts[name].match.last}
    con.register("text_line", block)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE claimed_row AS "
        f"SELECT *, {_claiming(layouts, first, likely)} AS mapping FROM ({_sql('rows')})"
    )
    con.unregister("text_line")
    left = con.execute(
        "SELECT line, nullif(body, line) AS body FROM claimed_row WHERE mapping = ''"
    ).fetchall()
    if left:
        texts = (text for row in left for text in row if text is not None)
        others = {*_candidates(mappings).of(texts)} - first
        chosen = _claiming(layouts, others, likely)
        con.execute(f"UPDATE claimed_row SET mapping = {chosen} WHERE mapping = ''")


def _claiming(layouts: Mapping[str, Layout], asked: Set[str], likely: Set[str]) -> str:
    """SQL for the one of the asked mappings that takes a record, '' for none."""
    known = sorted((layouts[name] for name in asked), key=lambda one: _turn(one, one.id in likely))
    cases = " ".join(f"WHEN {_claim(one)} THEN {_text(one.id)}" for one in known)
    return f"CASE {cases} ELSE '' END" if cases else "''"


def _turn(layout: Layout, is_likely: bool) -> tuple[bool, bool, int, str]:
    """Who is asked first: of two that match, the one that asks for more knows better."""
    return (layout.match.last, not is_likely, -layout.match.weight, layout.id)


def _left_out(con: duckdb.DuckDBPyConnection, patterns: list[str | None]) -> int:
    """Drops lines that a mapping of this file calls no records; how many."""
    skip = _skipping(patterns)
    if not skip:
        return 0
    sql = f"DELETE FROM claimed_row WHERE mapping = '' AND ({skip})"
    ((count,),) = con.execute(sql).fetchall()
    return int(count)


def _skipping(patterns: list[str | None]) -> str:
    """SQL that is true for lines that are no records; an empty text where every line is one."""
    return " OR ".join(f"regexp_matches(line, {_text(p)})" for p in patterns if p)


def _claim(layout: Layout) -> str:
    match = layout.match
    tests = [f"contains(body, {_text(text)})" for text in match.contains]
    if match.app:
        tests.append(f"lower(app) IN ({_texts(match.app)})")
    if layout.format == "json":
        tests.append("json IS NOT NULL")
        for key in match.keys:
            either = [path for name in key.split("|") for path in _paths(layout, name)]
            tests.append(f"list_contains(json_exists(json, [{_texts(either)}]), true)")
        for name, values in match.values.items():
            texts = f"json_extract_string(json, [{_texts(_paths(layout, name))}])"
            found = f"list_filter({texts}, lambda t: t IS NOT NULL)[1]"
            tests.append(
                f"{found} IS NOT NULL" if "*" in values else f"lower({found}) IN ({_texts(values)})"
            )
    if match.pattern:
        tests.append(f"regexp_matches(body, {_text(match.pattern)})")
    return "(" + " AND ".join(tests) + ")"


def _placed(con: duckdb.DuckDBPyConnection, layout: Layout | None, file: InputFile) -> pa.Table:
    """The records of one mapping: their fields f1, f2 ..., their time, the place of their table."""
    names = layout.fields() if layout else ()
    time, zone, place = "NULL", "NULL", "-1"
    formats: tuple[str, ...] = ()
    if layout is not None:
        place = _place(layout, names)
        time = _raw(layout.time, names)
        if layout.time.pattern:
            found = f"regexp_extract(body, {_text(layout.time.pattern)}, 1)"
            time = f"coalesce(nullif({found}, ''), {time})"
        zone = f"text_offset_s({_value(names, layout.zone)})" if layout.zone else "NULL"
        zone = "0" if layout.is_utc else zone
        formats = layout.time_formats
    fielded = _fielded(con, layout, names)
    arrivals = _arrivals(file, layout)
    beside = "".join(f", {text} AS {name}" for text, name in arrivals.items())
    told = _beside(
        con,
        fielded,
        f"trim(coalesce({time}, said_time)) AS said, {zone} AS east_s, {place} AS place{beside}",
    )
    added = {"place": told["place"]} | _arrived(con, told, [*arrivals.values()])
    times = _timed(con, told.select(["said", "east_s"]), formats, file)
    for name, column in (added | {n: times[n] for n in times.column_names}).items():
        fielded = fielded.append_column(name, column)
    return fielded


def _beside(
    con: duckdb.DuckDBPyConnection, rows: pa.Table, columns: str, given: str = "given_row"
) -> pa.Table:
    """SQL columns over the rows, in the order of the rows: the engine's threads give a table of
    several pieces back in any."""
    con.register("given_row", rows.append_column("row_at", pa.array(np.arange(len(rows)))))
    found = con.sql(f"SELECT {columns}, row_at FROM {given}").to_arrow_table()
    con.unregister("given_row")
    at = found["row_at"].to_numpy()
    return found if (at[1:] > at[:-1]).all() else found.take(np.argsort(at))


def _timed(
    con: duckdb.DuckDBPyConnection, told: pa.Table, formats: tuple[str, ...], file: InputFile
) -> pa.Table:
    """For each row of (said, east_s) its time in UTC, and whether it is a local one without zone.
    Each distinct text is understood once: a busy log writes many lines in a second."""
    zoned = [f for f in formats if "%z" in f]
    local = [f for f in formats if "%z" not in f]
    arrived = (file.arrived or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    whole = pc.binary_join_element_wise(
        *(told[name].cast(pa.string()) for name in ("said", "east_s")),
        "|", null_handling="replace", null_replacement="\0",
    ).combine_chunks()  # fmt: skip
    codes = whole.dictionary_encode().indices.to_numpy()
    first = np.zeros(codes.max() + 1, np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    with_offset = _texts((*zoned, *_ZONED_FORMATS))
    instants = f"SELECT *, text_instant(said, [{with_offset}]) AS instant FROM given_row"
    in_zone = (
        "SELECT *, CASE WHEN instant IS NULL AND NOT text_is_instant(said) THEN text_local_time("
        f"said, [{_texts((*local, *_LOCAL_FORMATS))}], TIMESTAMP '{arrived}') END AS local "
        f"FROM ({instants})"
    )
    distinct = _beside(
        con,
        told.take(first),
        f"coalesce(instant, text_utc(local, east_s, {_text(file.zone or UNKNOWN_ZONE)})) AS time, "
        "east_s IS NULL AND text_is_local(said) AS is_local",
        f"({in_zone})",
    )
    return distinct.take(codes)


def _fielded(
    con: duckdb.DuckDBPyConnection, layout: Layout | None, names: tuple[str, ...]
) -> pa.Table:
    """The records of one mapping with f1, f2 ...: the values of the named fields in order, as
    texts, NULL for what says nothing."""
    taker = _text(layout.id if layout else "")
    own = f"SELECT * EXCLUDE (mapping) FROM claimed_row WHERE mapping = {taker}"
    if layout is None:
        return con.sql(own).to_arrow_table()
    if layout.format not in spans.FORMATS or layout.pairs:
        return _cleaned(con.sql(_fielded_sql(con, layout, names, own)).to_arrow_table())
    rows = con.sql(own).to_arrow_table()
    columns, is_plain = spans.take_apart(layout.format, names, rows["body"].combine_chunks())
    odd_rows = None if is_plain.all() else rows.filter(pa.array(~is_plain))
    for at, column in enumerate(columns, 1):
        rows = rows.append_column(f"f{at}", column)
    if odd_rows is None:
        return rows
    con.register("odd_row", odd_rows)
    by_expression = _fielded_sql(con, layout, names, "SELECT * FROM odd_row")
    odd = _cleaned(con.sql(by_expression).to_arrow_table())
    con.unregister("odd_row")
    return pa.concat_tables([rows.filter(pa.array(is_plain)), odd])


def _fielded_sql(
    con: duckdb.DuckDBPyConnection, layout: Layout, names: tuple[str, ...], rows: str
) -> str:
    """SELECT of the same by regular expressions and paths, with what says nothing as it is."""
    if layout.format == "json":
        keys = con.execute(f"SELECT DISTINCT unnest(json_keys(json)) FROM ({rows})").fetchall()
        found, picked, helpers = _json_fields(layout, names, rows, {key for (key,) in keys})
    else:
        found, picked, helpers = _FORMATS.get(layout.format, _keyed)(layout, names, rows)
    listed = "".join(f", {value} AS f{at}" for at, value in enumerate(picked, 1))
    return f"SELECT * EXCLUDE ({helpers}){listed} FROM ({found})"


def _cleaned(rows: pa.Table) -> pa.Table:
    """The rows with NULL in each field that says nothing."""
    columns = [
        spans.said(column) if _FIELD.fullmatch(name) else column
        for name, column in zip(rows.column_names, rows.columns, strict=True)
    ]
    return pa.table(columns, names=rows.column_names)


class Fields(NamedTuple):
    """SELECT of rows with what a format takes them apart into, the value of each field in order in
    terms of it, and the columns that are then of no more use."""

    rows: str
    values: list[str]
    helpers: str


def _json_fields(layout: Layout, names: tuple[str, ...], rows: str, keys: Set[str]) -> Fields:
    """By the paths of which the records have the outermost key: most mappings name many more."""
    spelled = [
        [path for path in _paths(layout, name) if _outermost(path) in keys] for name in names
    ]
    paths = list(dict.fromkeys(path for options in spelled for path in options))
    place = {path: at for at, path in enumerate(paths, 1)}
    picked = [_first_said([f"j[{place[path]}]" for path in options]) for options in spelled]
    found = f"json_extract_string(json, [{_texts(paths)}])" if paths else "NULL::VARCHAR[]"
    return Fields(f"SELECT *, {found} AS j FROM ({rows})", picked, "j")


def _outermost(path: str) -> str:
    return path.split('"', 2)[1]


def _first_said(options: list[str]) -> str:
    if len(options) < 2:
        return (*options, "NULL::VARCHAR")[0]
    return f"coalesce({', '.join(f'text_value({option})' for option in options)})"


def _pattern_fields(layout: Layout, names: tuple[str, ...], rows: str) -> Fields:
    groups = [_GROUP.findall(pattern) for pattern in layout.patterns]
    first, *others = (
        f"regexp_extract(body, {_text(pattern)}, [{_texts(own)}], 's')"
        for pattern, own in zip(layout.patterns, groups, strict=True)
    )
    # Most records are of the first form: whether one has any other is one question, not one each.
    either = "|".join(f"(?:{_GROUP.sub('(?:', pattern)})" for pattern in layout.patterns[1:])
    asked = f"regexp_matches(body, {_text(either)}, 's')" if others else "false"
    found = [first, *(f"CASE WHEN has_other THEN {other} END" for other in others)]
    listed = ", ".join(f"{value} AS s{at}" for at, value in enumerate(found))
    dropped = ", ".join(f"s{at}" for at in range(len(groups)))
    picked = [_first_group(name, groups) for name in names]
    sql = f"SELECT *, {listed} FROM (SELECT *, {asked} AS has_other FROM ({rows}))"
    return Fields(sql, picked, f"has_other, {dropped}")


def _list_fields(_layout: Layout, names: tuple[str, ...], rows: str) -> Fields:
    # Most lines hold no quote, and splitting costs a fifth of matching cells.
    cells = (
        "CASE WHEN contains(body, chr(9)) THEN string_split(body, chr(9)) "
        "WHEN NOT contains(body, '\"') THEN string_split(body, ',') "
        f"ELSE regexp_extract_all(body || ',', {_text(_CELL)}, 1) END"
    )
    unquoted = "CASE WHEN t[1] = '\"' THEN replace(trim(t, '\"'), '\"\"', '\"') ELSE t END"
    plain = f"list_transform(list_transform({cells}, lambda t: trim(t)), lambda t: {unquoted})"
    picked = [f"c[{int(name)}]" if name.isdecimal() else "NULL::VARCHAR" for name in names]
    return Fields(f"SELECT *, {plain} AS c FROM ({rows})", picked, "c")


def _first_group(name: str, groups: list[list[str]]) -> str:
    """The value of a named group in the first pattern that found it."""
    options = [f"nullif(s{at}.{quoted(name)}, '')" for at, own in enumerate(groups) if name in own]
    return f"coalesce({', '.join(options)})" if options else "NULL::VARCHAR"


def _keyed(layout: Layout, names: tuple[str, ...], rows: str) -> Fields:
    """Formats that write key and value: k, the keys as they come, and x, their values."""
    found = _KEYS[layout.format](layout, rows)
    return Fields(found, [f"x[list_position(k, {_text(name)})]" for name in names], "k, x")


def _pairs(layout: Layout, rows: str) -> str:
    if layout.pairs:
        pair = _text(layout.pairs)
        return (
            f"SELECT *, regexp_extract_all(body, {pair}, 1) AS k, "
            f"list_transform(regexp_extract_all(body, {pair}, 2), lambda t: trim(t, '\"')) AS x "
            f"FROM ({rows})"
        )
    # Once without groups and split after: half the work of matching twice with groups.
    return (
        "SELECT * EXCLUDE (p), list_transform(p, lambda t: t[:strpos(t, '=') - 1]) AS k, "
        "list_transform(p, lambda t: trim(t[strpos(t, '=') + 1:], '\"')) AS x "
        f"FROM (SELECT *, regexp_extract_all(body, {_text(_PAIR)}) AS p FROM ({rows}))"
    )


def _cef(_layout: Layout, rows: str) -> str:
    head = r"^(?:.*?CEF: ?)?\d+" + r"\|((?:[^|\\]|\\.)*)" * 6 + r"\|(.*)$"
    named = ["c1", "c2", "c3", "c4", "c5", "c6", "ext"]
    return (
        f"SELECT * EXCLUDE (h), [{_texts(spans.CEF_NAMES)}] || "
        f"regexp_extract_all(h.ext, {_text(_CEF_KEY)}, 1) AS k, "
        "list_transform([h.c1, h.c2, h.c3, h.c4, h.c5, h.c6] || "
        f"regexp_split_to_array(h.ext, {_text(_CEF_KEY)})[2:], "
        r"lambda t: regexp_replace(trim(t), '\\([\\=|])', '\1', 'g')) AS x "
        f"FROM (SELECT *, regexp_extract(body, {_text(head)}, [{_texts(named)}], 's') AS h "
        f"FROM ({rows}))"
    )


def _leef(_layout: Layout, rows: str) -> str:
    head = r"^.*?LEEF: ?[\d.]+" + r"\|([^|]*)" * 4 + r"\|(?:([^|=\s]{1,6})\|)?(.*)$"
    named = ["c1", "c2", "c3", "c4", "sep", "ext"]
    delimiter = (
        "CASE WHEN h.sep IN ('', 'x09', '0x09', '\\t') THEN chr(9) "
        "WHEN h.sep IN ('x5E', '0x5E') THEN '^' ELSE h.sep END"
    )
    return (
        f"SELECT * EXCLUDE (h, p), [{_texts(_LEEF_NAMES)}] || "
        "list_transform(p, lambda t: trim(split_part(t, '=', 1))) AS k, "
        "[h.c1, h.c2, h.c3, h.c4] || "
        "list_transform(p, lambda t: trim(t[strpos(t, '=') + 1:])) AS x "
        f"FROM (SELECT *, string_split(h.ext, {delimiter}) AS p "
        f"FROM (SELECT *, regexp_extract(body, {_text(head)}, [{_texts(named)}], 's') AS h "
        f"FROM ({rows})))"
    )


_FORMATS = {"pattern": _pattern_fields, "list": _list_fields}
_KEYS = {"pairs": _pairs, "cef": _cef, "leef": _leef}


def _place(layout: Layout, names: tuple[str, ...]) -> str:
    """Place of the first table whose conditions hold; the last takes what is left."""
    cases = []
    for place, table in enumerate(layout.tables):
        tests = []
        for name, values in table.when.items():
            value = f"lower(coalesce({_either(names, name)}, ''))"
            tests.append(f"{value} <> ''" if "*" in values else f"{value} IN ({_texts(values)})")
        tests += [
            f"regexp_matches(coalesce({_either(names, name)}, ''), {_text(pattern)})"
            for name, pattern in table.like.items()
        ]
        cases.append(f"WHEN {' AND '.join(tests) or 'true'} THEN {place}")
    return f"CASE {' '.join(cases)} END"


def _kept(layout: Layout | None) -> str:
    """A record that no mapping took needs a time at least."""
    return "true" if layout else "time IS NOT NULL"


def _places(placed: pa.Table, layout: Layout | None) -> list[int]:
    kept = placed if layout else placed.filter(pc.is_valid(placed["time"]))
    return sorted(pc.unique(kept["place"]).to_pylist())


def _timeless(con: duckdb.DuckDBPyConnection, name: str) -> list[Reject]:
    sql = (
        f"SELECT record_no, left(line, {_EXCERPT_LENGTH}) FROM {name} WHERE time IS NULL "
        "ORDER BY record_no"
    )
    return [Reject(n, UNKNOWN, text) for n, text in con.execute(sql).fetchall()]


def _note(file: InputFile, is_local: bool, lost: float) -> str:
    """What a reader must know of the file; `lost` is the share of times that could not be read."""
    encoding = detect(file.head)
    said = [] if encoding in ("utf-8", "utf-8-sig") else [f"read as {encoding}"]
    if is_local and not file.zone:
        said.append(f"{ZONELESS}, taken as UTC: {ZONE_HINT}")
    if lost >= LOST_SHARE:
        said.append(f"{TIMELESS}: name the field in [time] from, its form in [time] formats")
    return "; ".join(said)


def _collected(file: InputFile, layout: Layout) -> str:
    """SQL for what a collector says of when it took the record in; an empty text where the first
    records of the file name none."""
    names = _COLLECTED if layout.format == "json" else (*_COLLECTED, *_ENVELOPED)
    named = [n for n in names if f'"{n.rpartition(".")[2]}"'.encode() in file.head]
    paths = [path for n in named for path in (f'$."{n}"', *([f"$.{n}"] if "." in n else []))]
    found = f"list_filter(json_extract_string(json, [{_texts(paths)}]), lambda t: t IS NOT NULL)[1]"
    return found if paths else ""


def _arrivals(file: InputFile, layout: Layout | None) -> dict[str, str]:
    """What says when records were taken in, and their own time without that: SQL of each text and
    the name of its column."""
    if layout is None:
        return {}
    names = layout.fields()
    pairs = [
        _said_and_own(layout, table.columns["received"], names)
        for table in layout.tables
        if "received" in table.columns
    ]
    found = {text: _COLLECTOR for text in (_collected(file, layout),) if text}
    for place, (said, _own) in enumerate(pairs):
        found.setdefault(said, f"arrival{place}")
    for place, (_said, own) in enumerate(pairs):
        found.setdefault(own, f"{_OWN_TIME}{place}")
    return found


def _arrived(
    con: duckdb.DuckDBPyConnection, told: pa.Table, names: list[str]
) -> dict[str, pa.Array]:
    """For each of the columns its times in UTC (arrival0_at ...) and whether each text is a local
    one (arrival0_local ...); as for the records' own time, each distinct text once. Where nothing
    says when records were taken in, their own time is not asked."""
    if all(told[n].null_count == len(told) for n in names if not n.startswith(_OWN_TIME)):
        nothing = {
            "at": pa.nulls(len(told), pa.timestamp("us")),
            "local": pa.nulls(len(told), pa.bool_()),
        }
        return {f"{name}_{part}": nulls for name in names for part, nulls in nothing.items()}
    whole = pa.concat_arrays([told[name].combine_chunks() for name in names]).dictionary_encode()
    distinct = _beside(
        con,
        pa.table({"said": whole.dictionary}),
        "text_received(said) AS at, text_is_local(said) AS local",
    )
    found = distinct.take(whole.indices)
    return {
        f"{name}_{part}": found[part].slice(n * len(told), len(told))
        for n, name in enumerate(names)
        for part in ("at", "local")
    }


def _given(
    layout: Layout | None, table: Table | None, arrivals: Mapping[str, str]
) -> dict[str, str]:
    """The columns that one table of one mapping gets, and SQL for each; `arrivals` name the columns
    that say when records were taken in."""
    source = _text(layout.id if layout else "text")
    columns = {
        "record_no": "record_no",
        "time": "time",
        "source": source,
        "clock_id": f"{source} || coalesce(':' || lower(said_host), '')",
        "vantage": _text(layout.vantage) if layout else "NULL",
    }
    if table is None or table.name == REST:
        columns |= {
            "provider": "coalesce(app, said_host)" if layout is None else source,
            "type": "app",
            "fields": _WHOLE,
        }
    elif layout is not None and layout.is_kept:
        columns["unmapped"] = _WHOLE
    collected = "NULL"
    if _COLLECTOR in arrivals.values():
        # What only repeats the record's own time says nothing.
        collected = f"CASE WHEN NOT {_COLLECTOR}_local THEN nullif({_COLLECTOR}_at, time) END"
        columns["received"] = collected
    if layout is not None and table is not None:
        names = layout.fields()
        kinds = {column.name: column.type for column in tables()[table.name].columns}
        plain = {c: rule for c, rule in table.columns.items() if "." not in c}
        columns |= {c: _typed(c, kinds[c], rule, names) for c, rule in plain.items()}
        if "received" in plain:
            own = _received(layout, plain["received"], names, arrivals)
            columns["received"] = f"coalesce({own}, {collected})"
        for column in dict.fromkeys(c.partition(".")[0] for c in table.columns if "." in c):
            columns[column] = _packed(column, kinds[column], table.columns, names)
    return columns


_WHOLE = "left(coalesce(json::VARCHAR, json_object('message', line)), 65536)"


def _received(
    layout: Layout, rule: Column, names: tuple[str, ...], arrivals: Mapping[str, str]
) -> str:
    """When the record was taken in; NULL where that is all the time that it has. Of two times
    without a zone the difference counts, since both are of one clock."""
    said, own = (arrivals[text] for text in _said_and_own(layout, rule, names))
    return (
        f"CASE WHEN {own}_local IS NULL THEN NULL WHEN NOT {said}_local THEN {said}_at "
        f"WHEN {own}_local THEN time + ({said}_at - {own}_at) END"
    )


def _said_and_own(layout: Layout, rule: Column, names: tuple[str, ...]) -> tuple[str, str]:
    """SQL of the text that says when a record was taken in, and of its time without that."""
    others = tuple(f for f in layout.time.fields if f not in rule.fields)
    return _raw(rule, names), _raw(replace(layout.time, fields=others), names)


_OWN = {
    "client_ip": "text_ip", "server_ip": "text_ip", "sender_ip": "text_ip",
    "device": "text_device", "host_name": "text_device", "workstation": "text_device",
    "mac": "text_mac", "client_mac": "text_mac", "query": "text_name", "sni": "text_name",
    "server_name": "text_name", "host": "text_name", "transport": "text_transport",
    "query_type": "text_query_type", "rcode": "text_rcode", "md5": "lower", "sha1": "lower",
    "sha256": "lower", "from_address": "lower", "return_path": "lower", "reply_to": "lower",
    "key_path": "text_key", "to_addresses": "lower",
}  # fmt: skip


def _typed(column: str, kind: str, rule: Column, names: tuple[str, ...]) -> str:
    """A column's value as its column wants it."""
    value = _text(rule.value) if rule.value is not None else _raw(rule, names)
    if rule.each:
        return f"nullif(regexp_extract_all({value}, {_text(rule.each)}, 1), [])"
    if rule.pattern:
        value = f"nullif(regexp_extract({value}, {_text(rule.pattern)}, 1), '')"
    if rule.part == "plain":
        value = f"coalesce(TRY(url_decode({value})), {value})"
    elif rule.part == "dns_packet":
        value = f"text_packet_answers({value})"
    elif rule.part == "dns_records":
        value = f"text_record_answers({value})"
    elif rule.part:
        value = f"text_url({value}, {_text(rule.part)})"
    if rule.values:
        cases = " ".join(
            f"WHEN {_text(k)} THEN nullif({_text(v)}, '')" for k, v in rule.values.items()
        )
        other = f"nullif({_text(rule.other)}, '')" if rule.other is not None else value
        value = (
            f"CASE lower({value}) {cases} ELSE CASE WHEN {value} IS NOT NULL THEN {other} END END"
        )
    elif column == "disposition" and rule.value is None:
        value = f"text_disposition({value})"
    if column in _OWN:
        value = f"{_OWN[column]}({value})"
    if kind == "VARCHAR[]":
        return f"text_list({value}, {_text(rule.split or ',')})"
    if rule.scale is not None:
        value = f"TRY_CAST({value} AS DOUBLE) * {float(rule.scale)}"
    if kind == "TIMESTAMP":
        counted = f"make_timestamp(TRY_CAST(TRY_CAST({value} AS DOUBLE) * 1e6 AS BIGINT))"
        return f"coalesce(TRY_CAST({value} AS TIMESTAMP), {counted})"
    return value if kind == "VARCHAR" else f"TRY_CAST({value} AS {kind})"


def _packed(column: str, kind: str, rules: Mapping[str, Column], names: tuple[str, ...]) -> str:
    """A list of one structure whose members are mapped as `column.member`."""
    members = {
        name: _typed(name, of, rules[f"{column}.{name}"], names)
        if f"{column}.{name}" in rules
        else f"NULL::{of}"
        for name, of in _MEMBER.findall(kind)
    }
    packed = ", ".join(f"{quoted(name)} := {value}" for name, value in members.items())
    found = ", ".join(f"({value})::VARCHAR" for value in members.values())
    return f"CASE WHEN coalesce({found}) IS NOT NULL THEN [struct_pack({packed})] END"


def _raw(rule: Column, names: tuple[str, ...]) -> str:
    """The first alternative that is there, as text."""
    between = f" || {_text(rule.join)} || "
    options = [between.join(_value(names, part) for part in joined) for joined in rule.fields]
    return f"coalesce({', '.join(options)})" if options else "NULL::VARCHAR"


def _either(names: tuple[str, ...], name: str) -> str:
    return f"coalesce({', '.join(_value(names, one) for one in name.split('|'))})"


def _value(names: tuple[str, ...], name: str) -> str:
    return _HEADER.get(name) or f"f{names.index(name) + 1}"


def _paths(layout: Layout, name: str) -> list[str]:
    """Where a JSON field may lie: nested, or as one key with its dots as the header of a CSV has
    it; on top, or under one of the mapping's objects."""
    is_loose = layout.match.any_case
    spelt = _spellings(name, is_loose)
    places: list[tuple[list[str], list[str]]] = [(form, []) for form in spelt]
    # What lies inside is the product's own text, which no export spelled anew.
    places += [(spelt[0], root) for text in layout.under for root in _spellings(text, is_loose)]
    nested = [
        "$" + "".join(_key(part) if at == 0 else _step(part) for at, part in enumerate(root + form))
        for form, root in places
    ]
    flat = [f"${_key('.'.join((*root, *form)))}" for form, root in places if len(root + form) > 1]
    return list(dict.fromkeys((*nested, *flat)))


def _step(part: str) -> str:
    return f"[{part}]" if part.isdecimal() else _key(part)


def _key(text: str) -> str:
    return '."' + text.replace('"', "") + '"'


def _spellings(name: str, is_loose: bool) -> list[list[str]]:
    """Steps of a path; loosely, deviceName, DeviceName and device_name are the same field. Hive,
    Athena and their like write the outermost key in lower case."""
    parts = _STEP.findall(name)
    if not is_loose:
        return [parts]
    turned = [part[:1].swapcase() + part[1:] for part in parts]
    joined = [_BORDER.sub("_", part).lower() for part in parts]
    return [parts, turned, joined, [parts[0].lower(), *parts[1:]]]


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _texts(items: tuple[str, ...] | list[str]) -> str:
    return ", ".join(map(_text, items))
