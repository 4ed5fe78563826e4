"""Small files of many formats, made byte by byte: they hold the marks of danger and no danger."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

STUB = b"MZ" + b"\0" * 60 + b"This program cannot be run in DOS mode"


def zipped(members: Mapping[str, bytes], *, locked: bool = False) -> bytes:
    """A ZIP archive; `locked` sets the flag that a password is needed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    raw = bytearray(out.getvalue())
    if locked:
        for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = raw.find(mark)
            while at >= 0:
                raw[at + flags] |= 1
                at = raw.find(mark, at + 4)
    return bytes(raw)


def document(members: Mapping[str, bytes]) -> bytes:
    """An Office document since 2007."""
    return zipped({"[Content_Types].xml": b"<Types/>", **members})


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file with one FAT sector; every stream is padded to 4,096 bytes and lies in
    sectors of its own."""
    names = ["Root Entry", *streams]
    directory_sectors = -(-len(names) // 4)
    fat = [0xFFFFFFFD, *range(2, directory_sectors + 1), 0xFFFFFFFE]
    entries, body, sector = [], b"", 1 + directory_sectors
    for name in names:
        content = streams.get(name, b"")
        padded = content + b"\0" * (-max(len(content), 4096) % 512 + max(0, 4096 - len(content)))
        if name == "Root Entry":
            entries.append(_entry(name, 5, 0xFFFFFFFE, 0))
            continue
        count = len(padded) // 512
        entries.append(_entry(name, 2, sector, max(len(content), 4096)))
        fat += [*range(sector + 1, sector + count), 0xFFFFFFFE]
        body += padded[: count * 512]
        sector += count
    directory = b"".join(entries).ljust(directory_sectors * 512, b"\0")
    header = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<9I", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109I", 0, *[0xFFFFFFFF] * 108)
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff")
    return header.ljust(512, b"\0") + table + directory + body


def _entry(name: str, kind: int, start: int, size: int) -> bytes:
    raw = name.encode("utf-16-le")[:62]
    head = raw.ljust(64, b"\0") + struct.pack("<HB", len(raw) + 2, kind)
    return head.ljust(116, b"\0") + struct.pack("<III", start, size, 0)


def macro(source: str) -> bytes:
    """A module's stream: some compiled bytes, then the source in literal chunks (MS-OVBA)."""
    text = b'Attribute VB_Name = "M"\r\n' + source.encode("ascii")
    packed = b"".join(b"\0" + text[at : at + 8] for at in range(0, len(text), 8))
    return b"\x01\x16\x03" * 10 + b"\x01" + struct.pack("<H", 0xB000 | len(packed) - 1) + packed


def shortcut(command: str) -> bytes:
    """A Windows shortcut whose arguments are the command."""
    return bytes.fromhex("4c0000000114020000000000c000000000000046") + command.encode("utf-16-le")


def disk(names: list[str]) -> bytes:
    """An ISO 9660 image with the names in its root."""
    records = b"".join(_record(name) for name in names)
    root = struct.pack("<BBI4xI", 34, 0, 18, len(records)).ljust(34, b"\0")
    volume = (b"\x01CD001\x01".ljust(156, b"\0") + root).ljust(2048, b"\0")
    return (
        b"\0" * 0x8000 + volume + b"\xffCD001\x01".ljust(2048, b"\0") + records.ljust(2048, b"\0")
    )


def _record(name: str) -> bytes:
    raw = name.encode("ascii")
    length = 33 + len(raw) + (len(raw) + 1) % 2
    return (bytes([length]).ljust(32, b"\0") + bytes([len(raw)]) + raw).ljust(length, b"\0")


def rar5(name: str, *, locked: bool = False) -> bytes:
    """A RAR 5 archive with one stored file of no bytes."""
    if locked:
        return b"Rar!\x1a\x07\x01\x00" + b"\0" * 4 + bytes([3, 4, 0, 0, 0])
    raw = name.encode()
    fields = bytes([2, 0, 0, 0, 0, 0, 0, len(raw)]) + raw
    return b"Rar!\x1a\x07\x01\x00" + b"\0" * 4 + bytes([len(fields)]) + fields
