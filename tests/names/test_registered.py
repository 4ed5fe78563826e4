"""Feeds of newly registered domains as files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kizashi.errors import KizashiError
from kizashi.names.registered import Registered, load


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.example\nB.Example.\n", [("a.example", None), ("b.example", None)]),
        ("domain,created\na.example,2026-03-02\n", [("a.example", date(2026, 3, 2))]),
        ('"1";"a.example";"2026-03-02T10:00:00Z"\n', [("a.example", date(2026, 3, 2))]),
        ("20260302\ta.example\n# b.example\n\n", [("a.example", date(2026, 3, 2))]),
        ("a.example,2026-13-45\n\x1b[31m,\n", [("a.example", None)]),
    ],
)
def test_a_feed_is_read_with_or_without_dates(
    tmp_path: Path, text: str, expected: list[tuple[str, date | None]]
) -> None:
    (tmp_path / "feed").write_text(text, "utf-8")
    assert load(tmp_path / "feed") == [Registered(*row) for row in expected]


def test_a_file_without_a_domain_is_refused(tmp_path: Path) -> None:
    (tmp_path / "feed").write_text("nothing here\n", "utf-8")
    with pytest.raises(KizashiError, match="no domain in it"):
        load(tmp_path / "feed")
