"""Office documents of both generations and RTF: macros, what they start by themselves, and what is
embedded or fetched. Formats: MS-CFB, MS-OVBA, MS-XLS, ECMA-376 and RTF 1.9."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator

from kizashi.attachments.archives import member

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOST_ENTRIES = 2_000
_STREAM_BYTES = 4 * 1024 * 1024
_MACRO_BYTES = 1024 * 1024
_END = 0xFFFFFFFA  # and above: marks of the end, of free and of special sectors
_BY_ITSELF = re.compile(
    rb"\b(?:auto_?(?:open|close|exec|new)|document_(?:open|close|beforeclose|new|contentcontrolonenter)"
    rb"|workbook_(?:open|activate|beforeclose|deactivate)|worksheet_activate|presentation_?(?:open|close)"
    rb"|\w+_(?:gotfocus|layout|mousemove|painted))\b",
    re.I,
)
_STARTS = re.compile(
    rb"\bshell\b|wscript\.shell|shell\.application|winmgmts|win32_process|createobject|urldownloadtofile"
    rb"|xmlhttp|adodb\.stream|powershell|cmd(?:\.exe)? /c|rundll32|regsvr32|mshta|virtualalloc"
    rb"|createthread|callwindowproc|schtasks|startup\b|environ\s*\(|savetofile|put #",
    re.I,
)
_DDE = re.compile(rb"\bDDE(?:AUTO)?\s+[^<]{1,200}(?:cmd|powershell|mshta|\.exe)", re.I)
_OUTSIDE = re.compile(
    rb"<Relationship\b(?=[^>]{0,2000}(?:attachedTemplate|oleObject|frame|externalLink|subDocument|aFChunk))"
    rb"(?=[^>]{0,2000}TargetMode\s*=\s*\"External\")[^>]{0,2000}Target\s*=\s*\"((?:https?|file|\\\\|smb|ftp|mhtml|ms-)[^\"]{0,500})\"",
    re.I,
)
_STUB = b"This program cannot be run in DOS mode"
_PROGRAM_NAME = re.compile(rb"\.(?:exe|scr|js|vbs|hta|bat|cmd|ps1|lnk|wsf)\0", re.I)
_EQUATION = (b"Equation.3", bytes.fromhex("02ce020000000000c000000000000046"))


def is_package(package: zipfile.ZipFile) -> bool:
    """True for a document of Office since 2007."""
    names = package.namelist()
    return "[Content_Types].xml" in names or "mimetype" in names[:1]


def embedded(package: zipfile.ZipFile) -> list[str]:
    """Members that are files of their own inside the document."""
    return [
        name
        for name in package.namelist()
        if re.search(r"embeddings/|/media/.*\.(?:bin|exe|dat)$", name)
    ][:50]


def look_at_package(package: zipfile.ZipFile) -> Iterator[str]:
    """Findings of a document of Office since 2007."""
    for name in package.namelist()[:_MOST_ENTRIES]:
        low = name.lower()
        if low.endswith("vbaproject.bin"):
            yield from _look_at_vba(member(package, name))
        elif "/macrosheets/" in low:
            yield "macro"
            if re.search(rb"Auto_Open|_xlnm\.Auto", member(package, "xl/workbook.xml"), re.I):
                yield "macro that runs by itself"
        elif low.endswith(".rels") and _OUTSIDE.search(member(package, name)):
            yield "part fetched from elsewhere"
        elif "/activex/" in low and low.endswith(".bin"):
            yield "embedded control"
        elif low.endswith(("document.xml", "sharedstrings.xml")) and _DDE.search(
            member(package, name)
        ):
            yield "command in a field"
        elif "/embeddings/" in low and low.endswith(".bin"):
            yield from _look_at_object(member(package, name))


def _look_at_object(content: bytes) -> Iterator[str]:
    if content[:8] != OLE:
        return
    yield from look_at_ole(content)
    if b"MZ" in content and _STUB in content:
        yield "embedded program"


def look_at_ole(content: bytes) -> Iterator[str]:
    """Findings of a compound file: old Office documents, packages, installers, messages."""
    file = CompoundFile(content)
    names = {name.lower() for name in file.names}
    if "encryptedpackage" in names:
        yield "locked document"
    if "_vba_project" in names or "vba" in names:
        yield from _look_at_macros(file)
    if any(name.endswith("ole10native") for name in names):
        yield "embedded object"
        native = b"".join(file.stream(n) for n in file.names if n.lower().endswith("ole10native"))
        if (b"MZ" in native and _STUB in native) or _PROGRAM_NAME.search(native):
            yield "embedded program"
    elif _STUB in content and not _is_installer(file):
        yield "embedded program"
    for name in ("Workbook", "Book"):
        if name in file.names and _has_macro_sheet(file.stream(name)):
            yield "macro"
            yield "macro that runs by itself"
    if any(mark in content for mark in _EQUATION):
        yield "equation object"


def _is_installer(file: CompoundFile) -> bool:
    """True for a Windows installer package: its tables' names are packed into odd characters."""
    return any(name.startswith("\u4840") for name in file.names)


