"""Finding the files of a hunt and laying their bytes open: folders, archives, compressed streams.

Everything is read as a stream under limits that are named when they end it. A file's identity is
its decompressed content, so a copy, a `.gz` of it or a new name adds nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

import zstandard

from kizashi.errors import DAMAGED_ZIP, KizashiError

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 1 << 16
# The engine reads text in buffers of 16 lines of the longest size, so this bounds memory too.
LONGEST_LINE_BYTES = 2 << 20
LARGEST_FILE_BYTES = 64 << 30
# A log shrinks 10-60 times under gzip; a bomb shrinks more than 1,000 times.
HIGHEST_RATIO = 1_000
RATIO_FREE_BYTES = 64 << 20
MOST_MEMBERS = 50_000
DEEPEST_NESTING = 2
# What describes the logs is not one of them.
CONFIG_NAME = "kizashi.toml"


# Byte counts of interest, from a file's first block.
Marks = Callable[[bytes], tuple[int, ...]]


class LimitReached(KizashiError):
    """A named limit ended the reading of one file."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read: its label, and what opens its bytes as stored."""

    label: str
    open: Callable[[], IO[bytes]]
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A file laid open: plain bytes on disk and what they are known by.

    `digests` maps a byte count to the digest of that many leading bytes, for the counts asked for.
    `damage` says why reading ended early; what came before it is in `plain`. `uncut` has the lines
    that are cut in `plain`, at any length.
    """

    plain: Path
    uncut: Path
    head: bytes
    size: int
    newlines: int
    digest: str
    digests: dict[int, str]
    ends_with_newline: bool
    damage: str = ""

    @property
    def file_id(self) -> int:
        return int(self.digest[:15], 16)


def find(paths: list[Path]) -> Iterator[Found]:
    """Every file under the given paths in order of name; hidden ones and links out are left out."""
    for root in paths:
        if root.is_file():
            yield Found(root.name, _opener(root), root)
            continue
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            relative = path.relative_to(root)
            if any(part.startswith(".") for part in relative.parts):
                continue
            if path.name == CONFIG_NAME:
                continue
            if not path.resolve().is_relative_to(root.resolve()):
                continue
            yield Found(relative.as_posix(), _opener(path), path)


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    def opened_file() -> IO[bytes]:
        return path.open("rb")

    return opened_file


def members(found: Found, depth: int = 0) -> Iterator[Found | tuple[str, str]]:
    """The file itself, or an archive's members as `a.zip!b`; (label, reason) for one refused."""
    with found.open() as stream:
        magic = stream.read(512)
    is_tar = magic[257:262] == b"ustar" or (
        magic[:2] == b"\x1f\x8b" and found.label.lower().endswith((".tar.gz", ".tgz"))
    )
    if not (magic[:4] == b"PK\x03\x04" or is_tar):
        yield found
        return
    if depth >= DEEPEST_NESTING:
        yield found.label, f"archive inside archives deeper than {DEEPEST_NESTING}"
        return
    if is_tar:
        yield from _tar_members(found, depth)
    else:
        yield from _zip_members(found, depth)


def _zip_members(found: Found, depth: int) -> Iterator[Found | tuple[str, str]]:
    try:
        with found.open() as stream, zipfile.ZipFile(stream) as archive:
            names = [info for info in archive.infolist() if not info.is_dir()]
            if len(names) > MOST_MEMBERS:
                yield found.label, f"{len(names)} members; at most {MOST_MEMBERS} are read"
                return
            for info in names:
                label = f"{found.label}!{info.filename}"
                if info.flag_bits & 1:
                    yield label, "encrypted member; unpack it with its password first"
                elif _unsafe(info.filename):
                    yield label, "a path that leads out of the archive"
                elif _is_bomb(info):
                    yield label, f"unpacks to more than {HIGHEST_RATIO} times its size: a bomb"
                else:
                    inner = Found(label, partial(archive.open, info))
                    yield from members(inner, depth + 1)
    except DAMAGED_ZIP as error:
        yield found.label, f"damaged or unsupported zip: {error}"


def _is_bomb(info: zipfile.ZipInfo) -> bool:
    """True by the sizes that the archive states; zipfile reads no more than those."""
    ratio = info.file_size / max(info.compress_size, 1)
    return info.file_size > RATIO_FREE_BYTES and ratio > HIGHEST_RATIO


def _tar_members(found: Found, depth: int) -> Iterator[Found | tuple[str, str]]:
    try:
        with found.open() as stream, tarfile.open(fileobj=stream, mode="r:*") as archive:
            for count, info in enumerate(archive):
                label = f"{found.label}!{info.name}"
                if count >= MOST_MEMBERS:
                    yield label, f"more than {MOST_MEMBERS} members"
                    return
                if not info.isfile():
                    continue
                if _unsafe(info.name):
                    yield label, "a path that leads out of the archive"
                    continue
                # A tar.gz cannot go back without unpacking again, so each member is laid down once.
                with tempfile.TemporaryDirectory() as folder:
                    copy = Path(folder) / "member"
                    with copy.open("wb") as write:
                        member = archive.extractfile(info)
                        if member is not None:
                            read = partial(member.read, BLOCK_BYTES)
                            write.writelines(_limited(iter(read, b""), stream))
                    inner = Found(label, _opener(copy), copy)
                    yield from members(inner, depth + 1)
    except LimitReached as error:
        yield found.label, str(error)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        yield found.label, f"damaged tar: {error}"


