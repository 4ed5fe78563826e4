"""Rival stories: honest work that leaves the same traces, each told by evidence of its own.

A rival is a folder here: `rival.toml` names the behaviours that it can explain, `rival.sql` finds
the signals for which its evidence is there, README.md says what an attacker would need to look like
it, cases.yaml shows both. A group that one rival explains whole ranks below medium; a group with
anything left over keeps its weight.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import duckdb

from kizashi.errors import KizashiError


@dataclass(frozen=True, slots=True)
class Rival:
    """One honest story. `story` may name {thing}, {hosts} and {days}."""

    id: str
    folder: Traversable
    title: str
    title_ja: str
    story: str
    story_ja: str
    families: tuple[str, ...]
    settings: Mapping[str, Any]


class Explained(NamedTuple):
    """Why one signal is likely the rival's: what did it, on how many other hosts and days."""

    thing: str
    hosts: int
    days: int


Explanations = Mapping[str, Mapping[str, Explained]]


@cache
def rivals() -> Mapping[str, Rival]:
    """Every rival by id."""
    found = sorted(files(__package__).iterdir(), key=lambda e: e.name)
    return {e.name: load(e) for e in found if e.joinpath("rival.toml").is_file()}


def load(folder: Traversable) -> Rival:
    """The rival of one folder; KizashiError names the file and what it lacks."""
    path = folder.joinpath("rival.toml")
    try:
        said = tomllib.loads(path.read_text("utf-8"))
        return Rival(
            folder.name,
            folder,
            said["title"],
            said["title_ja"],
            said["story"],
            said["story_ja"],
            tuple(said["families"]),
            {name: setting["default"] for name, setting in said["settings"].items()},
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise KizashiError(f"{path}: not a rival story: {error!r}") from error


def match(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Explained]]:
    """By rival and signal, the evidence that the rival did it; over the signals there are."""
    con.execute(files(__package__).joinpath("acting.sql").read_text("utf-8"))
    found = {}
    for name, rival in rivals().items():
        for setting, value in {"families": list(rival.families), **rival.settings}.items():
            con.execute(f"SET VARIABLE {setting} = {_literal(value)}")
        rows = con.execute(rival.folder.joinpath("rival.sql").read_text("utf-8")).fetchall()
        found[name] = {row[0]: Explained(*row[1:]) for row in rows}
    return found


def _literal(value: object) -> str:
    """A setting as SQL."""
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


class Honest(NamedTuple):
    """The rival that explains a whole group."""

    id: str
    story: str
    story_ja: str


def explain(members: Collection[str], explanations: Explanations) -> Honest | None:
    """The rival that explains each of these signals, the one with most evidence; None where each
    leaves something over."""
    fits = {n: own for n, own in explanations.items() if all(i in own for i in members)}
    if not fits:
        return None
    weight = {n: max(own[i][1:] for i in members) for n, own in fits.items()}
    name = max(fits, key=lambda n: (weight[n], n))
    best = max((fits[name][i] for i in members), key=lambda e: (e.hosts, e.days, e.thing))
    rival = rivals()[name]
    said = best._asdict()
    return Honest(name, rival.story.format(**said), rival.story_ja.format(**said))
