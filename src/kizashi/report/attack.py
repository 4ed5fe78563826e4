"""ATT&CK as a reader knows it: technique names by id, and the tactics in the order of an attack."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

TACTICS = (
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
)


@cache
def _names() -> dict[str, str]:
    text = files(__package__).joinpath("techniques.toml").read_text("utf-8")
    return {key: str(name) for key, name in tomllib.loads(text).items()}


def technique_name(technique: str) -> str:
    """ATT&CK's name, `Phishing: Spearphishing Attachment` for a sub-technique; '' when unknown."""
    names = _names()
    own = names.get(technique, "")
    parent = names.get(technique.partition(".")[0], "") if "." in technique else ""
    return f"{parent}: {own}" if own and parent else own


def tactic_order(tactic: str) -> tuple[int, str]:
    """Sort key: the place in an attack; tactics of other matrices come last, by name."""
    known = TACTICS.index(tactic) if tactic in TACTICS else len(TACTICS)
    return known, tactic
