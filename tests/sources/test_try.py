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
