"""`kizashi setup`: what it proposes can be loaded, and says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from kizashi import config, setup
from kizashi.measure.generate import generate


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("setup")
    generate(root / "logs", days=5, hosts=24, attack=False)
    (root / "logs" / "kizashi.toml").unlink()
    (root / "scratch").mkdir()
    text = setup.propose([root / "logs"], root / "scratch")
    target = root / "kizashi.toml"
    target.write_text(text, "utf-8")
    return target


def test_what_is_proposed_can_be_loaded(proposed: Path) -> None:
    found = config.load(proposed)
    assert found.domains == ("example.co.jp",)
    assert [site.name for site in found.sites] == ["ankara", "tokyo"]
    assert found.zones == {"ankara": "Europe/Istanbul", "tokyo": "Asia/Tokyo"}
    assert found.site_of("tokyo/zeek/dns.log.gz") == "tokyo"


def test_a_site_has_its_machines_and_its_calendar(proposed: Path) -> None:
    tokyo = next(site for site in config.load(proposed).sites if site.name == "tokyo")
    assert tokyo.resolvers
    assert tokyo.subnets
    assert tokyo.workdays == config.WEEK[:5]


def test_every_proposal_has_its_reason(proposed: Path) -> None:
    text = proposed.read_text("utf-8")
    for words in ("has its middle at", "answers ", "Sources, their span"):
        assert words in text


def test_logs_without_anything_propose_a_site_to_fill_in(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "scratch").mkdir()
    text = setup.propose([tmp_path / "logs"], tmp_path / "scratch")
    (tmp_path / "k.toml").write_text(text, "utf-8")
    assert config.load(tmp_path / "k.toml").sites[0].zone == "UTC"
