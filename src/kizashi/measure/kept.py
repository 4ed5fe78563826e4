"""Results of a long measurement, kept as they come, so that a stopped one goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any


@cache
def code() -> str:
    """A mark of this very code: what other code found says nothing of it."""
    root = Path(str(files("kizashi")))
    mark = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        # The calibration is made from what is kept, and changes words alone.
        if path.suffix in (".py", ".sql", ".toml", ".yml") and path.name != "calibration.toml":
            mark.update(path.read_bytes())
    return mark.hexdigest()[:12]


class Kept:
    """A file of JSON lines, a key and a result each. What other code wrote is left aside."""

    def __init__(self, folder: Path, about: str) -> None:
        self._path = folder / f"kept-{code()}.jsonl"
        self._about = about
        self._found: dict[str, Mapping[str, Any]] = {}
        if self._path.exists():
            for line in self._path.read_text("utf-8").splitlines():
                said = json.loads(line)
                self._found[said["key"]] = said["value"]

    def get(self, key: str) -> Mapping[str, Any] | None:
        """What was found for the key; None where nothing was yet."""
        return self._found.get(f"{self._about} {key}")

    def add(self, key: str, value: Mapping[str, Any]) -> None:
        """Keep a result at once."""
        whole = f"{self._about} {key}"
        self._found[whole] = value
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"key": whole, "value": value}) + "\n")
