"""Which mappings may take any of some texts: all are asked at once, by one automaton that passes
over each text once, and those that may are then asked in earnest. Asking each of a hundred in turn
cost more than all other reading.

The answer may name too many, never too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import re2

from kizashi.sources.mapping import Layout

_AUTOMATON_BYTES = 64 << 20
# Keys that a writer of JSON may have escaped are not looked for in its text.
_PLAIN_KEY = re.compile(r"[\w.@ ():#-]+", re.ASCII)


class Candidates(NamedTuple):
    """`needed` holds, for each mapping, the places in `patterns` of what its texts must hold."""

    patterns: re2.Set
    needed: dict[str, frozenset[int]]

    def of(self, texts: Iterable[str]) -> list[str]:
        """Ids of the mappings that may take at least one of the texts."""
        match = self.patterns.Match
        found = [frozenset(held) for held in {tuple(match(text) or ()) for text in texts}]
        return [name for name, needed in self.needed.items() if any(needed <= h for h in found)]


def candidates(layouts: Iterable[Layout]) -> Candidates:
    """Made once: the automaton grows as it sees texts."""
    options = re2.Options()
    options.max_mem = _AUTOMATON_BYTES
    options.log_errors = False
    patterns = re2.Set.SearchSet(options)
    places: dict[str, int] = {}
    needed: dict[str, frozenset[int]] = {}
    for layout in layouts:
        for pattern in _needed(layout):
            if pattern not in places:
                places[pattern] = patterns.Add(pattern)
        needed[layout.id] = frozenset(places[pattern] for pattern in _needed(layout))
    patterns.Compile()
    return Candidates(patterns, needed)


def _needed(layout: Layout) -> Iterator[str]:
    """What must stand in a record's line or its body."""
    match = layout.match
    yield from map(re2.escape, match.contains)
    if match.pattern:
        yield match.pattern
    for name in (*match.keys, *match.values):
        keys = [_last_step(one) for one in name.split("|")]
        if all(map(_PLAIN_KEY.fullmatch, keys)):
            yield "|".join(_spelt(key, match.any_case) for key in keys)


def _last_step(path: str) -> str:
    steps = [step for step in path.replace('"', "").split(".") if not step.isdecimal()]
    return steps[-1] if steps else ""


def _spelt(key: str, is_loose: bool) -> str:
    """deviceName, DeviceName and device_name are one where an export spelt keys anew."""
    if not is_loose:
        return str(re2.escape(key))
    return "(?i:" + "_?".join(map(re2.escape, key.replace("_", ""))) + ")"