def _has_macro_sheet(book: bytes) -> bool:
    """True where a sheet of Excel 4 macros runs by itself: BOUNDSHEET of type 1, name Auto_Open."""
    at, sheet, starts = 0, False, False
    for _record in range(20_000):
        if at + 4 > len(book):
            break
        kind, size = struct.unpack_from("<HH", book, at)
        if kind == 0x85 and size > 5:
            sheet |= book[at + 4 + 5] == 1
        elif kind == 0x18 and size > 14:
            built_in = book[at + 4] & 0x20 and book[at + 4 + 15 : at + 4 + 16] in (b"\x01", b"\x02")
            starts |= bool(built_in) or b"auto_open" in book[at + 4 : at + 4 + size].lower()
        at += 4 + size
    return sheet and starts


def _look_at_vba(content: bytes) -> Iterator[str]:
    if content[:8] != OLE:
        yield "macro"
        return
    yield from _look_at_macros(CompoundFile(content))


def _look_at_macros(file: CompoundFile) -> Iterator[str]:
    yield "macro"
    source = b"\n".join(_source(file.stream(name)) for name in file.names[:200])
    if _BY_ITSELF.search(source):
        yield "macro that runs by itself"
    if _STARTS.search(source):
        yield "macro that starts programs or fetches"


def _source(stream: bytes) -> bytes:
    """The compressed text at the end of a module's stream; empty where there is none."""
    at = stream.find(b"\x00Attribut")
    if at < 3:
        return b""
    return _decompressed(stream[at - 3 :])


def _decompressed(data: bytes) -> bytes:
    """MS-OVBA 2.4.1: chunks of at most 4,096 bytes, of literals and copies."""
    if not data or data[0] != 1:
        return b""
    out = bytearray()
    at = 1
    while at + 2 <= len(data) and len(out) < _MACRO_BYTES:
        (header,) = struct.unpack_from("<H", data, at)
        end = min(len(data), at + (header & 0xFFF) + 3)
        at += 2
        if not header & 0x8000:
            out += data[at:end]
        else:
            _unpack_chunk(data, at, end, out)
        at = end
    return bytes(out)


def _unpack_chunk(data: bytes, at: int, end: int, out: bytearray) -> None:
    start = len(out)
    while at < end:
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= end:
                return
            if not flags >> bit & 1:
                out.append(data[at])
                at += 1
                continue
            if at + 2 > end:
                return
            (token,) = struct.unpack_from("<H", data, at)
            at += 2
            bits = max(4, (len(out) - start - 1).bit_length())
            length = (token & (0xFFFF >> bits)) + 3
            back = (token >> (16 - bits)) + 1
            if back > len(out) - start:
                return
            for _count in range(length):
                out.append(out[-back])


