"""Chains: signals tied by cause and time, told as one story.

A chain is a folder here: `chain.toml` names the stages it is made of, README.md says what it means,
cases.yaml what it must and must not tie. Linking (`linking.sql`, `links.toml`) knows no chain; a
chain names and orders what linking found.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from kizashi.errors import KizashiError


@dataclass(frozen=True, slots=True)
class ChainStage:
    """One stage: the detectors of which any one makes it, and whether the chain needs it."""

    stage: str
    detectors: tuple[str, ...]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """A named order of stages. `minimum` stages must be seen before it is told."""

    id: str
    folder: Traversable
    title: str
    title_ja: str
    minimum: int
    benign: str
    benign_ja: str
    stages: tuple[ChainStage, ...]

    @property
    def required(self) -> int:
        """Number of stages that it cannot do without."""
        return sum(stage.required for stage in self.stages)


def chains(folders: tuple[Traversable, ...] = ()) -> dict[str, Chain]:
    """Every chain by id: ours, then those in the given folders."""
    found = {}
    for root in (files(__package__), *folders):
        for entry in sorted(root.iterdir(), key=lambda e: e.name):
            if entry.is_dir() and entry.joinpath("chain.toml").is_file():
                found[entry.name] = load(entry)
    return found


def load(folder: Traversable) -> Chain:
    """The chain of one folder; KizashiError names the file and what it lacks."""
    path = folder.joinpath("chain.toml")
    try:
        said = tomllib.loads(path.read_text("utf-8"))
        stages = tuple(
            ChainStage(s["stage"], tuple(s["detectors"]), bool(s.get("required", False)))
            for s in said["stages"]
        )
        return Chain(
            folder.name,
            folder,
            said["title"],
            said["title_ja"],
            int(said["minimum"]),
            said["benign"],
            said["benign_ja"],
            stages,
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise KizashiError(f"{path}: not a chain: {error}. See docs/reference/chains.md") from error
