"""Sigma's log sources as views of our tables: which rows, and what each field is called there."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
import orjson

from kizashi.schema import quoted
from kizashi.sigma import records
from kizashi.sigma.events import GROUP_ROWS, Group, Place

TABLE = "table:"
UNIX = ("linux", "macos")
# Where and when a row stands; a view that has it elsewhere says so.
_PLACED = {"file_id": "file_id", "record_no": "record_no", "time": "time", "host_id": "host_id"}
_ROOTED = "coalesce(starts_with(image, '/'), FALSE)"


@dataclass(frozen=True, slots=True)
class View:
    """A log source over one table: the condition of its rows, its fields and where a row stands."""

    name: str
    table: str
    where: str
    fields: Mapping[str, str]
    links: Mapping[str, str]
    placed: Mapping[str, str]

    def expression(self, field: str) -> str | None:
        """SQL of a field, under whichever case; None where the table has none such."""
        if field in self.fields:
            return self.fields[field]
        return next((v for k, v in self.fields.items() if k.lower() == field.lower()), None)


def channels(product: str | None, category: str | None, service: str | None) -> tuple[str, ...]:
    """The views and records that hold a log source, as rules and groups name them."""
    said = _said()
    name = said["zeek"].get(service or "", "") if product == "zeek" else category
    if not product and not category:
        name = said["service"].get(service or "", "")
    if name not in said["view"]:
        return records.channels(product, category, service)
    system = "unix" if product in UNIX else product if product in ("windows", "zeek") else ""
    return (f"{TABLE}{name}.{system}".rstrip("."),)


def is_ours(channel: str) -> bool:
    """Rows of a lake rather than events as a file holds them."""
    return channel.startswith((TABLE, records.RECORD))


def origin(channel: str) -> str:
    """Where a channel's events come from, in a few words."""
    if channel.startswith(records.RECORD):
        return f"records of {', '.join(records.sources(channel))}"
    return view(channel).table if channel.startswith(TABLE) else channel


@cache
def has(channel: str, field: str) -> bool:
    """Whether a channel's events may hold a field: a table by its columns, all else whatever it is.
    A signal holds what its detector adds."""
    if not channel.startswith(TABLE) or channel == f"{TABLE}signal":
        return True
    return view(channel).expression(field) is not None


@cache
def view(channel: str) -> View:
    """The view that a channel names."""
    name, _dot, system = channel.removeprefix(TABLE).partition(".")
    said = _said()
    own = dict(said["view"][name])
    table = own.pop("from")
    where = own.pop("where", "TRUE")
    if system == "zeek":
        where += " AND starts_with(source, 'zeek')"
    elif system and "Image" in said["fields"][table]:
        # Programs of Unix live below /, those of Windows do not, and no rule is for both.
        where += f" AND {_ROOTED}" if system == "unix" else f" AND NOT {_ROOTED}"
    fields, links = said["fields"][table], said["links"][table]
    return View(channel, table, where, fields, links, {**_PLACED, **own})


@cache
def _said() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("tables.toml").read_text("utf-8"))


def table_events(
    con: duckdb.DuckDBPyConnection, label: Callable[[int], str], wanted: Collection[str]
) -> Iterator[Group]:
    """Rows of the views and records `wanted` under Sigma's names, some tens of thousands at a time.
    `label` names a file by its id."""
    for channel in sorted(wanted):
        if channel.startswith(records.RECORD):
            yield from records.record_events(con, label, channel)
            continue
        source = view(channel)
        columns = ", ".join(
            f"{value} AS {quoted(name)}"
            for name, value in {**source.fields, **source.placed}.items()
        )
        found = con.execute(f"SELECT {columns} FROM {source.table} WHERE {source.where}")
        names = [column[0] for column in found.description or []]
        while rows := found.fetchmany(GROUP_ROWS):
            group = Group(channel, 0)
            for row in rows:
                fields = dict(zip(names, row, strict=True))
                file = label(int(fields.pop("file_id")))
                group.places.append(Place(file, int(fields.pop("record_no"))))
                if "details" in fields:
                    fields = {**orjson.loads(fields.pop("details")), **fields}
                group.rows.append(fields)
            yield group
