"""The derived views that cases run on: the lake's own."""

from __future__ import annotations

import duckdb
import pytest

from kizashi import entities, names
from kizashi.detectors.cases import Derive


def create_views(con: duckdb.DuckDBPyConnection) -> None:
    """Macros, public suffixes and every derived table over the events of the connection."""
    names.install(con)
    entities.derive(con)


@pytest.fixture(scope="session")
def derive() -> Derive:
    """What makes the derived views of a case."""
    return create_views
