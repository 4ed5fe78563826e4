"""Which table takes which event, as the comments that open each `<table>.sql` say."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from kizashi.schema import tables
from kizashi.sources import table_sql

REST = "other_activity"
# Sysmon for Linux writes the same events.
_ALSO = {"Microsoft-Windows-Sysmon/Operational": "Linux-Sysmon/Operational"}
_TAKES = re.compile(r"^-- ([^:\n]+): ([\d, ]+)$", re.MULTILINE)


@cache
def own_tables() -> dict[str, str]:
    """SQL of every table that this source fills."""
    names = (entry.name.removesuffix(".sql") for entry in files(__package__).iterdir())
    return {name: table_sql("windows", name) for name in sorted(names) if name in tables()}


@cache
def takes() -> dict[tuple[str, int], str]:
    """Table by channel and event id; every other event goes to REST."""
    return {
        (name, int(event_id)): table
        for table, sql in own_tables().items()
        for channel, event_ids in _TAKES.findall(sql)
        for event_id in event_ids.split(",")
        for name in (channel, _ALSO.get(channel, channel))
    }
