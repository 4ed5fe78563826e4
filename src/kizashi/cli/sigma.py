"""sigma run, check and list: Sigma rules over logs."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kizashi.cli.console import (
    JsonOption,
    PathsArgument,
    TableOption,
    app,
    print_rows,
    print_table,
    progress,
    talk,
)
from kizashi.errors import UsageError
from kizashi.report.escape import terminal as safe

if TYPE_CHECKING:
    from kizashi.query import SigmaHit
    from kizashi.sigma import Rules

LEVELS = ("critical", "high", "medium", "low", "informational", "")
MOST_TOLD = 10
FILE_CHARACTERS = 40
group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(group, name="sigma")
RulesOption = Annotated[
    list[Path], typer.Option("--rules", help="Rule files or folders of them.", metavar="DIR")
]


@group.callback()
def sigma() -> None:
    """Sigma rules over logs. Example: kizashi sigma run --rules ./rules ./logs"""


@group.command()
def run(
    paths: PathsArgument,
    rules: RulesOption,
    level: Annotated[
        str, typer.Option("--level", help="Least level of the rules to run.")
    ] = "informational",
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Which rules the logs under PATH meet, with file and line; a line a hit as JSON.

    Example: kizashi sigma run --rules ./sigma/rules ./logs --level high
    """
    from kizashi import query
    from kizashi.sigma import Rules, load

    if level not in LEVELS:
        raise UsageError(f"no level {level!r}. One of: {', '.join(LEVELS[:-1])}")
    found = load(rules)
    _tell_broken(found)
    kept = (*LEVELS[: LEVELS.index(level) + 1], "")
    chosen = Rules(tuple(r for r in found.rules if r.level in kept), found.broken, found.others)
    events = 0
    with tempfile.TemporaryDirectory(prefix="kizashi-") as folder, progress() as bar:
        task = bar.add_task("reading", total=None)

        def step(label: str, rows: int) -> None:
            nonlocal events
            events = rows
            bar.update(task, description=f"{safe(label)[-60:]}  {events:,} events")

        hits = query.sigma_hits(chosen, paths, Path(folder) / "scratch", step)
        if as_json or not (as_table or sys.stdout.isatty()):
            count = _print_lines(hits)
        else:
            count = _print_rules(hits)
    talk.print(f"{events:,} events, {len(chosen.rules):,} rules, {count:,} hits")


def _print_lines(hits: Iterable[SigmaHit]) -> int:
    count = 0
    for hit in hits:
        count += 1
        document = {
            "rule": hit.rule.id,
            "title": hit.rule.title,
            "level": hit.rule.level,
            "tags": hit.rule.tags,
            "time": hit.time,
            "host": hit.host,
            "file": hit.file,
            "line": hit.line,
            "event": {name: value for name, value in hit.fields.items() if value is not None},
        }
        print(json.dumps(document, ensure_ascii=False, default=str))
    return count


def _print_rules(hits: Iterable[SigmaHit]) -> int:
    """A row a rule, the gravest first: how often, on which hosts, and where first."""
    rows: dict[str, dict[str, object]] = {}
    hosts: dict[str, set[str]] = {}
    count = 0
    for hit in hits:
        count += 1
        row = rows.setdefault(
            hit.rule.id,
            {
                "level": hit.rule.level,
                "rule": hit.rule.title,
                "hits": 0,
                "first": f"{hit.file[-FILE_CHARACTERS:]}:{hit.line}",
            },
        )
        row["hits"] = int(str(row["hits"])) + 1
        hosts.setdefault(hit.rule.id, set()).add(hit.host)
    for rule, row in rows.items():
        row["hosts"] = len(hosts[rule])
    order = sorted(
        rows.values(), key=lambda r: (LEVELS.index(str(r["level"])), -int(str(r["hits"])))
    )
    print_table(order, ["level", "hits", "hosts", "rule", "first"])
    return count


@group.command()
def check(rules: RulesOption, as_json: JsonOption = False, as_table: TableOption = False) -> None:
    """Rules that cannot run, each with its file and the reason; exit 1 where one is wrong.

    Example: kizashi sigma check --rules ./sigma/rules
    """
    from kizashi.sigma import load

    found = load(rules)
    rows: list[dict[str, object]] = [{"file": b.path, "reason": b.reason} for b in found.broken]
    print_rows(rows, ["file", "reason"], as_json, as_table)
    talk.print(f"{len(found.rules):,} rules can run, {len(found.broken):,} cannot")
    if any(not broken.is_unserved for broken in found.broken):
        raise typer.Exit(1)


@group.command("list")
def list_rules(
    rules: RulesOption, as_json: JsonOption = False, as_table: TableOption = False
) -> None:
    """The rules that can run.

    Example: kizashi sigma list --rules ./sigma/rules
    """
    from kizashi.sigma import load

    rows: list[dict[str, object]] = [
        {
            "id": rule.id,
            "level": rule.level,
            "title": rule.title,
            "logsource": " ".join(p for p in (rule.product, rule.category, rule.service) if p),
        }
        for rule in load(rules).rules
    ]
    print_rows(rows, ["id", "level", "title", "logsource"], as_json, as_table)


def _tell_broken(found: Rules) -> None:
    wrong = [broken for broken in found.broken if not broken.is_unserved]
    for broken in wrong[:MOST_TOLD]:
        talk.print(safe(f"{broken.path}: {broken.reason}"), markup=False)
    if len(wrong) > MOST_TOLD:
        talk.print(f"... and {len(wrong) - MOST_TOLD:,} more; see: kizashi sigma check")
    if unserved := len(found.broken) - len(wrong):
        talk.print(f"{unserved:,} rules ask for logs of other kinds; see: kizashi sigma check")
    if not found.rules:
        raise UsageError("none of the rules can run. See: kizashi sigma check --rules DIR")
