"""Disk images: what Windows mounts by a double click, and the names in the root of an ISO."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_SECTOR = 2048
_MOST_NAMES = 200


def kind(content: bytes) -> str | None:
    """iso, udf, vhd, vhdx or fat; None for anything else."""
    if content[0x8001:0x8006] == b"CD001":
        return "iso"
    if content[0x8001:0x8006] in (b"BEA01", b"NSR02", b"NSR03"):
        return "udf"
    if content[:8] == b"vhdxfile":
        return "vhdx"
    if content[:8] == b"conectix" or content[-512:-504] == b"conectix":
        return "vhd"
    if content[510:512] == b"\x55\xaa" and content[54:57] + content[82:85] in (
        b"FATFAT", b"FAT" + content[82:85], content[54:57] + b"FAT",
    ):  # fmt: skip
        return "fat"
    return None


def iso_names(content: bytes) -> Iterator[str]:
    """Names in the root directory, those of Joliet where it is there."""
    for sector in range(31, 15, -1):
        at = sector * _SECTOR
        if content[at + 1 : at + 6] != b"CD001" or content[at] not in (1, 2):
            continue
        start, size = struct.unpack_from("<I4xI", content, at + 156 + 2)
        charset = "utf-16-be" if content[at] == 2 else "ascii"
        yield from _entries(content, start * _SECTOR, min(size, 64 * 1024), charset)
        return


def _entries(content: bytes, start: int, size: int, charset: str) -> Iterator[str]:
    at, count = start, 0
    while at < min(start + size, len(content) - 33) and count < _MOST_NAMES:
        length = content[at]
        if length == 0:
            at = (at // _SECTOR + 1) * _SECTOR
            continue
        raw = content[at + 33 : at + 33 + content[at + 32]]
        if raw not in (b"\0", b"\1"):
            count += 1
            yield raw.decode(charset, "replace").split(";")[0]
        at += length
