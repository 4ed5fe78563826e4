"""Infected host-days laid over a lake: what is drawn, when, and what is found."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import duckdb
import pytest

from kizashi import pipeline
from kizashi.config import Config
from kizashi.errors import UsageError
from kizashi.measure import dns, dns_regimes
from kizashi.measure.beacons import Machine
from kizashi.measure.generate import generate

START = datetime.fromisoformat("2026-03-02T08:00:00")  # UTC without a zone, as in the tables
PC = Machine("", "/pc-07", ((START, START + timedelta(hours=9)),), 9.0)


def hex_names(count: int) -> list[str]:
    chance = Random(3)
    return [f"{chance.getrandbits(40):010x}.example" for _ in range(count)]


def test_a_mistyped_name_differs_in_its_first_label_alone() -> None:
    made = {dns.mistyped("weather.example", Random(n)) for n in range(40)}
    assert len(made - {"weather.example"}) > 5
    assert all(name.endswith(".example") and 6 <= len(name.split(".")[0]) <= 8 for name in made)


def test_a_trial_lies_where_the_machine_is_on_and_ends_with_the_name_that_resolves() -> None:
    chance = Random(1)
    trials = dns.infections({"made": hex_names(110)}, [PC], 2, chance)
    # The sixth would use a name twice.
    assert [trial.pace_s for trial in trials] == [5.0, 60.0, 600.0, 5.0, 60.0]
    for trial in trials:
        rows = list(dns.infected_rows([trial], chance))
        assert [row["query"] for row in rows] == [*trial.failed, trial.resolved]
        assert [row["rcode"] for row in rows] == ["NXDOMAIN"] * 20 + ["NOERROR"]
        assert PC.stretches[0][0] <= trial.begin < trial.end < PC.stretches[0][1]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dns")
    generate(root / "logs", days=3, hosts=16, attack=False)
    list(pipeline.read(root / "lake", [root / "logs"], Config()))
    return root / "lake"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled names in the shape of the data: one family, and honest kinds of 200 names each."""
    folder = tmp_path_factory.mktemp("names")
    kinds = (
        "popular", "hsts", "dynamic_dns_zone", "umbrella_fqdn", "china", "synth_av_lookup",
        "synth_cdn", "disposable_mail", "tranco_new", "synth_dnsbl", "synth_dkim", "synth_rdns",
    )  # fmt: skip
    rows = [(name, 1, "made") for name in hex_names(400)]
    rows += [
        (f"{kind.replace('_', '-')}-shop{n}.example", 0, kind) for kind in kinds for n in range(200)
    ]
    con = duckdb.connect()
    con.execute("CREATE TABLE names (domain VARCHAR, label INTEGER, family VARCHAR)")
    con.executemany("INSERT INTO names VALUES (?, ?, ?)", rows)
    for split in ("train", "valid"):
        con.execute(f"COPY names TO '{folder}/domains_{split}.parquet' (FORMAT parquet)")
    return folder


def test_hexadecimal_names_are_found_on_every_infected_host_day(lake: Path, names: Path) -> None:
    report = dns.measure(lake, names, None, each=1, seed=1)
    assert [(o.family, o.pace_s, o.trials) for o in report.outcomes] == [
        ("made", pace_s, 1) for pace_s in dns.PACES
    ]
    assert [o.found for o in report.outcomes] == [1, 1, 1]
    assert report.blamed == {}


def test_a_folder_without_names_is_told(lake: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"domains_valid\.parquet"):
        dns.measure(lake, tmp_path, None, each=1, seed=1)


def test_with_the_program_logged_the_name_that_resolved_is_told(lake: Path, names: Path) -> None:
    report = dns.measure(lake, names, None, each=1, seed=2, evidence="process")
    assert [(o.named, o.misnamed) for o in report.outcomes] == [(1, 0)] * 3


def test_evidence_that_there_is_not_is_refused(lake: Path, names: Path) -> None:
    with pytest.raises(UsageError, match="name, flow, process"):
        dns.measure(lake, names, None, each=1, seed=1, evidence="rumour")


def test_a_search_of_a_regime_lies_where_its_machine_is_on() -> None:
    week = tuple((START + timedelta(days=n), START + timedelta(days=n, hours=9)) for n in range(12))
    machine = Machine("", "/pc-07", week, 9.0)
    for regime in dns_regimes.REGIMES:
        drawn = list(dns_regimes.searches(regime, {"made": hex_names(210)}, [machine], Random(1)))
        assert len(drawn) == 1
        rows = list(dns_regimes.look_ups(drawn[0]))
        assert [row["rcode"] for row in rows] == [
            *["NXDOMAIN"] * (regime.failed * regime.days), "NOERROR",
        ]  # fmt: skip
        asked = {str(row["time"])[:10] for row in rows}
        assert asked <= {str(low)[:10] for low, _high in week}
        assert len(asked) == regime.days


def test_sets_at_every_pace_are_found(lake: Path, names: Path) -> None:
    found = {one.regime.name: one for one in dns_regimes.measure(lake, names, None, seed=3)}
    for name in ("1,660 names a minute", "12 names a minute", "1 name a minute"):
        assert (found[name].searches, found[name].found) == (1, 1)
