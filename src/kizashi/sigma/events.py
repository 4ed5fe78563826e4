"""Events as Sigma sees them: fields by their raw names, gathered by channel and event id.

Windows records are read as their files hold them, since rules name fields that no table of ours
keeps: EVTX, the evtx library's JSON, Winlogbeat, and flat JSON (OTRF, NXLog).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

GROUP_ROWS = 30_000


class Place(NamedTuple):
    """Where an event stands."""

    file: str
    line: int


@dataclass(slots=True)
class Group:
    """Events of one channel and event id: where they stand, and each event's fields."""

    channel: str  # lower case
    event_id: int
    places: list[Place] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


class Gathering:
    """Windows events of many files, so that rules look at many small files at once."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, int], Group] = {}
        self._rows = 0
        self.read = 0  # events so far

    def add(self, label: str, texts: Iterable[tuple[int, str]]) -> Iterator[list[Group]]:
        """Take a file's records, numbered JSON texts; gives what is gathered when it is much."""
        for number, line in texts:
            self._put(Place(label, number), line)
            if self._rows >= GROUP_ROWS:
                yield self.rest()

    def rest(self) -> list[Group]:
        """What is gathered and was not given yet."""
        groups = list(self._groups.values())
        self._groups, self._rows = {}, 0
        return groups

    def _put(self, place: Place, line: str) -> None:
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            return
        if not isinstance(record, dict):
            return
        fields = flattened(record)
        channel = str(fields.get("Channel") or "").lower()
        try:
            event_id = int(fields.get("EventID") or 0)
        except (TypeError, ValueError):
            event_id = 0
        group = self._groups.get((channel, event_id))
        if group is None:
            group = self._groups[channel, event_id] = Group(channel, event_id)
        group.places.append(place)
        group.rows.append(fields)
        self._rows += 1
        self.read += 1


def flattened(record: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by their own names, whatever the record's form."""
    event = record.get("Event")
    if isinstance(event, dict):
        return _evtx(event)
    winlog = record.get("winlog")
    if isinstance(winlog, dict):
        return _winlogbeat(winlog, record)
    data = record.get("event_data")
    if isinstance(data, dict) and "log_name" in record:
        return {
            **data,
            "EventID": record.get("event_id"),
            "Channel": record.get("log_name"),
            "Provider_Name": record.get("source_name"),
            "Computer": record.get("computer_name"),
        }
    fields = dict(record)
    fields.setdefault("Channel", record.get("EventLog") or record.get("log_name"))
    fields.setdefault("Provider_Name", record.get("SourceName") or record.get("Provider"))
    fields.setdefault("Computer", record.get("Hostname"))
    return fields


def _evtx(event: Mapping[str, Any]) -> dict[str, Any]:
    system = _mapping(event.get("System"))
    fields: dict[str, Any] = {}
    for part in ("EventData", "UserData"):
        _into(fields, _mapping(event.get(part)))
    number = system.get("EventID")
    fields["EventID"] = number.get("#text") if isinstance(number, dict) else number
    fields["Channel"] = system.get("Channel")
    fields["Computer"] = system.get("Computer")
    fields["Provider_Name"] = _attributes(system.get("Provider")).get("Name")
    fields["TimeCreated"] = _attributes(system.get("TimeCreated")).get("SystemTime")
    fields["Level"] = system.get("Level")
    fields["Task"] = system.get("Task")
    return fields


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _attributes(value: object) -> dict[str, Any]:
    return _mapping(_mapping(value).get("#attributes"))


def _into(fields: dict[str, Any], said: Mapping[str, Any]) -> None:
    for name, value in said.items():
        if name in ("#attributes", "xmlns"):
            continue
        if isinstance(value, dict):
            text = value.get("#text")
            if text is not None:
                fields[name] = text if not isinstance(text, list) else "\n".join(map(str, text))
            else:
                _into(fields, value)
        elif isinstance(value, list):
            fields[name] = "\n".join(map(str, value))
        else:
            fields[name] = value


def _winlogbeat(winlog: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for part in ("event_data", "user_data"):
        _into(fields, _mapping(winlog.get(part)))
    fields["EventID"] = winlog.get("event_id")
    fields["Channel"] = winlog.get("channel")
    fields["Provider_Name"] = winlog.get("provider_name")
    fields["Computer"] = winlog.get("computer_name")
    fields["TimeCreated"] = winlog.get("time_created") or record.get("@timestamp")
    if record.get("message"):
        fields.setdefault("Message", record["message"])
    return fields
