"""ATT&CK as a reader knows it: technique names by id, and the tactics in the order of an attack."""

from __future__ import annotations

import re
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


_TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?", re.ASCII)
TACTIC_IDS = dict(
    zip(
        TACTICS,
        (
            "TA0043", "TA0042", "TA0001", "TA0002", "TA0003", "TA0004", "TA0005", "TA0006",
            "TA0007", "TA0008", "TA0009", "TA0011", "TA0010", "TA0040",
        ),
        strict=True,
    )
)  # fmt: skip


@cache
def _names() -> dict[str, str]:
    text = files(__package__).joinpath("techniques.toml").read_text("utf-8")
    return {key: str(name) for key, name in tomllib.loads(text).items()}


def is_technique(text: str) -> bool:
    """True for an id such as T1568 or T1568.002."""
    return _TECHNIQUE.fullmatch(text) is not None


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
