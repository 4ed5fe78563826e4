"""Names per CPU-second of the whole command `kizashi names score`, start and output included.

    python -m training.speed ../shared/data/domains

Two inputs, each with 1 % algorithmic names: a resolver's mix, in which few names are asked often
(rank by a power law), and the same count of distinct names, which is the hardest case.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from training.train import SEED, load

COUNT = 400_000
ALGORITHMIC = 0.01


def mixed(honest: list[str], algorithmic: list[str], chance: Random) -> Iterator[str]:
    """A resolver's mix: the name of rank n comes about 1/n as often as the first."""
    for _ in range(COUNT):
        if chance.random() < ALGORITHMIC:
            yield chance.choice(algorithmic)
        else:
            yield honest[min(len(honest) - 1, int(len(honest) ** chance.random()))]


def distinct(honest: list[str], algorithmic: list[str], chance: Random) -> Iterator[str]:
    """Every name once."""
    few = int(COUNT * ALGORITHMIC)
    chosen = [*chance.sample(honest, COUNT - few), *chance.sample(algorithmic, few)]
    chance.shuffle(chosen)
    yield from chosen


def cpu_seconds(lines: list[str]) -> float:
    """CPU time of the command on these names."""
    with tempfile.TemporaryFile() as given:
        given.write(("\n".join(lines) + "\n").encode())
        given.seek(0)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "kizashi", "names", "score"]
        subprocess.run(command, stdin=given, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Prints both rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    data = load(parser.parse_args().folder, "train")
    chance = Random(SEED)
    honest = list(dict.fromkeys(n for f in data if f.startswith("benign:") for n in data[f]))
    algorithmic = [n for f in data if not f.startswith("benign:") for n in data[f]]
    chance.shuffle(honest)
    for made in (mixed, distinct):
        lines = list(made(honest, algorithmic, chance))
        spent = cpu_seconds(lines)
        print(
            f"{made.__name__}: {len(lines):,} names ({len(set(lines)):,} distinct), "
            f"{spent:.2f} CPU-s, {len(lines) / spent:,.0f} names per CPU-s"
        )


if __name__ == "__main__":
    main()
