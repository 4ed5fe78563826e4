"""Incidents: ranked chains, or single weighty signals, that a person looks at. The one shape that
report, export and web are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from kizashi.incidents.page import Page

SEVERITIES = ("low", "medium", "high", "critical")
LINKED = "linked_signals"  # the `chain` of signals that are tied, but in no order that has a name


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a record stands: file relative to the given root, and line or EventRecordID."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One signal inside an incident. `stage` is an ATT&CK tactic, such as execution."""

    stage: str
    time: datetime
    detector: str
    techniques: tuple[str, ...]
    entity: str
    summary: str
    summary_ja: str
    evidence: tuple[Evidence, ...]
    inferred: bool = False  # tied by inference, not by a logged fact
    link: str = ""  # why it belongs to the stage before it
    link_ja: str = ""
    tied_to: int | None = None  # position of that stage before it
    times: int = 1  # how often its detector said the same of the same thing
    last_time: datetime | None = None  # when it last did, where more than once
    shift_s: float = 0.0  # seconds by which `time` is later than the record itself says
    beats: tuple[datetime, ...] = ()  # when a rhythm was heard, for a drawing
    siblings: tuple[str, ...] = ()  # other names of the same set, to be blocked with it
    other_hosts: tuple[str, ...] = ()  # that asked for names of the set, too


@dataclass(frozen=True, slots=True)
class Missing:
    """A stage that the chain lacks. `reason` is no_such_log, log_present_nothing_there or
    outside_log_time."""

    stage: str
    reason: str
    text: str
    text_ja: str


class Asset(NamedTuple):
    """A machine that somebody answers for. `criticality` is 1 (low) to 5, 0 where nobody said;
    it ranks and never detects. `site` is empty where the name is the only one."""

    host: str  # name in lower case, or address
    owner: str = ""
    criticality: int = 0
    site: str = ""


class Trace(NamedTuple):
    """One signal of an incident, and what another like it would share."""

    signal_id: str
    likeness: str


@dataclass(frozen=True, slots=True)
class Incident:
    """Who, when, the stages in order, what is missing and why, and how sure we are."""

    id: str
    rank: int
    score: float  # minus log10 of how often such a thing happens by chance per host-day
    severity: str  # low, medium, high, critical
    chain: str  # chain id, or detector id for a single signal
    title: str
    title_ja: str
    site: str
    hosts: tuple[str, ...]
    users: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    techniques: tuple[str, ...]
    destinations: tuple[str, ...]
    stages: tuple[Stage, ...]
    missing: tuple[Missing, ...] = ()
    benign_story: str = ""  # likeliest honest explanation
    benign_story_ja: str = ""
    rival: str = ""  # the rival story with evidence of its own, which lowers the score
    chance: str = ""  # the score in words
    chance_ja: str = ""
    new: bool = True  # not in the last hunt of this lake
    state: str = "new"  # new, in work, true, benign, unsure
    assignee: str = ""  # who works on it
    traces: tuple[Trace, ...] = ()  # its signals
    owners: tuple[str, ...] = ()  # who answers for the hosts
    criticality: int = 0  # the highest of the hosts'


@dataclass(frozen=True, slots=True)
class Blind:
    """Something that could not be looked at: a detector without its table, a stopped source."""

    subject: str  # detector or source id
    text: str
    text_ja: str


class Note(NamedTuple):
    """A remark on the hunt as a whole, one line: clocks, signals told nowhere and the like."""

    text: str
    text_ja: str


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """One source of a hunt: what was read and over which time."""

    source: str
    files: int
    read: int
    stored: int
    rejected: int
    duplicate: int
    first_seen: datetime | None
    last_seen: datetime | None
    # Seconds from what records tell of to their arrival, the median; None where nothing says it.
    # `lag_by` is "record", or "file": at most so long, by the time a growing file was written.
    lag_s: float | None = None
    lag_by: str = ""


@dataclass(frozen=True, slots=True)
class PackHunt:
    """One hunt of a pack, and what came of it. `state` is fired, lead (found, but evidence that
    never alerts), nothing or blind (no log that could show it)."""

    pack: str
    hunt: str
    title: str
    title_ja: str
    grade: str  # of the evidence behind it, A to D
    sources: tuple[str, ...]
    about: str
    about_ja: str
    state: str
    records: int = 0  # signals, chains or records found
    hosts: tuple[str, ...] = ()
    incidents: tuple[int, ...] = ()  # ranks of those that it stands in
    first_seen: datetime | None = None  # of what was found
    last_seen: datetime | None = None
    first_looked: datetime | None = None  # the time that the logs it reads cover
    last_looked: datetime | None = None
    lacking: tuple[str, ...] = ()  # tables and columns that no log here fills
    evidence: tuple[Evidence, ...] = ()
    past: tuple[Note, ...] = ()  # what the kept history shows, its events gone


@dataclass(frozen=True, slots=True)
class HuntResult:
    """All that one hunt found, in rank order, and what it could not see."""

    incidents: tuple[Incident, ...]
    blind: tuple[Blind, ...] = ()
    sources: tuple[SourceHealth, ...] = ()
    notes: tuple[Note, ...] = ()
    warnings: tuple[Note, ...] = ()  # to be read before the list: sources to trust less
    host_days: float = 0.0
    scores: tuple[float, ...] = ()  # of every group of signals, told or not, ascending
    site_zones: dict[str, str] = field(default_factory=dict)  # site -> IANA zone
    pack_hunts: tuple[PackHunt, ...] = ()  # of the packs that were asked for
    pages: tuple[Page, ...] = ()  # on how the network is used, where they were asked for