def look_at_rtf(content: bytes) -> Iterator[str]:
    """Findings of a rich text file."""
    text = content[: 8 * 1024 * 1024]
    if b"\\objdata" in text or b"\\objocx" in text:
        yield "embedded object"
        joined = re.sub(
            rb"[^0-9a-fA-F]", b"", b"".join(re.findall(rb"\\objdata([^{}\\]{0,2000000})", text))
        )
        low = joined.lower()
        if b"546869732070726f6772616d" in low and b"4d5a" in low:
            yield "embedded program"
        if b"4571756174696f6e2e33" in low or b"02ce020000000000c000000000000046" in low:
            yield "equation object"
    if b"\\objupdate" in text or re.search(rb"\\\*\\template\s+(?:https?:|\\\\)", text, re.I):
        yield "part fetched from elsewhere"


class CompoundFile:
    """Names and streams of a compound file (MS-CFB), damaged ones as far as they go."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._starts: dict[str, tuple[int, int]] = {}
        self.names: list[str] = []
        self._size = 512
        self._fat: list[int] = []
        self._mini_fat: list[int] = []
        self._mini = b""
        try:
            self._read()
        except (struct.error, IndexError):
            return

    def stream(self, name: str) -> bytes:
        """The beginning of a stream; empty where it is not there."""
        start, size = self._starts.get(name, (_END, 0))
        size = min(size, _STREAM_BYTES)
        if size < 4096:
            return self._follow_mini(start, size)
        return self._follow(start, size)

    def _read(self) -> None:
        head = struct.unpack_from("<HHHHH", self._content, 24)
        self._size = 1 << min(head[3], 16)
        fats, directory = struct.unpack_from("<II", self._content, 44)
        mini_start, mini_count = struct.unpack_from("<II", self._content, 60)
        difat = list(struct.unpack_from("<109I", self._content, 76))
        for sector in difat[: min(fats, 109)]:
            if sector < _END:
                self._fat += self._numbers(sector)
        raw = self._follow(directory, _MOST_ENTRIES * 128)
        for at in range(0, len(raw) - 127, 128):
            self._entry(raw[at : at + 128])
        root = self._starts.get("Root Entry", (_END, 0))
        mini = self._follow(mini_start, min(mini_count, 1024) * self._size)
        self._mini_fat = list(struct.unpack(f"<{len(mini) // 4}I", mini[: len(mini) // 4 * 4]))
        self._mini = self._follow(root[0], min(root[1], _STREAM_BYTES))

    def _entry(self, raw: bytes) -> None:
        length = struct.unpack_from("<H", raw, 64)[0]
        if raw[66] == 0 or not 2 <= length <= 64:
            return
        name = raw[: length - 2].decode("utf-16-le", "replace")
        start, size = struct.unpack_from("<II", raw, 116)
        while name in self._starts:
            name += "+"  # modules of several projects share names
        self._starts[name] = (start, size)
        self.names.append(name)

    def _numbers(self, sector: int) -> list[int]:
        raw = self._sector(sector)
        return list(struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4]))

    def _sector(self, number: int) -> bytes:
        at = (number + 1) * self._size
        return self._content[at : at + self._size]

    def _follow(self, start: int, size: int) -> bytes:
        out, seen, sector = bytearray(), 0, start
        while sector < len(self._fat) and len(out) < size and seen <= len(self._fat):
            out += self._sector(sector)
            sector = self._fat[sector]
            seen += 1
        return bytes(out[:size])

    def _follow_mini(self, start: int, size: int) -> bytes:
        out, seen, sector = bytearray(), 0, start
        while sector < len(self._mini_fat) and len(out) < size and seen <= len(self._mini_fat):
            out += self._mini[sector * 64 : sector * 64 + 64]
            sector = self._mini_fat[sector]
            seen += 1
        return bytes(out[:size])
