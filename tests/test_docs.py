"""The prose keeps step with the product: README in both languages, changelog and links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from kizashi import cli
from tests.contracts import PACKAGE, ROOT

READMES = ("README.md", "README.ja.md")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def commands(name: str) -> list[str]:
    """Every command of a README, in order, without the comment beside it."""
    text = (ROOT / name).read_text("utf-8")
    found = re.findall(r"^    ((?:make|kizashi|pipx) .*)$|`(kizashi [^`]+)`", text, flags=re.M)
    return [re.sub(r"\s+#.*", "", block or inline) for block, inline in found]


@pytest.mark.parametrize("name", READMES)
def test_a_readme_opens_with_the_two_commands(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text("utf-8").splitlines() if line.strip()]
    assert [line.split("#")[0].strip() for line in lines[1:3]] == ["make demo", "make test"]


def test_the_readme_gives_the_same_commands_in_both_languages() -> None:
    english, japanese = map(commands, READMES)
    assert english == japanese


@pytest.mark.parametrize("line", sorted({c for c in commands(READMES[0]) if "kizashi " in c[:8]}))
def test_a_command_of_the_readme_is_one_that_kizashi_takes(line: str) -> None:
    verb, *words = shlex.split(line)[1:]
    if verb.startswith("--"):
        assert verb == "--install-completion"
        return
    group = typer.main.get_command(cli.app)
    context = group.make_context("kizashi", [], resilient_parsing=True)
    command = group.get_command(context, verb)  # type: ignore[attr-defined]
    assert command is not None
    command.make_context(verb, words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("kind", ["detectors", "chains"])
def test_the_changelog_names_every_detector_and_chain_under_detections(kind: str) -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    sections = re.findall(r"^### Detections\n(.*?)(?=^##|\Z)", text, flags=re.M | re.S)
    ids = {path.parent.name for path in (PACKAGE / kind).glob(f"*/{kind.removesuffix('s')}.toml")}
    assert sorted(name for name in ids if f"`{name}`" not in "".join(sections)) == []
