"""Text that breaks over lines as Japanese does: between any two characters, but no line begins with
a closing mark or ends with an opening one. rich alone breaks at spaces only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
_OPENING = "（「『［〈《【“"
_CLOSING = "、。，．）」』］〉》】”ーぁぃぅぇぉっゃゅょァィゥェォッャュョ！？：；…～・々"
# The smallest pieces that stay on one line: a wide character or a word, with the marks that cling.
_PIECE = re.compile(rf"[{_OPENING}]*(?:[{_WIDE}]|[^\s{_WIDE}]+|\s)[{_CLOSING}]*\s*")


@dataclass(frozen=True, slots=True)
class Prose:
    """A rich renderable that wraps its text to the room it is given."""

    text: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for paragraph in self.text.split("\n", allow_blank=True):
            offsets = list(line_starts(paragraph.plain, max(1, options.max_width)))
            for line in paragraph.divide(offsets):
                line.rstrip()
                yield line

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        lines = self.text.plain.split("\n")
        pieces = (piece.rstrip() for line in lines for piece in _PIECE.findall(line))
        least = max((cell_len(piece) for piece in pieces), default=1)
        most = max(cell_len(line) for line in lines)
        return Measurement(min(least, options.max_width), min(most, options.max_width))


def line_starts(text: str, width: int) -> Iterator[int]:
    """Where each line after the first begins, when no line may be wider than `width` cells."""
    used = 0
    for match in _PIECE.finditer(text):
        piece = match[0]
        room = cell_len(piece.rstrip())
        if used and used + room > width:
            yield match.start()
            used = 0
        if room > width:
            at = match.start()
            *full, last = chop_cells(piece.rstrip(), width)
            for part in full:
                at += len(part)
                yield at
            used = cell_len(last) + len(piece) - len(piece.rstrip())
        else:
            used += cell_len(piece)
