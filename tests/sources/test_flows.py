"""Flows as nfdump writes them: which end asked, told by the ports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kizashi import pipeline
from kizashi.config import Config

NAMES = {
    "csv": ("sa", "da", "sp", "dp"),
    "fast": ("srcAddr", "dstAddr", "srcPort", "dstPort"),
    "json": ("src4_addr", "dst4_addr", "src_port", "dst_port"),
}


@pytest.mark.parametrize("form", NAMES)
@pytest.mark.parametrize(
    ("ports", "client", "initiated"),
    [
        ((50_000, 443), "192.0.2.10", None),
        ((443, 50_000), "198.51.100.7", False),
        # Two resolvers may speak from the port to the port: the sender asks.
        ((53, 53), "192.0.2.10", None),
        ((50_000, 50_001), "192.0.2.10", None),
    ],
)
def test_who_asked_is_told_by_the_ports(
    form: str, ports: tuple[int, int], client: str, initiated: bool | None, tmp_path: Path
) -> None:
    ends = dict(zip(NAMES[form], ("192.0.2.10", "198.51.100.7", *ports), strict=True))
    log = tmp_path / "flows.json"
    flow = {"first": "2026-03-02T09:00:00.020"} | ends | {"proto": 6, "in_bytes": 700}
    log.write_text(json.dumps(flow) + "\n", "utf-8")
    (line,) = pipeline.read(tmp_path / "lake", [log], Config(zone="UTC"))
    assert (line.source, line.stored) == ("nfdump", 1)
    with pipeline.open_settled(tmp_path / "lake") as con:
        asked = "SELECT client_ip, initiated, coalesce(bytes_out, bytes_in) FROM network_activity"
        assert con.execute(asked).fetchall() == [(client, initiated, 700)]
