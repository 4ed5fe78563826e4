"""The MIME tree of a message as flat leaves, found in one pass and without recursion.

The standard parser copies every level and recurses: 200,000 parts or a thousand levels end it. Here
the lines that begin with two hyphens are looked up in the stack of open boundaries, and a part is a
range of the message's bytes until it is needed.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, replace

from kizashi.sources.mail import limits
from kizashi.sources.mail.charsets import unbase64
from kizashi.sources.mail.fields import Header, header_end, parameters, unfold

MESSAGES = ("message/rfc822", "message/global")
_HYPHENS = re.compile(rb"^--([^\r\n]{0,2048})[^\n]*(?:\n|\Z)", re.M)
_CONTENT = re.compile(
    rb"^(content-(?:type|disposition|transfer-encoding))[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)",
    re.M | re.I,
)
_CONTENT_FIELDS = 16
_CONTENT_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part: what it says it is, and where its bytes lie. Attached messages count as parts too."""

    mime_type: str
    charset: str | None
    boundary: bytes
    disposition: str
    name: str | None
    encoding: str
    start: int = 0
    end: int = 0
    whole: bool = True  # False when a limit cut it short

    @property
    def holds_parts(self) -> bool:
        return self.mime_type.startswith("multipart/") and self.boundary != b""

    @property
    def is_message(self) -> bool:
        """True for an attached message that stands in the clear and can be looked into."""
        return self.mime_type in MESSAGES and self.encoding in ("", "7bit", "8bit", "binary")


@dataclass(frozen=True, slots=True)
class Tree:
    """Parts in the order of their beginnings, and whether a limit ended the search."""

    leaves: tuple[Leaf, ...]
    truncated: bool


def walk_parts(raw: bytes, body: int, header: Header, whole: bool) -> Tree:
    """The parts of a message whose body begins at `body`; not `whole` when its end is cut off."""
    walk = _Walk(raw)
    walk.enter(_describe(dict(reversed(header.fields))), body)
    finished = walk.run(body)
    walk.close(0, len(raw), whole and finished)
    leaves = sorted(walk.leaves, key=lambda leaf: (leaf.start, -leaf.end))
    return Tree(tuple(leaves), walk.truncated or not (whole and finished))


def decoded(raw: bytes, leaf: Leaf) -> bytes | memoryview:
    """The content of a part with its transfer encoding undone."""
    content = memoryview(raw)[leaf.start : leaf.end]
    if leaf.encoding == "base64":
        return unbase64(content)
    if leaf.encoding == "quoted-printable":
        return binascii.a2b_qp(content)
    return content


class _Walk:
    """One pass over a message: the parts still open, outermost first, and those that have ended."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.open: list[Leaf] = []
        self.boundaries: frozenset[bytes] = frozenset()
        self.leaves: list[Leaf] = []
        self.parts = 1
        self.truncated = False

    def run(self, body: int) -> bool:
        """Follows the boundary lines; False when a limit ended it before the message did."""
        for lines, match in enumerate(_HYPHENS.finditer(self.raw, body)):
            if not self.boundaries:
                return True
            if lines == limits.BOUNDARY_LINES:
                return False
            token = match[1].rstrip(b" \t")
            if token in self.boundaries:
                level = self._level(token)
                if self.parts == limits.PARTS:
                    self.close(level + 1, match.start(), True)
                    return False
                self.close(level + 1, match.start(), True)
                self._enter_part(match.end())
            elif token.endswith(b"--") and token[:-2] in self.boundaries:
                self.close(self._level(token[:-2]), match.start(), True)
        return True

    def enter(self, leaf: Leaf, body: int) -> None:
        """Opens the part whose body begins there, and the messages attached right inside it."""
        while True:
            if len(self.open) >= limits.DEPTH and (leaf.holds_parts or leaf.is_message):
                self.truncated = True
                return
            self.open.append(replace(leaf, start=body))
            if not leaf.is_message:
                break
            self.parts += 1
            start, body = body, self._header_end(body, limits.HEADER_BYTES)
            leaf = _describe(_content_fields(self.raw[start:body]))
        self._note_boundaries()

    def close(self, level: int, end: int, whole: bool) -> None:
        """Ends every open part from that level up at the given place."""
        while len(self.open) > level:
            leaf = self.open.pop()
            if not leaf.holds_parts:
                content_end = self._content_end(leaf.start, end)
                self.leaves.append(replace(leaf, end=content_end, whole=whole))
        self._note_boundaries()

    def _enter_part(self, start: int) -> None:
        self.parts += 1
        body = self._header_end(start, limits.PART_HEADER_BYTES)
        for match in _HYPHENS.finditer(self.raw, start, body):
            token = match[1].rstrip(b" \t")
            if token in self.boundaries or token.removesuffix(b"--") in self.boundaries:
                body = match.start()  # a part that is all header
                break
        self.enter(_describe(_content_fields(self.raw[start:body])), body)

    def _header_end(self, start: int, most_bytes: int) -> int:
        return header_end(self.raw, start, min(len(self.raw), start + most_bytes))

    def _level(self, boundary: bytes) -> int:
        levels = range(len(self.open) - 1, -1, -1)
        return next(level for level in levels if self.open[level].boundary == boundary)

    def _note_boundaries(self) -> None:
        self.boundaries = frozenset(leaf.boundary for leaf in self.open if leaf.holds_parts)

    def _content_end(self, start: int, end: int) -> int:
        # The line end before a boundary belongs to the boundary.
        if start < end < len(self.raw) and self.raw[end - 1 : end] == b"\n":
            end -= 2 if self.raw[end - 2 : end] == b"\r\n" else 1
        return max(start, end)


def _content_fields(block: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for count, match in enumerate(_CONTENT.finditer(block)):
        if count == _CONTENT_FIELDS:
            break
        found.setdefault(match[1].decode("ascii").lower(), match[2])
    return found


def _describe(values: dict[str, bytes]) -> Leaf:
    mime_type, of_type = parameters(unfold(values.get("content-type", b"")[:_CONTENT_BYTES]))
    disposition, its = parameters(unfold(values.get("content-disposition", b"")[:_CONTENT_BYTES]))
    encoding = unfold(values.get("content-transfer-encoding", b"")[:200]).lower()
    name = its.get("filename") or of_type.get("name")
    boundary = of_type.get("boundary", "").encode("utf-8", "replace")
    return Leaf(
        mime_type[:255] or "text/plain",
        of_type.get("charset"),
        boundary if mime_type.startswith("multipart/") else b"",
        disposition,
        name[: limits.NAME_CHARACTERS] if name else None,
        re.split(r"[;(\s]", encoding, maxsplit=1)[0],
    )
