"""The child process: reads files from its input, one after the other, and answers each with a line.

Memory, time and files are limited before the first byte of a file is read. What no limit catches
ends the process, and the parent starts another.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import BinaryIO

from kizashi.attachments import judge

MEMORY_BYTES = 192 * 1024 * 1024
ITEM_SECONDS = 1.0  # of one file; an office document takes milliseconds


class _OutOfTimeError(BaseException):
    """The file took too long; no handler of a parser may swallow it."""


def serve() -> None:
    """Answer until the input ends."""
    _limit()
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while (sizes := _exactly(source, 8)) is not None:
        title = _exactly(source, int.from_bytes(sizes[:4], "big"))
        content = _exactly(source, int.from_bytes(sizes[4:], "big"))
        if title is None or content is None:
            return
        said = _answer(title.decode("utf-8", "surrogatepass"), content)
        target.write(json.dumps(said).encode("ascii") + b"\n")
        target.flush()


def _answer(name: str, content: bytes) -> dict[str, object]:
    found = judge.Found()
    opened = True
    try:
        with _timed():
            judge.look(name, content, found)
    except (_OutOfTimeError, MemoryError, RecursionError):
        opened = False
    return {
        "findings": list(found.findings),
        "members": list(found.members),
        "opened": opened and not found.cut,
        "seen_bytes": judge.MOST_OPENED_BYTES - found.room,
    }


def _exactly(source: BinaryIO, size: int) -> bytes | None:
    content = source.read(size)
    return content if len(content) == size else None


def _limit() -> None:
    with contextlib.suppress(ImportError):  # Windows has no such limits; the parent's clock holds
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))


@contextlib.contextmanager
def _timed() -> Iterator[None]:
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _OutOfTimeError

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, ITEM_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
