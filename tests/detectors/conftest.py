"""The derived views that cases run on."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import duckdb
import pytest

from kizashi import names
from kizashi.detectors.cases import Derive


def stand_in(con: duckdb.DuckDBPyConnection) -> None:
    """Plain recomputes behind the views' final names and columns."""
    names.install(con)
    con.execute(Path(__file__).with_name("derived.sql").read_text("utf-8"))


@pytest.fixture(scope="session")
def derive() -> Derive:
    """The lake's own views where they exist."""
    if importlib.util.find_spec("kizashi.lake.derived") is None:
        return stand_in
    create_views: Derive = importlib.import_module("kizashi.lake.derived").create_views
    return create_views
