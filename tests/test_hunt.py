"""From a folder of logs to ranked incidents, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kizashi import pipeline
from kizashi.config import Config, find
from kizashi.incidents import Asset, HuntResult, Incident

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "organisation"
LSASS = "telemetry/otrf/compound/LSASS_campaign_01"


def hunted(lake: Path, folder: Path) -> HuntResult:
    config = find(None, [folder])
    for line in pipeline.read(lake, [folder], config):
        assert line.read == line.stored + line.rejected + line.duplicate, line
    return pipeline.hunt(lake, pipeline.HuntOptions(config))


def told(incident: Incident) -> list[str]:
    return [stage.detector for stage in incident.stages]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, HuntResult]:
    lake = tmp_path_factory.mktemp("example") / "lake"
    return lake, hunted(lake, EXAMPLE)


def kizashi(*words: str) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-c", "from kizashi.cli import main; main()", *words]
    return subprocess.run(run, capture_output=True, text=True, check=False)


def test_a_console_that_lacks_a_letter_shows_it_as_an_escape() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "kizashi", "demo", "--lang", "ja"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert "\\u" in told.stdout


def test_the_planted_chain_is_the_first_incident_and_no_other_is_as_severe(
    example: tuple[Path, HuntResult],
) -> None:
    first, *others = example[1].incidents
    truth = json.loads(EXAMPLE.with_name("organisation.truth.json").read_text("utf-8"))
    assert (first.chain, first.site, first.hosts) == ("mail_to_c2", truth["site"], (truth["host"],))
    assert first.severity == "critical"
    assert {i.severity for i in others} <= {"low", "medium"}
    # Invitation, document, task, failing names, the library that the task runs, small posts.
    assert {"mail_auth_failed", "process_office_child", "task_created", "dns_random_names"} <= {
        *told(first)
    }
    assert {"process_script_lolbin", "http_small_posts"} <= {*told(first)}
    assert {"T1566.001", "T1204.002", "T1053.005", "T1568.002", "T1071.001"} <= {*first.techniques}
    assert [stage.time for stage in first.stages] == sorted(stage.time for stage in first.stages)
    assert first.missing == ()


def test_evidence_names_a_file_of_the_example_and_a_line_in_it(
    example: tuple[Path, HuntResult],
) -> None:
    for stage in example[1].incidents[0].stages:
        for evidence in stage.evidence:
            assert (EXAMPLE / evidence.file).is_file()
            assert evidence.line >= 1


def test_a_second_hunt_of_the_same_lake_tells_the_same_and_nothing_new(
    example: tuple[Path, HuntResult],
) -> None:
    lake, before = example
    after = hunted(lake, EXAMPLE)
    assert [(i.id, i.score, told(i)) for i in after.incidents] == [
        (i.id, i.score, told(i)) for i in before.incidents
    ]
    assert not any(i.new for i in after.incidents)


def test_the_command_writes_json_lines_a_page_and_its_exit_status(
    example: tuple[Path, HuntResult], tmp_path: Path
) -> None:
    page = tmp_path / "incidents.html"
    lake = str(example[0])
    done = kizashi(
        "hunt", "--lake", lake, "--report", str(page), "--fail-at", "high", "--lang", "ja",
        "--export", f"stix={tmp_path / 'incidents.json'}",
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    incidents = [json.loads(line) for line in done.stdout.splitlines()]
    assert incidents[0]["severity"] == "critical"
    assert "メール" in incidents[0]["title"]
    assert "Content-Security-Policy" in page.read_text("utf-8")
    bundle = json.loads((tmp_path / "incidents.json").read_text("utf-8"))
    assert [t["name"] for t in bundle["objects"] if t["type"] == "incident"] == [
        incident["title"] for incident in incidents
    ]
    quiet = kizashi("hunt", "--lake", lake, "--new")
    assert (quiet.returncode, quiet.stdout) == (0, "")


def test_a_source_without_a_zone_is_warned_of_until_someone_says_it(tmp_path: Path) -> None:
    log = tmp_path / "fw.log"
    log.write_text(
        'date=2026-03-02 time=09:00:00 devname="fw" logid="0000000013" type="traffic" '
        'subtype="forward" srcip=192.0.2.7 dstip=198.51.100.9 dstport=443 action="accept"\n',
        "utf-8",
    )
    assert kizashi("hunt", str(log), "--lake", str(tmp_path / "a")).returncode == 0
    unset = kizashi("hunt", "--lake", str(tmp_path / "a"), "--check-sources", "--table")
    assert unset.returncode == 4
    assert "source fortigate writes times without a zone" in " ".join(unset.stdout.split())
    given = kizashi(
        "hunt", str(log), "--lake", str(tmp_path / "b"), "--tz", "Asia/Tokyo", "--check-sources"
    )
    assert given.returncode == 0, given.stderr
    asked = "SELECT time FROM network_activity"
    (row,) = kizashi("query", asked, "--lake", str(tmp_path / "b"), "--json").stdout.splitlines()
    assert json.loads(row)["time"] == "2026-03-02 00:00:00"


def test_what_is_critical_comes_first_among_equals(example: tuple[Path, HuntResult]) -> None:
    lake, before = example
    last = before.incidents[-1]
    host = last.hosts[0].rpartition("/")[2]
    config = Config(assets=(Asset(host, "Hana Sato", 5),))
    after = pipeline.hunt(lake, pipeline.HuntOptions(config))
    mine = next(i for i in after.incidents if i.id == last.id)
    assert (mine.owners, mine.criticality) == (("Hana Sato",), 5)
    assert {i.id for i in after.incidents} == {i.id for i in before.incidents}
    alike = [i for i in after.incidents if i.severity == mine.severity]
    assert alike[0].criticality == 5
    assert [i.rank for i in after.incidents] == [*range(1, len(after.incidents) + 1)]


def test_a_path_that_does_not_exist_is_wrong_usage(tmp_path: Path) -> None:
    done = kizashi("hunt", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert "no such file or folder" in " ".join(done.stderr.split())


def test_an_empty_folder_says_what_could_not_be_seen(tmp_path: Path) -> None:
    result = hunted(tmp_path / "lake", tmp_path)
    assert result.incidents == ()
    assert "dns_nxdomain_burst" in {blind.subject for blind in result.blind}


@pytest.mark.real_data
def test_lsass_campaign_joins_windows_and_zeek_in_one_incident(
    shared_data: Path, tmp_path: Path
) -> None:
    first, *others = hunted(tmp_path / "lake", shared_data / LSASS).incidents
    assert others == []
    assert (first.chain, first.hosts) == ("download_to_control", ("mkt01",))
    assert "10.0.5.13" in first.destinations
    assert [d for d in told(first) if d != "process_script_lolbin"] == [
        "process_downloaded_run",
        "process_user_path_connects",
        "process_discovery_commands",
        "service_created",
        "process_lsass_access",
    ]
    files = {e.file.split("!")[-1] for stage in first.stages for e in stage.evidence}
    assert "files.log" in files
    assert any(name.endswith(".json") for name in files)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("archive", "detector"),
    [
        ("otrf/atomic/windows/persistence/host/empire_persistence_registry_modification_run_keys"
         "_standard_user.zip", "registry_run_key"),
        ("otrf/atomic/windows/persistence/host/empire_schtasks_creation_standard_user.zip",
         "task_created"),
        ("splunk-attack-data/T1053.005-atomic_red_team.nxlog.json.gz", "task_created"),
    ],
)  # fmt: skip
def test_persistence_recordings_raise_their_detector(
    shared_data: Path, tmp_path: Path, archive: str, detector: str
) -> None:
    hunted(tmp_path / "lake", shared_data / "telemetry" / archive)
    done = kizashi(
        "query", "SELECT DISTINCT detector FROM signal", "--lake", str(tmp_path / "lake"), "--json"
    )
    assert done.returncode == 0, done.stderr
    assert detector in {json.loads(line)["detector"] for line in done.stdout.splitlines()}


@pytest.mark.parametrize(
    "words",
    [["bogus"], ["hunt", "--fail-at", "x", "."], ["hunt"], ["hunt", ".", "--export", "a=b"]],
)
def test_wrong_usage_ends_with_status_2_and_no_traceback(words: list[str]) -> None:
    done = kizashi(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
