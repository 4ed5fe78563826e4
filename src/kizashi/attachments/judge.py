"""One file by its content: what it is, what it would run, and what it hides.

Every format is read by bounded looks at its bytes. A format that cannot be read is no finding; a
file that says it is one thing and is another is.
"""

from __future__ import annotations

import gzip
import io
import re
import struct
import tarfile
import zlib
from dataclasses import dataclass, field

from kizashi.attachments import archives, images, office, pages

MOST_DEPTH = 3
MOST_OPENED_BYTES = 64 * 1024 * 1024
MOST_FILES = 200
_PROGRAMS = (
    "exe", "scr", "com", "pif", "cpl", "msi", "msix", "appx", "dll", "jar", "js", "jse", "vbs",
    "vbe", "wsf", "wsh", "hta", "ps1", "bat", "cmd", "lnk", "url", "chm", "sct", "msc", "reg",
    "rdp", "library-ms", "search-ms", "settingcontent-ms", "xll", "appref-ms", "application",
    "gadget",
)  # fmt: skip
_SCRIPTS = ("js", "jse", "vbs", "vbe", "wsf", "wsh", "hta", "ps1", "bat", "cmd", "sct", "msc")
_DOCUMENTS = (
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "rtf", "txt", "csv", "jpg", "jpeg", "png",
    "gif", "zip", "html", "htm", "mp4", "mp3", "eml",
)  # fmt: skip
_DOUBLE = re.compile(rf"\.({'|'.join(_DOCUMENTS)})[\s_.]*\.({'|'.join(_PROGRAMS)})$")
_PADDED = re.compile(r"[\s\u00a0\u2000-\u200b\u3000]{8,}\.[a-z0-9]{1,8}$")
_TURNED = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
_SHOWN = {
    "pdf": (b"%PDF",),
    "jpg": (b"\xff\xd8",),
    "jpeg": (b"\xff\xd8",),
    "png": (b"\x89PNG",),
    "gif": (b"GIF8",),
    "docx": (b"PK", b"\xd0\xcf\x11\xe0"),
    "xlsx": (b"PK", b"\xd0\xcf\x11\xe0"),
    "pptx": (b"PK", b"\xd0\xcf\x11\xe0"),
}
_LNK = b"\x4c\x00\x00\x00\x01\x14\x02\x00"
_ONENOTE = b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d"
_ONENOTE_FILE = b"\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac"
_STARTS = re.compile(
    r"powershell|pwsh|cmd(\.exe)?\b|mshta|wscript|cscript|rundll32|regsvr32|certutil|bitsadmin|curl\b"
    r"|https?:|\\\\[a-z0-9.@-]+\\",
    re.I,
)
_SFX_MARKS = (
    b"Rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
    b"PK\x03\x04",
    b";!@Install@!UTF-8!",
    b"MSCF\0\0\0\0",
)


@dataclass(slots=True)
class Found:
    """What was found so far, and what may still be opened."""

    findings: dict[str, None] = field(default_factory=dict)
    members: dict[str, None] = field(default_factory=dict)
    room: int = MOST_OPENED_BYTES
    files: int = MOST_FILES
    cut: bool = False

    def add(self, finding: str, name: str) -> None:
        """Note a finding once a file."""
        self.findings[f"{finding}: {name[:200]}"] = None


def look(name: str, content: bytes, found: Found, depth: int = 0) -> None:
    """Add what a file holds; files inside it are looked at down to a few levels."""
    found.files -= 1
    found.room -= len(content)
    if found.files < 0 or found.room < 0 or depth > MOST_DEPTH:
        found.cut = True
        return
    _look_at_name(name, found)
    try:
        _look_at_kind(name, content, found)
        _look_inside(name, content, found, depth)
    except (struct.error, IndexError):
        found.cut = True  # damaged: what came before was seen


