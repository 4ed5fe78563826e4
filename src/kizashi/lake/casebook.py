"""The life of incidents: ids that stay, states, notes, verdicts and exceptions.

An incident keeps its id while it shares signals with what was told before: it grows, takes another
one in, or falls apart, and its history says so. A verdict changes the weight of what is like it.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from kizashi.errors import UsageError
from kizashi.incidents import Incident, Stage
from kizashi.lake.manifest import Manifest

# Two logs time the beginning of one behaviour so far apart at most.
SAME_TIME = timedelta(minutes=5)
STATES = ("new", "in work", "true", "benign", "unsure")
FIELDS = ("host_id", "image", "parent_image", "destination")
# An exception that names fewer things beside its detector would hide a host, or a name, whole.
FEWEST_FIELDS = 2


@dataclass(frozen=True, slots=True)
class Case:
    """One incident as people know it."""

    incident_id: str
    state: str
    assignee: str
    merged_into: str | None
    told: dict[str, object]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an incident's history."""

    at: str
    what: str
    said: str


@dataclass(frozen=True, slots=True)
class Exemption:
    """A tuple of things that together are known and wanted, until a day."""

    number: int
    detector: str
    host_id: str | None
    image: str | None
    parent_image: str | None
    destination: str | None
    owner: str
    reason: str
    until: str

    @property
    def values(self) -> dict[str, str]:
        """The things that it names beside the detector."""
        said = {name: getattr(self, name) for name in FIELDS}
        return {name: value for name, value in said.items() if value}


class _Lost(NamedTuple):
    """One stage of an incident whose signals are told no longer."""

    incident_id: str
    detector: str
    host: str
    time: datetime

    def is_told_by(self, stages: Iterable[Stage]) -> bool:
        """True where one of these is the same behaviour of the same machine at the same time."""
        return any(
            stage.detector == self.detector
            and stage.entity.partition(" ")[0] == self.host
            and stage.time - SAME_TIME <= self.time <= (stage.last_time or stage.time) + SAME_TIME
            for stage in stages
        )


def _stages(case: Case) -> list[dict[str, Any]]:
    told: Any = case.told.get("stages") or []
    return list(told)


