"""Why a rule cannot run."""

from __future__ import annotations


class Unable(Exception):
    """A rule cannot run; the text says why."""


class Unserved(Unable):
    """The rule is well, but no log that Kizashi reads is of its source."""
