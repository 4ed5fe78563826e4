"""Names and contents of archives, read from their own directories with bounds on everything."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import NamedTuple

from kizashi.errors import DAMAGED_ZIP

MEMBER_BYTES = 8 * 1024 * 1024  # of one member; the beginning tells what it is
MOST_NAMES = 1_000
_RAR4 = b"Rar!\x1a\x07\x00"
_RAR5 = b"Rar!\x1a\x07\x01\x00"


class Listing(NamedTuple):
    """Names inside an archive, and whether a password guards it."""

    names: tuple[str, ...]
    locked: bool


def open_zip(content: bytes) -> zipfile.ZipFile | None:
    """The archive, or None where its directory cannot be read."""
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except DAMAGED_ZIP:
        return None


def member(package: zipfile.ZipFile, name: str) -> bytes:
    """The beginning of one member; empty where it cannot be read."""
    try:
        with package.open(name) as stream:
            return stream.read(MEMBER_BYTES)
    except (KeyError, *DAMAGED_ZIP):  # KeyError: no such member
        return b""


def member_name(info: zipfile.ZipInfo) -> str:
    """A member's name as its maker wrote it: Japanese Windows writes CP932 and says nothing."""
    if info.flag_bits & 0x800:
        return info.filename
    raw = info.filename.encode("cp437", "replace")
    for charset in ("ascii", "utf-8", "cp932"):
        try:
            return raw.decode(charset)
        except UnicodeDecodeError:
            continue
    return info.filename


def is_locked_7z(content: bytes) -> bool:
    """True where the archive's headers name AES, 06F10701."""
    return b"\x06\xf1\x07\x01" in content[-65_536:] or b"\x06\xf1\x07\x01" in content[:4096]


def rar(content: bytes) -> Listing:
    """Names and lock of a RAR archive of either generation."""
    if content.startswith(_RAR5):
        return _rar5(content)
    return _rar4(content) if content.startswith(_RAR4) else Listing((), False)


def _rar4(content: bytes) -> Listing:
    names: list[str] = []
    locked, at = False, len(_RAR4)
    while at + 7 <= len(content) and len(names) < MOST_NAMES:
        kind = content[at + 2]
        flags, size = struct.unpack_from("<HH", content, at + 3)
        added = (
            struct.unpack_from("<I", content, at + 7)[0] if flags & 0x8000 or kind == 0x74 else 0
        )
        if kind == 0x73 and flags & 0x80:
            return Listing((), True)
        if kind == 0x74 and at + 32 <= len(content):
            (length,) = struct.unpack_from("<H", content, at + 26)
            start = at + 32 + (8 if flags & 0x100 else 0)
            names.append(_rar4_name(content[start : start + min(length, 1024)]))
            locked |= bool(flags & 0x04)
        if kind == 0x7B or size < 7:
            break
        at += size + added
    return Listing(tuple(names), locked)


def _rar4_name(raw: bytes) -> str:
    # Unicode names follow the plain one behind a zero, in a form that the plain one approximates.
    plain = raw.split(b"\0", 1)[0]
    for charset in ("utf-8", "cp932"):
        try:
            return plain.decode(charset)
        except UnicodeDecodeError:
            continue
    return plain.decode("latin-1")


def _rar5(content: bytes) -> Listing:
    names: list[str] = []
    locked, at = False, len(_RAR5)
    while at + 5 < len(content) and len(names) < MOST_NAMES:
        size, body = _number(content, at + 4)
        kind, place = _number(content, body)
        flags, place = _number(content, place)
        extra = data = 0
        if flags & 1:
            extra, place = _number(content, place)
        if flags & 2:
            data, place = _number(content, place)
        if kind == 4:
            return Listing(tuple(names), True)
        end = body + size
        if kind == 2:
            names.append(_rar5_name(content, place))
            # Encryption is the extra record of type 1.
            locked |= extra > 0 and _extra_kind(content, end - extra) == 1
        if kind == 5 or size == 0 or end <= at:
            break
        at = end + data
    return Listing(tuple(names), locked)


def _rar5_name(content: bytes, place: int) -> str:
    flags, place = _number(content, place)
    for _field in range(2):  # unpacked size, attributes
        _value, place = _number(content, place)
    place += (4 if flags & 2 else 0) + (4 if flags & 4 else 0)
    for _field in range(2):  # compression, system
        _value, place = _number(content, place)
    length, place = _number(content, place)
    return content[place : place + min(length, 1024)].decode("utf-8", "replace")


def _extra_kind(content: bytes, place: int) -> int:
    _size, place = _number(content, place)
    return _number(content, place)[0]


def _number(content: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(content) or place < 0:
            return value, len(content)
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
    return value, place


def cab(content: bytes) -> Listing:
    """Names in a Microsoft cabinet."""
    if len(content) < 36:
        return Listing((), False)
    (first,) = struct.unpack_from("<I", content, 16)
    (count,) = struct.unpack_from("<H", content, 28)
    names: list[str] = []
    at = first
    for _number_of_file in range(min(count, MOST_NAMES)):
        end = content.find(b"\0", at + 16, at + 16 + 512)
        if end < 0:
            break
        names.append(content[at + 16 : end].decode("utf-8", "replace"))
        at = end + 1
    return Listing(tuple(names), False)
