"""Why a rule cannot run, and where in its file."""

from __future__ import annotations


class Unable(Exception):
    """A rule cannot run; the text says why. `keys` lead to the place in the document; `line` is
    given where it is known already, counted from 1."""

    def __init__(self, reason: str, keys: tuple[str | int, ...] = (), line: int = 0) -> None:
        super().__init__(reason)
        self.keys = keys
        self.line = line


class Unserved(Unable):
    """The rule is well, but no log that Kizashi reads is of its source."""