def _unsafe(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or (len(name) > 1 and name[1] == ":")


@contextmanager
def opened(found: Found, marks: Marks, spool: Path) -> Iterator[Opened]:
    """The file's plain bytes and identity; `marks` tells from its first block which byte counts'
    digests are wanted.

    A plain file on disk is read where it lies; anything else is unpacked under `spool` and removed
    afterwards.
    """
    with found.open() as stream:
        magic = stream.read(4)
    stored = found.path if found.path and not _compressed(magic) else None
    with tempfile.TemporaryDirectory(dir=spool) as folder:
        target = Path(folder) / "plain"
        with found.open() as stream:
            result = _lay_open(_blocks(stream, magic), None if stored else target, marks)
        plain = uncut = stored or target
        if result.long_lines and b"\0" not in result.head:
            cut = Path(folder) / "cut"
            _cut_long_lines(plain, cut)
            plain = cut
        yield Opened(
            plain,
            uncut,
            result.head,
            plain.stat().st_size,
            result.newlines,
            result.digest,
            result.digests,
            result.ends_with_newline,
            result.damage,
        )


def _compressed(magic: bytes) -> bool:
    return magic[:2] == b"\x1f\x8b" or magic == b"\x28\xb5\x2f\xfd"


@dataclass(slots=True)
class _Read:
    head: bytes = b""
    size: int = 0
    newlines: int = 0
    digest: str = ""
    digests: dict[int, str] = field(default_factory=dict)
    ends_with_newline: bool = True
    damage: str = ""
    long_lines: bool = False


def _lay_open(blocks: Iterator[bytes], target: Path | None, marks: Marks) -> _Read:
    found, digest, pending = _Read(), hashlib.sha256(), list[int]()
    line_bytes, last = 0, b""
    out = target.open("wb") if target else None
    try:
        for block in blocks:
            if not found.size:
                pending = sorted(marks(block))
            while pending and found.size + len(block) >= pending[0]:
                head = digest.copy()
                head.update(block[: pending[0] - found.size])
                found.digests[pending.pop(0)] = head.hexdigest()
            digest.update(block)
            if len(found.head) < HEAD_BYTES:
                found.head += block[: HEAD_BYTES - len(found.head)]
            found.size += len(block)
            count = block.count(b"\n")
            found.newlines += count
            line_bytes = line_bytes + len(block) if not count else len(block) - block.rfind(b"\n")
            found.long_lines |= line_bytes > LONGEST_LINE_BYTES
            last = block[-1:]
            if out:
                out.write(block)
    except (zstandard.ZstdError, *DAMAGED_ZIP) as error:
        found.damage = f"damaged after {found.size:,} bytes: {error}"
    except LimitReached as error:
        found.damage = str(error)
    finally:
        if out:
            out.close()
    found.digest, found.ends_with_newline = digest.hexdigest(), last in (b"\n", b"")
    return found


def _blocks(stream: IO[bytes], magic: bytes) -> Iterator[bytes]:
    if magic[:2] == b"\x1f\x8b":
        return _limited(_gunzip(stream), stream)
    if magic == b"\x28\xb5\x2f\xfd":
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            stream, read_across_frames=True
        )
        return _limited(iter(lambda: reader.read(BLOCK_BYTES), b""), stream)
    return _limited(iter(lambda: stream.read(BLOCK_BYTES), b""), None)


def _gunzip(stream: IO[bytes]) -> Iterator[bytes]:
    unpack, fed = zlib.decompressobj(wbits=31), False
    while packed := stream.read(1 << 16):
        while packed:
            fed = True
            yield unpack.decompress(packed, BLOCK_BYTES)
            packed = unpack.unconsumed_tail
            if unpack.eof:
                packed = unpack.unused_data.lstrip(b"\0")
                unpack, fed = zlib.decompressobj(wbits=31), False
    if fed:
        raise EOFError("the gzip stream ends before its end mark")


def _limited(blocks: Iterator[bytes], packed: IO[bytes] | None) -> Iterator[bytes]:
    total = 0
    for block in blocks:
        total += len(block)
        if total > LARGEST_FILE_BYTES:
            raise LimitReached(f"larger than {LARGEST_FILE_BYTES >> 30} GiB unpacked; split it")
        if packed is not None and total > RATIO_FREE_BYTES:
            read = max(packed.tell(), 1)
            if total / read > HIGHEST_RATIO:
                raise LimitReached(f"unpacks to more than {HIGHEST_RATIO} times its size: a bomb")
        yield block


def _cut_long_lines(source: Path, target: Path) -> None:
    """Copy with every line over the limit cut to 200 bytes, so that it is one damaged record."""
    with source.open("rb") as read, target.open("wb") as write:
        while piece := read.readline(LONGEST_LINE_BYTES):
            if piece.endswith(b"\n") or len(piece) < LONGEST_LINE_BYTES:
                write.write(piece)
                continue
            write.write(piece[:200] + b"\n")
            while piece and not piece.endswith(b"\n"):
                piece = read.readline(LONGEST_LINE_BYTES)


def tail(opened_file: Opened, offset: int, spool: Path) -> Path:
    """The bytes of a grown file after `offset`, in a file of their own."""
    target = spool / f"tail-{opened_file.file_id}"
    with opened_file.plain.open("rb") as read, target.open("wb") as write:
        read.seek(offset)
        shutil.copyfileobj(read, write, BLOCK_BYTES)
    return target
