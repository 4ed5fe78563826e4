"""Errors that a user can act on, and what damaged archives raise. Anything else is a bug and shows
its traceback."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib

# What zipfile raised over 60,000 damaged archives of its four methods, from deep in its decoders: a
# wrong offset is a ValueError, a wrong lock or version a RuntimeError (NotImplementedError is one),
# a wrong name a UnicodeDecodeError (a ValueError). A cut extra field is a struct.error.
DAMAGED_ZIP = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError, RuntimeError,
    ValueError,
)  # fmt: skip


class KizashiError(Exception):
    """What went wrong, where, and the next step, in one line."""


class UsageError(KizashiError):
    """The command was called with something it cannot take; exit status 2."""
