"""The measurement of chains: what is planted, what is told apart, and that it can say no."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from kizashi import pipeline
from kizashi.incidents import Evidence, HuntResult, Incident, Stage
from kizashi.measure import chains as measuring
from kizashi.measure import lateral
from kizashi.measure.attack import SCENARIOS, STEPS, Attack, Plan, plant
from kizashi.measure.campaign import draw
from kizashi.measure.chains import (
    ADDRESS,
    FULL,
    Ground,
    Job,
    Outcome,
    Planted,
    Size,
    Verdict,
    ground,
    jobs,
    summary,
)
from kizashi.measure.variants import (
    ADDRESSES,
    LOGS,
    WHOLE,
    Variant,
    half,
    log_of,
    sensor_minutes,
)

DAYS, HOSTS = 10, 20


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return ground(7, tmp_path_factory.mktemp("chains"), 0, HOSTS, DAYS, False)


def planted(here: Ground, scenario: int, steps: frozenset[str]) -> Attack:
    host = here.recorder.organisation.workstations("ankara")[0]
    session = here.sessions.of(host, here.recorder.organisation.days[4])
    servers = here.recorder.organisation
    others = (servers.workstations("tokyo")[0], servers.server("tokyo", "file"))
    plan = Plan(
        draw(Random(3), "attack/test", scenario), scenario, host,
        session.start + timedelta(minutes=20), steps, others=others,
    )  # fmt: skip
    return plant(here.recorder.branch(), here.sessions, plan)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_step_of_a_scenario_leaves_traces_and_tells_itself(
    here: Ground, scenario: int
) -> None:
    attack = planted(here, scenario, frozenset(SCENARIOS[scenario]))
    assert {step for _, step in attack.events()} == set(SCENARIOS[scenario])
    assert [s.time for s in attack.stages] == sorted(s.time for s in attack.stages)
    hypotheses = {s.technique for s in attack.stages if s.hypothesis}
    said = {STEPS[name].technique for name in SCENARIOS[scenario] if STEPS[name].hypothesis}
    assert hypotheses == said


def test_a_step_that_is_off_leaves_no_trace(here: Ground) -> None:
    steps = frozenset(SCENARIOS[2]) - {"persistence", "service"}
    attack = planted(here, 2, steps)
    assert {step for _, step in attack.events()} == steps
    tables = {event.table for event, _ in attack.events()}
    assert "service_activity" not in tables
    assert len(attack.recorder.events) == len(list(attack.events()))


def test_scenario_two_crosses_from_one_site_to_the_other(here: Ground) -> None:
    attack = planted(here, 2, frozenset(SCENARIOS[2]))
    devices = {event.device for event, _ in attack.events() if event.device}
    assert devices == {attack.plan.host.name, *(host.name for host in attack.plan.others)}
    events = [(event, step) for event, step in attack.events()]
    (given,) = {e.values["assigned_ip"] for e, step in events if step == "vpn"}
    assert {e.client_ip for e, step in events if step == "shares" and e.source == "windows"} == {
        given
    }
    assert {e.values["user"] for e, step in events if step == "cloud"} == {
        attack.plan.host.person.mail if attack.plan.host.person else ""
    }


def test_without_a_tunnel_the_intruder_comes_from_the_machine_itself(here: Ground) -> None:
    way = lateral.Way(
        implant=here.recorder.branch().process(
            host := here.recorder.organisation.workstations("ankara")[0],
            at := here.sessions.of(host, here.recorder.organisation.days[4]).start, "a.exe",
        ),
        others=(here.recorder.organisation.server("tokyo", "file"),),
        campaign=draw(Random(3), "attack/test", 2),
    )  # fmt: skip
    assert way.source(here.recorder, at) == here.recorder.address(host, at)
    lateral.vpn(here.recorder.branch(), way, at)
    assert way.source(here.recorder, at) == way.tunnel_ip != here.recorder.address(host, at)


def test_half_of_the_logs_are_gone_and_the_same_half_each_time(here: Ground) -> None:
    for number in range(4):
        kept = {log_of(e) for e in here.recorder.events if half(number).change(e)}
        assert len(kept) in (len(LOGS) // 2, len(LOGS) // 2 + 1)
        assert kept == {log_of(e) for e in here.recorder.events if half(number).change(e)}


def test_a_whole_attack_is_the_first_incident_and_in_order(here: Ground, tmp_path: Path) -> None:
    measuring.prepare(here, WHOLE)
    verdict = measuring.run(here, Job(FULL, 0, 0, WHOLE, 1, whole=True), 7, tmp_path)
    assert (verdict.good, verdict.why, verdict.rank) == (True, "", 1)
    assert verdict.links >= 4
    assert verdict.wrong_links == 0
    assert {"mail", "script", "names", "theft"} <= set(verdict.steps_shown)
    assert 0 < verdict.linking_s < verdict.hunt_s
    assert list(tmp_path.iterdir()) == []


def test_the_lake_of_the_organisation_is_left_as_it_was(here: Ground, tmp_path: Path) -> None:
    measuring.prepare(here, WHOLE)
    before = sorted(p.stat().st_mtime_ns for p in here.lake(WHOLE).rglob("*.parquet"))
    measuring.overlay(here, Job(FULL, 1, 0, WHOLE, 1), 7, tmp_path)
    with pipeline.open_settled(tmp_path):
        pass
    assert before == sorted(p.stat().st_mtime_ns for p in here.lake(WHOLE).rglob("*.parquet"))


def told(attack: Attack, steps: list[str], rank: int, hosts: tuple[str, ...]) -> HuntResult:
    """One incident that tells these steps, a line of evidence each; the last is ordinary life."""
    begun = attack.stages[0].time
    stages = tuple(
        Stage(
            "execution", begun + timedelta(minutes=n), "d", (), "", "", "",
            (Evidence("a.log", n),), tied_to=n - 1 if n else None,
        )
        for n in range(len(steps))
    )  # fmt: skip
    incident = Incident(
        "i", rank, 5.0, "critical", "c", "t", "t", "", hosts, (), begun, begun, (), (), stages
    )
    return HuntResult((incident,))


def judged(here: Ground, steps: list[str], rank: int = 1, host: str = "") -> measuring.Verdict:
    attack = planted(here, 1, frozenset(SCENARIOS[1]))
    lines = {("a.log", n): name for n, name in enumerate(steps) if name}
    result = told(attack, steps, rank, (host or attack.plan.host.name,))
    return measuring.JUDGES[FULL](Job(FULL, 0, 0, WHOLE), [Planted(attack, lines)], result)


def test_an_incident_in_the_right_order_is_good(here: Ground) -> None:
    assert judged(here, ["mail", "script", "names", "theft"]).good


@pytest.mark.parametrize(
    ("steps", "rank", "host", "why"),
    [
        (["mail", "names", "script"], 1, "", "order ['mail', 'names', 'script']"),
        (["mail", "script"], 2, "", "rank 2"),
        (["mail", "script"], 1, "tk-pc-99", "hosts ('tk-pc-99',)"),
        ([""], 1, "", "no incident"),
    ],
)
def test_what_is_not_good_is_said_so(
    here: Ground, steps: list[str], rank: int, host: str, why: str
) -> None:
    verdict = judged(here, steps, rank, host)
    assert (verdict.good, verdict.why) == (False, why)


@pytest.mark.parametrize(
    ("held", "good", "blamed"),
    [
        ("own", True, ""),
        ("1/14 @ 192.0.2.254", True, ""),
        ("tk-dc-01", False, "tk-dc-01"),
        ("192.0.2.30", False, "192.0.2.30"),
    ],
)
def test_the_machine_or_one_of_several_is_right_and_a_server_is_blamed(
    here: Ground, held: str, good: bool, blamed: str
) -> None:
    attack = planted(here, 1, frozenset(SCENARIOS[1]))
    host = attack.plan.host.name if held == "own" else held
    result = told(attack, ["mail", "script"], 1, (host,))
    lines = {("a.log", 0): "mail", ("a.log", 1): "script"}
    verdict = measuring.JUDGES[ADDRESS](Job(ADDRESS, 0, 0, WHOLE), [Planted(attack, lines)], result)
    assert (verdict.good, verdict.blamed) == (good, blamed)
    (row,) = (r for r in summary(Outcome([verdict], [])) if r["goal"] == measuring.BLAMED)
    assert row["of"] == f"{int(bool(blamed))} of 1"


def test_a_link_to_ordinary_life_is_wrong(here: Ground) -> None:
    verdict = judged(here, ["mail", "", "script"])
    assert (verdict.links, verdict.wrong_links) == (2, 2)


def test_a_variant_moves_the_sensors_clock(here: Ground) -> None:
    event = next(e for e in here.recorder.events if e.source == "zeek" and e.site == "tokyo")
    seen = Variant("minutes", sensor_minutes).change(event)
    assert seen == replace(event, time=event.time + timedelta(minutes=7))


def test_behind_a_proxy_that_names_its_clients_the_machine_is_told(
    here: Ground, tmp_path: Path
) -> None:
    alone = next(v for v in ADDRESSES if v.name == "forwarded-alone")
    measuring.prepare(here, alone)
    verdict = measuring.run(here, Job(ADDRESS, 0, 0, alone, 1, whole=True), 7, tmp_path)
    assert (verdict.good, verdict.why, verdict.blamed) == (True, "", "")


def test_a_stopped_measurement_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hunted: list[Job] = []

    def work(task: measuring.Task) -> Verdict:
        hunted.append(task.job)
        return Verdict(task.job, True, steps_shown=["mail"])

    monkeypatch.setattr(measuring, "_work", work)
    monkeypatch.setattr(measuring, "ProcessPoolExecutor", lambda _workers: ThreadPoolExecutor(1))
    size = Size(2, (20, 20), 10, 6)

    def measure(minutes: float | None) -> Outcome:
        return measuring.measure(tmp_path, size, rows=(FULL,), minutes=minutes)

    assert measure(0).verdicts == []
    assert len(measure(None).verdicts) == len(hunted) == 6  # the six attacks of the size
    again = measure(0)
    assert {v.job.number for v in again.verdicts} == {j.number for j in jobs(size) if j.row == FULL}
    assert [v.steps_shown for v in again.verdicts] == [["mail"]] * 6
    assert len(hunted) == 6  # nothing was hunted twice
