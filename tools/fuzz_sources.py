"""Damaged lines by the hundred thousand: does any source crash, hang or grow?

    python -m tools.fuzz_sources [--lines 100000] [SOURCE ...]

Takes each source's own sample lines, damages them (bytes changed, cut, doubled, swapped, numbers
made huge, quotes and braces unbalanced, other encodings), reads them into a scratch lake in a
process of its own, and prints seconds, peak memory and what was wrong. Ends with 1 where something
was.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from kizashi import pipeline
from kizashi.config import Config

SOURCES = Path(__file__).resolve().parents[1] / "src" / "kizashi" / "sources"
SECONDS_A_LINE = 2 / 1000  # a hang is two seconds of one line; files hold thousands
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


def _read(folder: Path, lines: list[bytes], count: int, seed: int, out: Connection) -> None:
    log = folder / "damaged.log"
    # A log is mostly well: its first lines say whose it is.
    whole = (b"\n".join(lines) + b"\n") * (1 + SOUND_LINES // len(lines))
    log.write_bytes(whole + damaged(lines, count, Random(seed)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    said = sources = ""
    try:
        for line in pipeline.read(folder / "lake", [log], Config()):
            if line.read != line.stored + line.rejected + line.duplicate:
                said = f"unaccounted: {line}"
            sources = f"{line.source} {line.stored:,} stored, {line.rejected:,} set aside"
            sources += f" {line.note[:200]}"
    except Exception as error:
        said = f"{type(error).__name__}: {str(error)[:300]}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    out.send((time.monotonic() - start, (peak - before) // 1024, said, sources))


def main() -> int:
    """Every source with text samples, or those named; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    wrong = 0
    spawn = multiprocessing.get_context("spawn")
    for folder in sorted(p for p in SOURCES.iterdir() if (p / "samples").is_dir()):
        if given.sources and folder.name not in given.sources:
            continue
        texts = [p.read_bytes() for p in folder.glob("samples/**/*") if p.suffix != ".jsonl"]
        lines = [line for text in texts for line in text.splitlines() if line.strip()]
        with tempfile.TemporaryDirectory() as scratch:
            ours, theirs = spawn.Pipe(duplex=False)
            child = spawn.Process(
                target=_read, args=(Path(scratch), lines, given.lines, given.seed, theirs)
            )
            child.start()
            theirs.close()
            try:
                seconds, grown, said, read = ours.recv()
            except EOFError:
                seconds, grown, read = 0.0, 0, ""
                said = f"the process died ({child.exitcode})"
            child.join()
        slow = seconds > max(60.0, given.lines * SECONDS_A_LINE)
        told = said or ("slow" if slow else "large" if grown > MOST_MB else "")
        wrong += bool(told)
        print(f"{folder.name:24} {seconds:7.1f} s {grown:6} MB  {read}  {told}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
