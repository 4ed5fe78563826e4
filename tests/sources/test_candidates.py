"""Mappings are asked fewer questions than there are, with the same answers."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from kizashi.sources import mapped, sources
from kizashi.sources.candidates import candidates
from kizashi.sources.records import SCHEMA

SOURCES = Path(__file__).resolve().parents[2] / "src" / "kizashi" / "sources"
# Text that many mappings look for, that none does, and that breaks their formats.
ODD = (
    "nothing that anyone knows",
    '{"message": "type=traffic subtype=forward logid=1", "time": "2026-03-02T00:00:00Z"}',
    '<134>Mar  2 09:00:00 gw1 date=2026-03-02 time=09:00:00 logid="0" type="utm" subtype="dns" a="',
    '{"event_Type": "x", "eventSource": 1, "awsRegion": "r", "eventName": null}',
)


def lines_of_samples() -> list[str]:
    found = sorted(SOURCES.glob("*/samples/sample.*"))
    texts = [path.read_text("utf-8").split("\n")[:20] for path in found]
    return [line.strip() for text in texts for line in text if line.strip()]


def test_a_mapping_left_out_would_have_taken_nothing() -> None:
    (shared,) = {one.others for one in sources().values() if isinstance(one, mapped.MappedSource)}
    layouts = shared.layouts
    lines = [*lines_of_samples(), *ODD]
    con = duckdb.connect(config={"threads": 1})
    con.execute(mapped._sql("text"))
    mapped._unwrap(con, pa.table([range(len(lines)), lines], schema=SCHEMA), shared, set())
    everyone = mapped._claiming(layouts, {*layouts}, set())
    differing = con.execute(
        f"SELECT line, mapping, {everyone} FROM claimed_row WHERE mapping <> {everyone}"
    ).fetchall()
    taken = {name for (name,) in con.execute("SELECT mapping FROM claimed_row").fetchall()}
    assert differing == []
    assert len(taken) > len(layouts) // 2  # CSV samples are asked by their header, not by line


def test_what_no_mapping_knows_leaves_few_to_ask() -> None:
    (shared,) = {one.others for one in sources().values() if isinstance(one, mapped.MappedSource)}
    asked = candidates(shared.layouts.values())
    assert len(asked.of(["nothing that anyone knows"])) < 8  # those that ask a header's program
    assert "fortigate" not in asked.of(["nothing that anyone knows"])
    assert "fortigate" in asked.of(['logid="1" type="utm" subtype="dns" ', "nothing"])
