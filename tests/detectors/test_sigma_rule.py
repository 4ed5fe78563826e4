"""A Sigma rule in a detector folder is a detector like the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from kizashi.detectors import detectors, missing_columns, run
from kizashi.detectors.cases import Derive, Row, connect, load_cases, run_case, signals
from kizashi.errors import KizashiError

TOML = """
title = "Odd shell"
title_ja = "不審なシェル"
summary = "{image} ran {events} times"
summary_ja = "{image} を {events} 回実行"
attack = ["T1059"]
stage = "execution"
entity = "process"
partition = "host"
family = "odd_shell"
status = "preview"
lateness_minutes = 60
benign = "An administrator."
benign_ja = "管理者。"
[reads]
process_activity = ["image", "command_line"]
[lookback]
hours = 24
[chance]
per_host_day = 0.01
source = "made up"
[settings]
confidence = { default = 0.7, unit = "probability", why = "made up for the test" }
"""
RULE = """
title: Odd shell
logsource: {product: windows, category: process_creation}
detection:
  selection:
    Image|endswith: '\\cmd.exe'
    CommandLine|contains: ["whoami", "it's"]
  filter:
    ParentImage|endswith: '\\agent.exe'
  condition: selection and not filter
"""
FAILED = """
title: failed
name: failed
logsource: {product: windows, category: process_creation}
detection:
  s: {CommandLine|contains: net use}
  condition: s
"""
CORRELATION = (
    FAILED
    + """---
title: many shares
correlation:
  type: value_count
  rules: [failed]
  group-by: [Computer, User]
  timespan: 10m
  condition: {field: CommandLine, gte: 3}
"""
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    own = tmp_path / "process_odd_shell"
    own.mkdir()
    (own / "detector.toml").write_text(TOML, "utf-8")
    (own / "detector.yml").write_text(RULE, "utf-8")
    return own


def starts(*rows: Row) -> dict[str, list[Row]]:
    same = {"activity": "start", "host_id": "/pc-07", "user": "aoki"}
    return {"process_activity": [{**same, **row} for row in rows]}


def at(clock: str, command: str, **more: object) -> Row:
    image = r"C:\Windows\System32\cmd.exe"
    return {"time": f"2026-03-02T{clock}", "image": image, "command_line": command, **more}


def found(folder: Path, events: dict[str, list[Row]], derive: Derive) -> list[Row]:
    con = connect(events, (), derive)
    run(detectors([folder])[folder.name], con)
    return signals(con)


def test_a_rule_gives_a_signal_a_behaviour_with_its_links(folder: Path, derive: Derive) -> None:
    events = starts(
        at("09:00:00", "cmd /c WHOAMI", process_guid="P-1"),
        at("09:59:00", "cmd /c echo It's", process_guid="P-2"),
        at("11:00:00", "cmd /c whoami", process_guid="P-3"),
        at("11:00:00", "cmd /c dir", process_guid="P-4"),
        at("11:00:00", "cmd /c whoami", process_guid="P-5", parent_image=r"C:\x\agent.exe"),
        at("11:00:00", "cmd /c whoami", process_guid="P-6", activity="stop"),
    )
    told = found(folder, events, derive)
    assert [(row["process_guid"], row["events"], len(row["evidence"])) for row in told] == [
        ("P-1", 2, 2),
        ("P-3", 1, 1),
    ]
    assert [row["confidence"] for row in told] == [0.7, 0.7]


def test_what_many_hosts_do_alike_weighs_half(folder: Path, derive: Derive) -> None:
    events = starts(*(at("09:00:00", "whoami", host_id=f"/pc-{n}") for n in range(5)))
    told = found(folder, events, derive)
    assert [(row["hosts_with_program"], row["confidence"]) for row in told] == [(5, 0.35)] * 5


def test_an_absent_field_of_a_filter_excludes_nothing(folder: Path, derive: Derive) -> None:
    assert len(found(folder, starts(at("09:00:00", "whoami", parent_image=None)), derive)) == 1


def test_it_is_blind_without_its_columns(folder: Path, derive: Derive) -> None:
    con = connect(starts(at("09:00:00", "whoami")), ("process_activity.command_line",), derive)
    detector = detectors([folder])["process_odd_shell"]
    assert missing_columns(detector, con) == ["process_activity.command_line"]


def test_its_cases_run_like_those_of_others(folder: Path, derive: Derive) -> None:
    (folder / "cases.yaml").write_text(
        "- name: one shell\n  kind: fires\n  events:\n    process_activity:\n"
        "      - {time: '2026-03-02T09:00:00', host_id: /pc-07, activity: start,\n"
        "         image: 'C:\\cmd.exe', command_line: whoami}\n"
        "  expect: [{host_id: /pc-07, events: 1, image: 'C:\\cmd.exe'}]\n",
        "utf-8",
    )
    (case,) = load_cases(folder)
    assert run_case(detectors([folder])["process_odd_shell"], case, derive) == []


def test_a_correlation_groups_orders_and_slides(folder: Path, derive: Derive) -> None:
    (folder / "detector.yml").write_text(CORRELATION, "utf-8")
    events = starts(
        *(at(f"09:0{n}:00", rf"net use \\srv\{n}") for n in range(3)),
        *(at(f"10:0{n}:00", r"net use \\srv\same") for n in range(3)),
        *(at(f"11:0{n}:00", rf"net use \\srv\{n}", host_id=f"/pc-{n}") for n in range(3)),
    )
    (row,) = found(folder, events, derive)
    assert (row["host_id"], row["amount"], row["group"]) == ("/pc-07", 3, "/pc-07, aoki")
    assert [place["record_no"] for place in row["evidence"]] == [1, 2, 3]
    assert str(row["first_seen"]) == "2026-03-02 09:00:00"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("Image|endswith", "Company|endswith"), "no column of process_activity holds Company"),
        (("condition: selection", "condition: nothing"), "detector.yml:10: "),
        (("process_creation", "weather"), "no log here is of the source"),
        (("category: process_creation", "service: security"), "no event table of ours"),
        (("  selection:\n    Image|endswith: '\\cmd.exe'", "  selection:\n    - whoami\n    - x"),
         "detector.yml:"),
        (("title: Odd shell", RULE.strip() + "\n---\ntitle: Odd shell"), "state one behaviour"),
        (("process_creation", "file_event"), "[reads] lacks file_activity"),
    ],
)  # fmt: skip
def test_a_rule_that_is_no_detector_says_why(
    folder: Path, change: tuple[str, str], reason: str
) -> None:
    text = RULE.replace(*change, 1)
    if "file_event" in change[1]:
        text = text.replace("CommandLine", "TargetFilename").replace("ParentImage", "User")
    (folder / "detector.yml").write_text(text, "utf-8")
    with pytest.raises(KizashiError) as raised:
        detectors([folder])
    assert reason in str(raised.value)
    assert str(raised.value).startswith("process_odd_shell")


def test_a_folder_needs_one_query(folder: Path) -> None:
    (folder / "detector.sql").write_text("SELECT 1", "utf-8")
    with pytest.raises(KizashiError, match="has both"):
        detectors([folder])
    (folder / "detector.sql").unlink()
    (folder / "detector.yml").unlink()
    with pytest.raises(KizashiError, match="has neither"):
        detectors([folder])
