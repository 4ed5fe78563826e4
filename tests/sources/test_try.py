"""`kizashi sources try`: from a log that nobody knows to a mapping that reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kizashi.cli import app

GATE_CSV = (
    "日時,送信元IP,宛先IP,URL,ユーザー名,処理\n"
    "2026/03/02 09:00:00,192.0.2.10,198.51.100.7,http://a.example/b,花,遮断\n"
)


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["sources", *words])
    return done.exit_code, done.stdout


def test_the_mapping_proposed_for_an_unknown_csv_reads_it(tmp_path: Path) -> None:
    log = tmp_path / "gate.csv"
    log.write_bytes(GATE_CSV.encode("cp932"))
    _code, proposal = run("try", str(log))
    mapping = tmp_path / "gate" / "mapping.toml"
    mapping.parent.mkdir()
    mapping.write_text(proposal, "utf-8")
    code, said = run("try", str(log), "--mapping", str(mapping), "--tz", "Asia/Tokyo", "--json")
    (row,) = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert (code, row["table"], row["record"]) == (0, "http_activity", 2)
    for part in ("time=2026-03-02 00:00:00,", "client_ip=192.0.2.10", "host=a.example", "user=花",
                 "disposition=blocked"):  # fmt: skip
        assert part in row["values"]


def _tried(tmp_path: Path, data: bytes) -> tuple[dict[str, str], str]:
    """The first row as the proposed mapping of a file reads it, and what is said beside it."""
    log = tmp_path / "unknown.log"
    log.write_bytes(data)
    _code, proposal = run("try", str(log))
    mapping = tmp_path / "own" / "mapping.toml"
    mapping.parent.mkdir()
    mapping.write_text(proposal, "utf-8")
    done = CliRunner().invoke(
        app, ["sources", "try", str(log), "--mapping", str(mapping), "--json"]
    )
    first, *_rest = [json.loads(line) for line in done.stdout.splitlines() if line[:1] == "{"]
    values = dict(part.partition("=")[::2] for part in first["values"].split(", "))
    return {"table": first["table"], **values}, done.stderr


def test_a_header_in_full_width_letters_is_understood(tmp_path: Path) -> None:
    text = "発生日時,利用者ＩＤ,接続元ＩＰ,ＵＲＬ,判定\n2026/03/02 09時00分05秒,u1,192.0.2.7,http://a.example/b,許可\n"
    row, _said = _tried(tmp_path, text.encode("cp932"))
    wanted = {"table": "http_activity", "time": "2026-03-02 09:00:05", "user": "u1",
              "client_ip": "192.0.2.7", "host": "a.example", "disposition": "allowed"}  # fmt: skip
    assert {name: row.get(name) for name in wanted} == wanted


def test_cells_without_a_header_are_named_by_what_they_hold(tmp_path: Path) -> None:
    line = (
        "<134>Mar  2 09:00:00 gw-9 GATE|v2|{kind}|2026-03-02T09:00:0{n}+09:00|"
        "192.0.2.7:4000{n}>198.51.100.9:443|tcp|PERMIT|usr=u{n}\n"
    )
    lines = "".join(line.format(n=n, kind="LOGIN" if n == 3 else "FLOW") for n in range(6))
    row, _said = _tried(tmp_path, lines.encode())
    wanted = {"table": "network_activity", "time": "2026-03-02 00:00:00", "user": "u0",
              "client_ip": "192.0.2.7", "client_port": "40000", "server_ip": "198.51.100.9",
              "server_port": "443", "transport": "tcp", "disposition": "allowed"}  # fmt: skip
    assert {name: row.get(name) for name in wanted} == wanted


def test_times_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    row, said = _tried(tmp_path, GATE_CSV.replace("2026/03/02", "02~03~2026").encode())
    assert "time" not in row
    assert "records whose time could not be read" in " ".join(said.split())


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ('{"device": {"src": "192.0.2.1"}, "when": 1, "kind": "x"}\n', "json"),
        ('unit=3 saddr=192.0.2.1 daddr=192.0.2.2 verdict="ok then" when=1\n', "pairs"),
        ("a;b c,d,e,f\n", "list"),
    ],
)
def test_a_proposal_names_the_format_and_every_field(text: str, form: str, tmp_path: Path) -> None:
    log = tmp_path / "unknown.log"
    log.write_text(text, "utf-8")
    code, said = run("try", str(log))
    assert (code, f'format = "{form}"' in said) == (0, True)


def test_a_known_file_shows_its_rows(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(
        "1772409603.000 1 192.0.2.11 TCP_DENIED/403 3800 POST http://bad.example/up - NONE/- -\n"
    )
    code, said = run("try", str(log), "--json")
    assert code == 0
    assert "host=bad.example" in said


def test_the_plain_verb_still_lists_the_formats() -> None:
    code, said = run("--json")
    assert code == 0
    assert {"zeek", "squid", "fortigate"} <= {json.loads(row)["id"] for row in said.splitlines()}