def _look_inside(name: str, content: bytes, found: Found, depth: int) -> None:
    if content[:4] == b"PK\x03\x04" or content[:4] == b"PK\x05\x06":
        _look_into_zip(name, content, found, depth)
    elif content[:8] == office.OLE:
        for finding in office.look_at_ole(content):
            found.add(finding, name)
    elif content[:4] == b"Rar!":
        _look_into_members(name, archives.rar(content), found)
    elif content[:6] == b"7z\xbc\xaf\x27\x1c":
        if archives.is_locked_7z(content):
            found.add("locked archive", name)
    elif content[:4] == b"MSCF":
        _look_into_members(name, archives.cab(content), found)
    elif content[:2] == b"\x1f\x8b":
        _look_into_gzip(name, content, found, depth)
    elif content[257:262] == b"ustar":
        _look_into_tar(name, content, found, depth)
    elif content.lstrip()[:5] == b"{\\rtf":
        for finding in office.look_at_rtf(content):
            found.add(finding, name)
    elif content[:5] == b"%PDF-":
        for finding in pages.look_at_pdf(content):
            found.add(finding, name)
    elif pages.is_page(content):
        for finding in pages.look_at_page(content):
            found.add(finding, name)


def _look_at_name(name: str, found: Found) -> None:
    plain = name.lower().strip()
    if _TURNED.search(name):
        found.add("name turned right to left", name)
    if _DOUBLE.search(plain):
        found.add("double ending", name)
    if _PADDED.search(plain):
        found.add("ending pushed out of sight", name)


def _look_at_kind(name: str, content: bytes, found: Found) -> None:
    ending = name.lower().rpartition(".")[2].strip() if "." in name else ""
    if content[:2] == b"MZ":
        found.add("program", name)
        if any(mark in content[4096:] for mark in _SFX_MARKS):
            found.add("self-extracting archive", name)
        if ending in _DOCUMENTS:
            found.add("program under a document's name", name)
    elif content[:8] == _LNK:
        found.add("shortcut", name)
        text = content.decode("utf-16-le", "replace") + content.decode("latin-1")
        if _STARTS.search(text):
            found.add("shortcut that starts an interpreter", name)
    elif content[:8] == _ONENOTE:
        if _ONENOTE_FILE in content:
            found.add("notebook with a file inside", name)
    elif (kind := images.kind(content)) is not None:
        found.add("disk image", name)
        for member in images.iso_names(content) if kind == "iso" else ():
            _note_member(member, found)
    elif ending in _SCRIPTS:
        found.add("script", name)
    elif ending in _PROGRAMS and ending != "com":
        found.add("program", name)
    elif _is_another(ending, content):
        found.add("other content than its name says", name)


def _is_another(ending: str, content: bytes) -> bool:
    """True for an archive or a page under the name of a document or picture."""
    if ending not in _SHOWN or content.startswith(_SHOWN[ending]):
        return False
    return content[:4] in (b"PK\x03\x04", b"Rar!", b"MSCF") or pages.is_page(content)


def _note_member(member: str, found: Found) -> None:
    if len(found.members) < MOST_FILES:
        found.members[member[-255:]] = None
    _look_at_name(member, found)
    ending = member.lower().rpartition(".")[2] if "." in member else ""
    if ending in _PROGRAMS:
        found.add("program in an archive", member)


def _look_into_members(name: str, listing: archives.Listing, found: Found) -> None:
    if listing.locked:
        found.add("locked archive", name)
    for member in listing.names:
        _note_member(member, found)


def _look_into_zip(name: str, content: bytes, found: Found, depth: int) -> None:
    package = archives.open_zip(content)
    if package is None:
        return
    if office.is_package(package):
        for finding in office.look_at_package(package):
            found.add(finding, name)
        for inner in office.embedded(package):
            look(inner, archives.member(package, inner), found, depth + 1)
        return
    if any(info.flag_bits & 1 for info in package.infolist()):
        found.add("locked archive", name)
    for info in package.infolist()[:MOST_FILES]:
        if info.is_dir():
            continue
        member = archives.member_name(info)
        _note_member(member, found)
        if not info.flag_bits & 1:
            look(member, archives.member(package, info.filename), found, depth + 1)


def _look_into_gzip(name: str, content: bytes, found: Found, depth: int) -> None:
    try:
        inner = gzip.GzipFile(fileobj=io.BytesIO(content)).read(archives.MEMBER_BYTES)
    except (OSError, EOFError, zlib.error):
        return
    base = name[:-3] if name.lower().endswith(".gz") else name
    look(base, inner, found, depth + 1)


def _look_into_tar(name: str, content: bytes, found: Found, depth: int) -> None:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for number, info in enumerate(archive):
                if number == MOST_FILES:
                    found.cut = True
                    return
                if not info.isfile():
                    continue
                _note_member(info.name, found)
                inner = archive.extractfile(info)
                if inner is not None:
                    look(info.name, inner.read(archives.MEMBER_BYTES), found, depth + 1)
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return
