"""What a file that a stranger sent holds, told without running it.

Files are taken apart in a child process with little memory, little time, no way to write and no
open files but its pipes: whatever a crafted file does to a parser ends there. `look` returns what
was found as `finding: file name`, and the names inside archives; `opened` is false where a limit
came first.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import select
import subprocess
import sys
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

ANSWER_SECONDS = 10.0  # the child ends its own look after one; a busy machine is slow to answer
FILE_BYTES = 30 * 1024 * 1024  # larger ones are named but not opened
MOST_FINDINGS = 20
MOST_MEMBERS = 100
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    "from kizashi.attachments.child import serve; serve()"
)


class Look(NamedTuple):
    """What one file holds."""

    findings: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    opened: bool = True  # False when a limit, or the file, ended the child's look
    seen_bytes: int = 0  # what was looked at, unpacked


def look(name: str | None, content: bytes | memoryview) -> Look:
    """Findings and members of one attached file."""
    if len(content) > FILE_BYTES:
        return Look(opened=False)
    return _remembered(name or "", sha256(content).digest(), _Content(content))


class _Content:
    """Bytes that do not count as a key: their digest does."""

    def __init__(self, content: bytes | memoryview) -> None:
        self.content = content

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content)


# A campaign sends one file to many.
@lru_cache(maxsize=256)
def _remembered(name: str, digest: bytes, content: _Content) -> Look:
    found = _child().ask(name, content.content)
    content.content = b""  # kept as a key, it would keep the file
    return found


@lru_cache(maxsize=1)
def _child() -> _Child:
    child = _Child()
    atexit.register(child.stop)
    return child


class _Child:
    """The child process, started when first asked and again after each death."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, name: str, content: bytes | memoryview) -> Look:
        """The child's answer; not opened when it died or took too long."""
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        title = name.encode("utf-8", "surrogatepass")[:1020]
        try:
            process.stdin.write(len(title).to_bytes(4, "big") + len(content).to_bytes(4, "big"))
            process.stdin.write(title)
            process.stdin.write(content)
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], ANSWER_SECONDS)
            said = json.loads(process.stdout.readline() if ready else b"")
        except (OSError, ValueError):
            self.stop()
            return Look(opened=False)
        return Look(
            tuple(said["findings"][:MOST_FINDINGS]),
            tuple(said["members"][:MOST_MEMBERS]),
            bool(said["opened"]),
            int(said["seen_bytes"]),
        )

    def stop(self) -> None:
        """End the child."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what it never read cannot be flushed
                    pipe.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._process is None:
            root = str(Path(__file__).resolve().parents[2])
            # Isolated: neither the user's site packages nor the environment take part.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, root],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process
