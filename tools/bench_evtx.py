"""Rate of reading EVTX into table rows, beside the evtx library and orjson alone on the same file.

    python -m tools.bench_evtx ../shared/data/telemetry/evtx-benign/sysmon.evtx.gz

The chunks of the given files (plain or .gz) are repeated into one long file first. Each side runs
several times in turn and its best time counts.
"""

from __future__ import annotations

import argparse
import gzip
import struct
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import duckdb
import orjson
from evtx import PyEvtxParser

from kizashi.sources import InputFile, windows

HEADER_BYTES = 4096
CHUNK_BYTES = 65536


def long_file(paths: list[Path], chunks: int, target: Path) -> None:
    """Writes the sound chunks of the files, again and again, behind a header that counts them."""
    sound = [chunk for path in paths for chunk in _chunks(_unpacked(path))]
    header = bytearray(_unpacked(paths[0])[:HEADER_BYTES])
    struct.pack_into("<QQ", header, 8, 0, chunks - 1)
    struct.pack_into("<H", header, 42, chunks)
    struct.pack_into("<I", header, 124, zlib.crc32(bytes(header[:120])))
    with target.open("wb") as stream:
        stream.write(header)
        for n in range(chunks):
            stream.write(sound[n % len(sound)])


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def _chunks(data: bytes) -> Iterator[bytes]:
    for start in range(HEADER_BYTES, len(data) - CHUNK_BYTES + 1, CHUNK_BYTES):
        chunk = data[start : start + CHUNK_BYTES]
        if chunk.startswith(b"ElfChnk\0"):
            yield chunk


def bare(path: Path) -> int:
    """Records that the library gives, each through orjson."""
    records = cast(Iterator[dict[str, Any]], PyEvtxParser(str(path)).records_json())
    count = 0
    while True:
        try:
            for record in records:
                orjson.loads(record["data"])
                count += 1
            return count
        except RuntimeError:
            continue


def mapped(path: Path) -> int:
    """Records that the source turns into rows of the event tables."""
    with path.open("rb") as stream:
        head = stream.read(65536)
    file = InputFile(path.name, path, 1, head, path.stat().st_size, 0)
    count = 0
    with duckdb.connect() as con:
        for batch in windows.read(file, con):
            for sql in batch.selects.values():
                con.execute(f"CREATE OR REPLACE TEMP TABLE mapped AS {sql}")
            count += batch.read - len(batch.rejects)
    return count


def best(side: Callable[[Path], int], path: Path, rates: list[float]) -> None:
    """Adds the rate of one more run."""
    began = time.perf_counter()
    count = side(path)
    rates.append(count / (time.perf_counter() - began))


def main() -> None:
    """Prints both rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--chunks", type=int, default=7200)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "long.evtx")
        long_file(arguments.paths, arguments.chunks, path)
        bare_rates: list[float] = []
        mapped_rates: list[float] = []
        for _run in range(arguments.runs):
            best(bare, path, bare_rates)
            best(mapped, path, mapped_rates)
    fastest_bare, fastest_mapped = max(bare_rates), max(mapped_rates)
    print(f"evtx + orjson   {fastest_bare:,.0f} records/s")
    print(f"kizashi windows {fastest_mapped:,.0f} records/s")
    print(f"ratio           {fastest_mapped / fastest_bare:.2f}")


if __name__ == "__main__":
    main()