class Casebook:
    """Reads and writes the cases of one lake; close it."""

    def __init__(self, lake: Path) -> None:
        with closing(Manifest(lake)) as manifest:
            path = manifest.path
        self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._db.executescript(files(__package__).joinpath("casebook.sql").read_text("utf-8"))

    def close(self) -> None:
        self._db.close()

    def cases(self) -> list[Case]:
        """Every case, by id."""
        rows = self._db.execute(
            "SELECT incident_id, state, assignee, merged_into, told FROM incident_case ORDER BY 1"
        )
        return [
            Case(name, state, assignee, into, json.loads(told))
            for name, state, assignee, into, told in rows.fetchall()
        ]

    def case(self, incident_id: str) -> Case:
        """One case, by its id or the beginning of it; UsageError when there is not one."""
        found = [c for c in self.cases() if c.incident_id.startswith(incident_id)]
        if len(found) != 1:
            raise UsageError(
                f"{incident_id!r}: {len(found)} incidents begin so. See: kizashi incidents list"
            )
        return found[0]

    def history(self, incident_id: str) -> list[Entry]:
        """What happened to an incident, oldest first."""
        rows = self._db.execute(
            "SELECT at, what, said FROM case_entry WHERE incident_id = ? ORDER BY rowid",
            (incident_id,),
        )
        return [Entry(*row) for row in rows.fetchall()]

    def follow(self, incidents: Sequence[Incident]) -> tuple[Incident, ...]:
        """The incidents under the ids by which they are known, with state and assignee; what
        became of each is written down."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            known = self._known()
            alive = {known.get(t.signal_id) for i in incidents for t in i.traces}
            lost = self._lost(alive)
            taken: set[str] = set()
            followed = [self._one(incident, known, lost, taken) for incident in incidents]
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        return tuple(followed)

    def _known(self) -> dict[str, str]:
        rows = self._db.execute("SELECT signal_id, incident_id FROM case_signal").fetchall()
        return dict(rows)

    def _lost(self, alive: Collection[str | None]) -> list[_Lost]:
        """What incidents told of which no signal is told now: another log of the same thing gives
        its signals other ids, and then only behaviour, machine and time are the same."""
        return [
            _Lost(
                case.incident_id,
                str(stage["detector"]),
                str(stage["entity"]).partition(" ")[0],
                datetime.fromisoformat(str(stage["time"])),
            )
            for case in self.cases()
            if case.merged_into is None and case.incident_id not in alive
            for stage in _stages(case)
        ]

    def _one(
        self,
        incident: Incident,
        known: dict[str, str],
        lost: list[_Lost],
        taken: set[str],
    ) -> Incident:
        shared = Counter(known[t.signal_id] for t in incident.traces if t.signal_id in known)
        seen = Counter(one.incident_id for one in lost if one.is_told_by(incident.stages))
        ranked = sorted({*shared, *seen}, key=lambda name: (-shared[name], -seen[name], name))
        free = [name for name in ranked if name not in taken]
        own = free[0] if free else incident.id
        while own in taken:
            own = sha256(own.encode()).hexdigest()[:12]
        taken.add(own)
        fresh = self._begin(own)
        if fresh:
            self._write(own, "told", incident.title)
        for other in free[1:]:
            self._merge(other, own, taken)
        if fresh and ranked:
            self._write(own, "split", f"from {ranked[0]}")
        added = [t for t in incident.traces if known.get(t.signal_id) != own]
        if added and not fresh:
            self._write(own, "grew", f"{len(added)} signals more")
        self._db.executemany(
            "INSERT OR REPLACE INTO case_signal VALUES (?, ?, ?)",
            [(t.signal_id, own, t.likeness) for t in added],
        )
        state, assignee = self._db.execute(
            "SELECT state, assignee FROM incident_case WHERE incident_id = ?", (own,)
        ).fetchone()
        told = replace(incident, id=own, state=state, assignee=assignee)
        text = json.dumps(asdict(told), ensure_ascii=False, default=str)
        self._db.execute(
            "UPDATE incident_case SET told = ? WHERE incident_id = ?",
            (text.encode("utf-8", "replace").decode("utf-8"), own),
        )
        return told

    def _begin(self, incident_id: str) -> bool:
        made = self._db.execute(
            "INSERT OR IGNORE INTO incident_case (incident_id) VALUES (?)", (incident_id,)
        )
        return made.rowcount > 0

    def _merge(self, other: str, into: str, taken: set[str]) -> None:
        taken.add(other)
        self._db.execute(
            "UPDATE incident_case SET merged_into = ? WHERE incident_id = ?", (into, other)
        )
        self._db.execute(
            "UPDATE case_signal SET incident_id = ? WHERE incident_id = ?", (into, other)
        )
        self._write(other, "merged", f"into {into}")
        self._write(into, "merged", f"took in {other}")

    def _write(self, incident_id: str, what: str, said: str) -> None:
        plain = said.encode("utf-8", "replace").decode("utf-8")
        self._db.execute(
            "INSERT INTO case_entry (incident_id, what, said) VALUES (?, ?, ?)",
            (incident_id, what, plain[:2_000]),
        )

    def set_state(self, incident_id: str, state: str) -> int:
        """A person's verdict; the number of kinds of signal that it is about."""
        if state not in STATES:
            raise UsageError(f"{state!r}: no state. One of {', '.join(STATES)}")
        self._db.execute(
            "UPDATE incident_case SET state = ? WHERE incident_id = ?", (state, incident_id)
        )
        self._write(incident_id, "state", state)
        asked = "SELECT count(DISTINCT likeness) FROM case_signal WHERE incident_id = ?"
        ((count,),) = self._db.execute(asked, (incident_id,)).fetchall()
        return int(count)

    def assign(self, incident_id: str, assignee: str) -> None:
        """Who works on it."""
        self._db.execute(
            "UPDATE incident_case SET assignee = ? WHERE incident_id = ?", (assignee, incident_id)
        )
        self._write(incident_id, "assignee", assignee)

    def note(self, incident_id: str, text: str) -> None:
        """A person's note."""
        self._write(incident_id, "note", text)

    def verdicts(self, incident_id: str | None = None) -> dict[str, tuple[int, int]]:
        """For each likeness, of one incident or of all, how many incidents that show it were judged
        true, and benign."""
        rows = self._db.execute(
            "SELECT likeness, count(DISTINCT incident_id) FILTER (WHERE state = 'true'), "
            "count(DISTINCT incident_id) FILTER (WHERE state = 'benign') "
            "FROM case_signal JOIN incident_case USING (incident_id) "
            "WHERE state IN ('true', 'benign') AND likeness != '' "
            "AND (?1 IS NULL OR likeness IN "
            "(SELECT likeness FROM case_signal WHERE incident_id = ?1)) "
            "GROUP BY likeness ORDER BY likeness",
            (incident_id,),
        )
        return {likeness: (true, benign) for likeness, true, benign in rows.fetchall()}

    def exempt(
        self,
        detector: str,
        values: dict[str, str],
        owner: str,
        reason: str,
        until: date,
    ) -> int:
        """A new exception; UsageError for one that names too little."""
        named = {name: value for name, value in values.items() if name in FIELDS and value}
        if len(named) < FEWEST_FIELDS:
            raise UsageError(
                f"an exception names at least {FEWEST_FIELDS} of {', '.join(FIELDS)} beside its "
                f"detector; {detector} gives {', '.join(named) or 'none'}"
            )
        if not owner or not reason:
            raise UsageError("an exception needs an owner and a reason")
        made = self._db.execute(
            "INSERT INTO exception (detector, host_id, image, parent_image, destination, owner, "
            "reason, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (detector, *(named.get(name) for name in FIELDS), owner, reason, until.isoformat()),
        )
        return int(made.lastrowid or 0)

    def exemptions(self) -> list[Exemption]:
        """Every exception, ended ones too."""
        rows = self._db.execute(
            "SELECT exception_id, detector, host_id, image, parent_image, destination, owner, "
            "reason, until FROM exception ORDER BY exception_id"
        )
        return [Exemption(*row) for row in rows.fetchall()]

    def end(self, number: int) -> None:
        """Take an exception back."""
        if not self._db.execute("DELETE FROM exception WHERE exception_id = ?", (number,)).rowcount:
            raise UsageError(f"no exception {number}. See: kizashi incidents exceptions")
