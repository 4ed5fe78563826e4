"""Places of addresses by local MMDB files: what sign-ins gain, and files that are none."""

from __future__ import annotations

import json
import struct
from ipaddress import IPv4Network, ip_network
from pathlib import Path

import pytest

from kizashi import config, pipeline
from kizashi.errors import KizashiError

pytest.importorskip("maxminddb", reason="make installs it; an older environment lacks it")

MARKER = b"\xab\xcd\xefMaxMind.com"
Value = str | int | float | dict[str, "Value"]


def packed(value: Value) -> bytes:
    """A value as the MaxMind DB format 2.0 writes it, for short texts and small maps."""
    if isinstance(value, dict):
        parts = b"".join(packed(key) + packed(item) for key, item in value.items())
        return bytes([7 << 5 | len(value)]) + parts
    if isinstance(value, float):
        return bytes([3 << 5 | 8]) + struct.pack(">d", value)
    if isinstance(value, int):
        return bytes([6 << 5 | 4]) + struct.pack(">I", value)
    text = value.encode()
    return bytes([2 << 5 | len(text)]) + text


def mmdb(path: Path, known: dict[str, Value]) -> Path:
    """A file of IPv4 networks; records of 32 bits."""
    nodes: list[list[int | str | None]] = [[None, None]]
    for text in known:
        network = ip_network(text)
        assert isinstance(network, IPv4Network)
        at = 0
        for bit in range(network.prefixlen):
            side = int(network.network_address) >> (31 - bit) & 1
            if bit == network.prefixlen - 1:
                nodes[at][side] = text
            else:
                below = nodes[at][side]
                if not isinstance(below, int):
                    nodes.append([None, None])
                    below = nodes[at][side] = len(nodes) - 1
                at = below
    data, offsets = b"", {}
    for text, value in known.items():
        offsets[text] = len(data)
        data += packed(value)
    tree = b"".join(
        struct.pack(
            ">I",
            len(nodes) if side is None
            else side if isinstance(side, int)
            else len(nodes) + 16 + offsets[side],
        )
        for node in nodes
        for side in node
    )  # fmt: skip
    path.write_bytes(tree + bytes(16) + data + MARKER + about(len(nodes)))
    return path


def about(nodes: int) -> bytes:
    """What a file says of itself."""
    short = {
        "record_size": 32, "ip_version": 4, "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
    }  # fmt: skip
    said = [packed("node_count") + packed(nodes), packed("database_type") + packed("test")]
    said += [packed(k) + bytes([5 << 5 | 2]) + struct.pack(">H", v) for k, v in short.items()]
    said += [packed("build_epoch") + bytes([8, 2]) + bytes(8)]  # extended: 64 bits
    said += [packed("languages") + bytes([1, 4]) + packed("en")]
    said += [packed("description") + packed({"en": "test"})]
    return bytes([7 << 5 | len(said)]) + b"".join(said)


def sign_in(time: str, address: str) -> str:
    return json.dumps(
        {
            "time": time, "category": "SignInLogs",
            "properties": {
                "createdDateTime": time, "userPrincipalName": "hana@example.co.jp",
                "ipAddress": address, "status": {"errorCode": 0}, "appDisplayName": "Office",
            },
        }
    )  # fmt: skip


TOKYO: Value = {"country": {"iso_code": "JP"}, "location": {"latitude": 35.7, "longitude": 139.7}}
TEHRAN: Value = {"country": {"iso_code": "IR"}, "location": {"latitude": 35.7, "longitude": 51.4}}


def hunted(tmp_path: Path, places: str) -> tuple[list[str], set[str]]:
    """Networks and countries of the sign-ins, and what signals there are."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "kizashi.toml").write_text(f"[organisation]\n{places}\n", "utf-8")
    lines = [
        sign_in("2026-03-02T09:00:00Z", "198.18.1.7"),
        sign_in("2026-03-02T10:00:00Z", "198.19.1.7"),
        sign_in("2026-03-02T10:05:00Z", "10.1.2.3"),
    ]
    (logs / "entra.json").write_text("\n".join(lines) + "\n", "utf-8")
    settled = config.find(None, [logs])
    list(pipeline.read(tmp_path / "lake", [logs / "entra.json"], settled))
    pipeline.hunt(tmp_path / "lake", pipeline.HuntOptions(settled))
    with pipeline.open_settled(tmp_path / "lake") as con:
        rows = con.execute(
            "SELECT concat_ws(' ', client_ip, country, network) FROM sign_in ORDER BY time"
        ).fetchall()
        signals = con.execute(
            f"SELECT DISTINCT detector FROM '{tmp_path / 'lake' / pipeline.SIGNALS}'"
        ).fetchall()
    return [row[0] for row in rows], {row[0] for row in signals}


def test_a_local_file_places_sign_ins_that_say_no_place(tmp_path: Path) -> None:
    mmdb(tmp_path / "city.mmdb", {"198.18.0.0/16": TOKYO, "198.19.0.0/16": TEHRAN})
    mmdb(tmp_path / "asn.mmdb", {"198.19.0.0/16": {"autonomous_system_number": 64500}})
    rows, signals = hunted(tmp_path, 'places = ["../city.mmdb", "../asn.mmdb"]')
    assert rows == ["198.18.1.7 JP 198.18", "198.19.1.7 IR AS64500", "10.1.2.3"]
    assert "authentication_impossible_travel" in signals


def test_without_a_file_the_same_sign_ins_have_no_place(tmp_path: Path) -> None:
    rows, signals = hunted(tmp_path, "")
    assert rows[0] == "198.18.1.7 198.18"
    assert "authentication_impossible_travel" not in signals


def test_files_of_other_makers_spell_it_flat(tmp_path: Path) -> None:
    mmdb(tmp_path / "flat.mmdb", {"198.18.0.0/16": {"country_code": "TR", "asn": "AS64501"}})
    rows, _signals = hunted(tmp_path, 'places = "../flat.mmdb"')
    assert rows[0] == "198.18.1.7 TR AS64501"


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.mmdb").write_bytes(b"not a database")
    with pytest.raises(KizashiError, match=r"bad\.mmdb.*organisation\.places must name MMDB"):
        hunted(tmp_path, 'places = ["../bad.mmdb"]')


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KizashiError, match=r"places: .*none\.mmdb: no such file"):
        hunted(tmp_path, 'places = ["../none.mmdb"]')
