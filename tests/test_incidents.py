"""What a person says of an incident changes the next hunt, and the hunt says how."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "organisation"


def kizashi(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kizashi", *words], capture_output=True, text=True, check=False
    )


def rows(*words: str) -> list[dict[str, Any]]:
    done = kizashi(*words)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_verdict_an_exception_and_what_they_change(tmp_path: Path) -> None:
    lake = ("--lake", str(tmp_path / "lake"))
    first = rows("hunt", str(EXAMPLE), *lake)[0]
    name, host = str(first["id"]), "ankara/an-pc-01"
    judged = kizashi("incidents", "set", name[:6], "--state", "benign", "--owner", "sato", *lake)
    assert "the next hunt weighs" in judged.stderr
    posts = {s["detector"] for s in first["stages"]}
    assert "http_small_posts" in posts
    destination = first["destinations"][-1]
    done = kizashi(
        "incidents", "except", "--detector", "http_small_posts", "--host", host, "--destination",
        destination, "--owner", "sato", "--reason", "a test", "--until", "2027-01-01", *lake,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    second = rows("hunt", *lake)[0]
    assert second["id"] == name
    assert second["score"] < first["score"]
    assert "earlier verdicts changed" in second["chance"]
    assert "http_small_posts" not in {s["detector"] for s in second["stages"]}
    (told,) = [row for row in rows("incidents", "list", *lake) if row["id"] == name]
    assert (told["state"], told["assignee"]) == ("benign", "sato")
    whats = [row["what"] for row in rows("incidents", "show", name, *lake)]
    assert whats[:3] == ["told", "state", "assignee"]
    (exception,) = rows("incidents", "exceptions", *lake)
    assert (exception["owner"], exception["until"]) == ("sato", "2027-01-01")


def test_an_exception_of_one_name_is_wrong_usage(tmp_path: Path) -> None:
    done = kizashi(
        "incidents", "except", "--detector", "http_beacon", "--destination", "a.example",
        "--owner", "sato", "--reason", "poll", "--until", "2027-01-01", "--lake", str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 2
    assert "at least 2 of" in done.stderr
