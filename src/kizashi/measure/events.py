"""What the emulated machines and sensors record: events in the words of our own tables.

Activities tell the recorder what happens; writers turn its events into raw logs or table rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kizashi.measure.organisation import Host

Value = None | str | int | float | bool | datetime | Sequence[object]
UPSTREAM_RESOLVER = "203.0.113.53"
CONTROL_ADDRESS = "203.0.113.77"
# Servers of emulated attackers: no ordinary name resolves to one.
CONTROL_ADDRESSES = frozenset(f"203.0.113.{last}" for last in range(62, 98))
SYSTEM = "NT AUTHORITY\\SYSTEM"


@dataclass(frozen=True, slots=True)
class Event:
    """One record of one observer. `values` are columns of `table`, `extra` is for the raw log."""

    table: str
    source: str
    time: datetime
    site: str
    vantage: str
    device: str | None
    client_ip: str | None
    values: Mapping[str, Value]
    extra: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Process:
    """A running program on a host."""

    host: Host
    guid: str
    pid: int
    image: str
    command_line: str
    user: str
    logon_id: str

    @property
    def file_name(self) -> str:
        return self.image.rsplit("\\", 1)[-1].lower()


def digest(text: str, length: int) -> str:
    """A stable hexadecimal stand-in for a hash of something that does not exist."""
    return hashlib.sha512(text.encode()).hexdigest()[:length]


def address_of(name: str) -> str:
    """The outside address of a name; the control server's address is never given away."""
    last = 100 + int(digest(name, 6), 16) % 140
    return f"203.0.113.{last}"


def address6_of(name: str) -> str:
    return f"2001:db8:{digest(name, 3)}::{int(digest(name, 8)[4:], 16) % 4096 + 1:x}"


def logon_id(host: Host, user: str) -> str:
    """The session of an account on a machine, as Windows writes it."""
    return (
        "0x3e7" if user == SYSTEM else f"0x{0x40000 + int(digest(f'{user}/{host.name}', 4), 16):x}"
    )


def seconds(count: float) -> timedelta:
    return timedelta(seconds=round(count, 6))


def ordered(events: Sequence[Event]) -> list[Event]:
    """Events by time; those of one moment keep the order in which they were recorded."""
    return sorted(events, key=lambda event: event.time)
