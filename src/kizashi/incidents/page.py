"""A page beside the incidents, such as egress: what it says, drawings and sheets, in no language
and for no medium. The report turns it into a terminal's lines, a section of HTML and JSON lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple


class Phrase(NamedTuple):
    """A text of the message files and what fills its places."""

    key: str
    values: Mapping[str, object] = {}


Cell = str | int | float | date | datetime | Phrase | None


class Bar(NamedTuple):
    """One step of a drawing: its place on the axis, its height, and the height that was usual."""

    at: datetime
    value: float | None  # None where nothing was logged
    usual: float | None = None
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """One row of bars over time. `top` is the height that fills the row; None: the highest bar."""

    name: str  # of one kind, such as share, for JSON
    title: Phrase
    about: str  # site or host; empty for all
    bars: tuple[Bar, ...]
    top: float | None = None
    is_share: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows under columns, which are keys of the message group `column`. `total` is how many rows
    there were before the cut."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int
    empty: Phrase


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `id` names its message group; `blind` is what could not be seen."""

    id: str
    lead: tuple[Phrase, ...] = ()
    blind: tuple[Phrase, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    sheets: tuple[Sheet, ...] = field(default=())
