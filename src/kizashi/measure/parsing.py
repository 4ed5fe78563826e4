"""`make bench-parse`: CPU of reading text logs, by product, against the engine's bare read of the
same file, and what one more small file costs. Printed, never asserted.

The logs are the source folders' own samples over and over, with other seconds, addresses and
numbers each time. The engine's bare read is twice: lines as they are, and taken apart by its own
reader (read_json for JSON, else read_csv by the sample's commonest divider), every value counted.
Each measurement runs in a process of its own; what that process needs for a small file is taken
off.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import Counter
from importlib.resources import files
from pathlib import Path
from random import Random

from kizashi.lake.ingest import connect
from kizashi.measure.bench import ingest_all, measured

PRODUCTS = (
    "fortigate", "panos", "cisco_asa", "checkpoint", "cef", "squid", "squid_combined", "named",
    "unbound", "dnsmasq", "iis", "entra_csv", "zeek_json", "suricata", "okta", "defender", "zeek",
    "windows",
)  # fmt: skip
SMALL_FILES = 20
_ADDRESS = re.compile(r"\b(\d{1,3}\.\d{1,3})\.\d{1,3}\.\d{1,3}\b")
_SECOND = re.compile(r"(?<=\d\d:)\d\d(?=:\d\d)|(?<=\d\d:\d\d:)\d\d")
_EPOCH = re.compile(r"\b(1[67]\d{3})\d{5}(?=\b|\d{3}\b|\d{9}\b)")


def varied(text: str, rng: Random) -> str:
    """The text with other minutes, seconds and hosts in it."""
    text = _ADDRESS.sub(lambda m: f"{m[1]}.{rng.randrange(256)}.{rng.randrange(1, 255)}", text)
    text = _SECOND.sub(lambda _m: f"{rng.randrange(60):02}", text)
    return _EPOCH.sub(lambda m: f"{m[1]}{rng.randrange(100_000):05}", text)


def make(sample: Path, target: Path, size: int, seed: int) -> None:
    """A log of at least `size` bytes: the sample's headings once, its records over and over."""
    lines = sample.read_text("utf-8").splitlines(keepends=True)
    count = 1 if sample.suffix == ".csv" else 0
    while lines[count].startswith("#"):
        count += 1
    heading, rng = "".join(lines[:count]), Random(seed)
    records = "".join(line for line in lines[count:] if not line.startswith("#")).rstrip() + "\n"
    with target.open("w", encoding="utf-8") as log:
        log.write(heading)
        while log.tell() < size:
            log.write("".join(varied(records, rng) for _ in range(max(1, 50_000 // len(records)))))


def read_lines(log: Path) -> None:
    """The engine alone: the file's lines as they are."""
    connect().execute(
        f"SELECT sum(strlen(line)) FROM read_csv('{log}', header=false, auto_detect=false, "
        "delim='\x01', quote='', escape='', columns={'line': 'VARCHAR'}, strict_mode=false)"
    ).fetchall()


def read_values(log: Path, divider: str) -> None:
    """The engine alone: the file taken apart by its own reader."""
    reader = (
        f"read_csv('{log}', delim='{divider}', all_varchar=true, null_padding=true, "
        "strict_mode=false, ignore_errors=true, parallel=false)"
        if divider
        else f"read_json('{log}', ignore_errors=true)"
    )
    connect().execute(f"SELECT count(COLUMNS(*)) FROM {reader}").fetchall()


def divider(sample: Path) -> str:
    """What divides the sample's records most often; an empty text for JSON."""
    text = "".join(line for line in sample.open(encoding="utf-8") if not line.startswith("#"))
    found = Counter(char for char in text if char in " ,\t|;")
    return "" if sample.suffix == ".json" else found.most_common(1)[0][0]


def measure(sample: Path, folder: Path, megabytes: int) -> str:
    """A line of the table: CPU-ms per MB of each read, ratios, and CPU-ms a small file."""
    log, small = folder / "big.log", folder / "small"
    small.mkdir()
    make(sample, log, megabytes * 1_000_000, seed=1)
    for number in range(SMALL_FILES + 1):
        make(sample, small / f"{number}.log", 2_000, seed=number + 2)
    size = log.stat().st_size / 1e6
    first = small / "0.log"
    started = measured(ingest_all, folder / "lake-1", [first])
    whole = measured(ingest_all, folder / "lake-2", [first, log])
    many = measured(ingest_all, folder / "lake-3", [small])
    bare = [
        (measured(read, log, *how).cpu_s - measured(read, first, *how).cpu_s) * 1000 / size
        for read, how in ((read_lines, ()), (read_values, (divider(sample),)))
    ]
    ours = (whole.cpu_s - started.cpu_s) * 1000 / size
    each = (many.cpu_s - started.cpu_s) * 1000 / SMALL_FILES
    return (
        f"{ours:9.1f} {bare[0]:9.2f} {bare[1]:9.2f} {ours / bare[0]:9.0f} {ours / bare[1]:9.1f}"
        f" {each:9.0f} {whole.peak_mb:9}"
    )


def main() -> None:
    """Measure the products named, or PRODUCTS."""
    parser = argparse.ArgumentParser(
        description="Example: python -m kizashi.measure.parsing fortigate squid --megabytes 10"
    )
    parser.add_argument("products", nargs="*", default=PRODUCTS, help="source folders")
    parser.add_argument("--megabytes", type=int, default=30)
    options = parser.parse_args()
    heads = ("ours", "lines", "values", "/lines", "/values", "a file", "peak MB")
    print("CPU-ms per MB; a file: CPU-ms for one of 2 KB\n")
    print(f"{'':16}" + "".join(f"{head:>10}" for head in heads))
    for product in options.products:
        samples = Path(str(files("kizashi.sources").joinpath(product, "samples")))
        kinds = (".log", ".json", ".csv")
        sample = min(path for path in samples.iterdir() if path.suffix in kinds)
        with tempfile.TemporaryDirectory(prefix="kizashi-bench-") as folder:
            print(f"{product:16}{measure(sample, Path(folder), options.megabytes)}", flush=True)


if __name__ == "__main__":
    main()
