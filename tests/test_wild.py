"""A detector gone wild is named, and the rest of the hunt is told as without it."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from importlib.resources import as_file, files
from pathlib import Path

from kizashi.config import load
from kizashi.pipeline import HuntOptions, hunt, read

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "organisation"
SIGNALS = 1_000_000
MOST_KB, MOST_S = 2_000_000, 300
WILD = f"""
SELECT site, host_id, time AS first_seen, time AS last_seen, query AS destination,
    getvariable('times') AS times, [{{'file_id': file_id, 'record_no': record_no + n}}] AS evidence
FROM dns_activity
CROSS JOIN range(getvariable('times')) AS t(n)
ORDER BY n, time, file_id, record_no
LIMIT {SIGNALS}
"""


def wild_detector(folder: Path) -> Path:
    """A detector of a user's own that speaks of every look-up a thousand times."""
    with as_file(files("kizashi.detectors") / "dns_predicted_name") as ours:
        shutil.copytree(ours, folder / "dns_wild")
    toml = folder / "dns_wild" / "detector.toml"
    head = toml.read_text("utf-8").split("[settings]")[0]
    setting = 'times = { default = 1000, unit = "count", why = "a mistake" }'
    toml.write_text(f"{head}[settings]\n{setting}\n", "utf-8")
    (folder / "dns_wild" / "detector.sql").write_text(WILD, "utf-8")
    return folder


def test_a_million_signals_of_one_detector_harm_no_other(tmp_path: Path) -> None:
    config = load(EXAMPLE / "kizashi.toml")
    lake = tmp_path / "lake"
    assert all(line.source for line in read(lake, [EXAMPLE], config))
    plain = hunt(lake, HuntOptions(config))
    folder = str(wild_detector(tmp_path / "own"))
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "kizashi", "hunt", "--lake", str(lake), "--folder", folder],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    took_s = time.monotonic() - began
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [i["id"] for i in told] == [i.id for i in plain.incidents]
    assert [i["score"] for i in told] == [round(i.score, 4) for i in plain.incidents]
    (blind,) = [b for b in told[0]["blind"] if b["subject"] == "dns_wild"]
    assert f"gone wild: {SIGNALS:,} signals" in blind["text"]
    assert took_s < MOST_S
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < MOST_KB
    print(f"{took_s:.0f} s, {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000:.0f} MB")
