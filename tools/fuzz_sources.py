"""Damaged lines by the hundred thousand: does any source crash, hang or grow?

    python -m tools.fuzz_sources [--lines 100000] [SOURCE ...]

Takes each source's own sample lines, damages them (bytes changed, cut, doubled, swapped, numbers
made huge, quotes and braces unbalanced, other encodings), reads them in a process of its own, half
of them as one file and the rest as files of BATCH lines, each into a lake of its own. Prints
CPU-seconds in all and of the slowest batch, by how much memory grew, and what was wrong: a crash, a
record unaccounted for, a batch that took two seconds more than the median one, or too much memory.
Ends with 1 where something was.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple

from kizashi import pipeline
from kizashi.config import Config

SOURCES = Path(__file__).resolve().parents[1] / "src" / "kizashi" / "sources"
HANG_S = 2.0  # by so much a batch with a line that hangs takes longer than the others
BATCH = 5_000
MOST_MB = 512
SOUND_LINES = 200
NASTY = (
    b"\x00", b"\xff\xfe", b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b"\t", b"|", b"=", b"%",
    b"9" * 400, b"-1", b"1e999", b"\xe3\x81", b"\x1b[2J", b"=cmd|' /C calc'!A0", b"A" * 3000,
    b"\xe2\x80\xae", b"NaN", b"null", b"0000-00-00", b"9999-99-99T99:99:99Z", b"<script>",
)  # fmt: skip


def damaged(lines: list[bytes], count: int, rng: Random) -> bytes:
    """So many lines, each with one to four things wrong."""
    made = []
    for _ in range(count):
        line = bytearray(rng.choice(lines))
        for _fault in range(rng.randint(1, 4)):
            at = rng.randrange(len(line) + 1)
            kind = rng.randrange(6)
            if kind == 0:
                line[at:at] = rng.choice(NASTY)
            elif kind == 1 and line:
                line[min(at, len(line) - 1)] = rng.randrange(256)
            elif kind == 2:
                del line[at : at + rng.randint(1, 40)]
            elif kind == 3:
                line[at:at] = line[max(0, at - rng.randint(1, 40)) : at]
            elif kind == 4:
                other = rng.choice(lines)
                line[at:] = other[rng.randrange(len(other)) :]
            else:
                line = line.replace(
                    rng.choice((b'"', b":", b",", b" ", b"=")), rng.choice(NASTY), 1
                )
        made.append(bytes(line).replace(b"\n", b" "))
    return b"\n".join(made) + b"\n"


class Outcome(NamedTuple):
    """What became of one source's damaged lines."""

    cpu_s: float
    worst_s: float  # of a batch
    median_s: float
    grown_mb: int
    wrong: str
    read: str

    @property
    def told(self) -> str:
        if self.worst_s - self.median_s > HANG_S:
            return self.wrong or f"hangs: {self.worst_s:.1f} s a batch, {self.median_s:.1f} s usual"
        return self.wrong or ("large" if self.grown_mb > MOST_MB else "")


def files(samples: list[list[bytes]], count: int, seed: int) -> Iterator[bytes]:
    """Half of the damaged lines as one file, then batches, each of one sample's lines. A log is
    mostly well: the first lines of each say whose it is."""
    rng = Random(seed)
    sizes = [count // 2] + [BATCH] * max(1, count // 2 // BATCH)
    for number, size in enumerate(sizes):
        lines = samples[number % len(samples)]
        whole = (b"\n".join(lines) + b"\n") * (1 + SOUND_LINES // len(lines))
        yield whole + damaged(lines, size, rng)


def _read(folder: Path, samples: list[list[bytes]], count: int, seed: int, out: Connection) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took: list[float] = []
    said = sources = ""
    for number, text in enumerate(files(samples, count, seed)):
        log = folder / f"damaged-{number}.log"
        log.write_bytes(text)
        began = time.process_time()
        try:
            for line in pipeline.read(folder / f"lake-{number}", [log], Config()):
                if line.read != line.stored + line.rejected + line.duplicate:
                    said = f"unaccounted: {line}"
                sources = sources or (
                    f"{line.source} {line.stored:,} stored, {line.rejected:,} set aside "
                    f"{line.note[:200]}"
                )
        except Exception as error:
            said = f"{type(error).__name__}: {str(error)[:300]}"
        took.append(time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    out.send((sum(took), max(took[1:]), median(took[1:]), (peak - before) // 1024, said, sources))


def fuzz(folder: Path, count: int, seed: int) -> Outcome:
    """The damaged lines of one source folder's samples, read in a process of its own."""
    texts = [p.read_bytes() for p in folder.glob("samples/**/*") if _is_log(p)]
    samples = [[line for line in text.splitlines() if line.strip()] for text in texts]
    samples.sort(key=len, reverse=True)
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as scratch:
        ours, theirs = spawn.Pipe(duplex=False)
        child = spawn.Process(target=_read, args=(Path(scratch), samples, count, seed, theirs))
        child.start()
        theirs.close()
        try:
            found = Outcome(*ours.recv())
        except EOFError:
            found = Outcome(0, 0, 0, 0, f"the process died ({child.exitcode})", "")
        child.join()
    return found


def _is_log(path: Path) -> bool:
    return path.is_file() and path.suffix not in (".jsonl", ".py")


def main() -> int:
    """Every source with text samples, or those named; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    wrong = 0
    for folder in sorted(p for p in SOURCES.iterdir() if (p / "samples").is_dir()):
        if given.sources and folder.name not in given.sources:
            continue
        found = fuzz(folder, given.lines, given.seed)
        wrong += bool(found.told)
        print(
            f"{folder.name:24} {found.cpu_s:7.1f} CPU-s, {found.worst_s:5.1f} a batch, "
            f"{found.grown_mb:4} MB  {found.read}  {found.told}",
            flush=True,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
