"""sigma run, check and list: Sigma rules over logs."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kizashi.cli.console import (
    ConfigOption,
    JsonOption,
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
    from kizashi.sigma import Correlation, Episode, Rule, Rules, Watch

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
    rules: RulesOption,
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files, folders or archives.", metavar="[PATH]...")
    ] = None,
    lake: Annotated[
        Path | None,
        typer.Option("--lake", help="A lake besides: its tables and its signals.", metavar="DIR"),
    ] = None,
    level: Annotated[
        str, typer.Option("--level", help="Least level of the rules to run.")
    ] = "informational",
    config: ConfigOption = None,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Which rules the logs under PATH meet, with file and line; a line a hit as JSON.

    Example: kizashi sigma run --rules ./sigma/rules ./logs --level high
    """
    from kizashi import query

    if level not in LEVELS:
        raise UsageError(f"no level {level!r}. One of: {', '.join(LEVELS[:-1])}")
    if not paths and lake is None:
        raise UsageError("no logs to look at. Name files or folders, or --lake DIR")
    found = _load(rules, config, paths or ())
    _tell_broken(found)
    chosen = found.of_levels((*LEVELS[: LEVELS.index(level) + 1], ""))
    events = 0
    with tempfile.TemporaryDirectory(prefix="kizashi-") as folder, progress() as bar:
        task = bar.add_task("reading", total=None)

        def step(label: str, rows: int) -> None:
            nonlocal events
            events = rows
            bar.update(task, description=f"{safe(label)[-60:]}  {events:,} events")

        running = query.sigma_run(chosen, Path(folder) / "scratch", step)
        hits = running.over(paths or [], lake)
        if as_json or not (as_table or sys.stdout.isatty()):
            count = _print_lines(hits)
        else:
            count = _print_rules(hits)
    talk.print(
        f"{events:,} events, {len(chosen.rules):,} rules, {len(chosen.correlations):,} "
        f"correlations, {count:,} hits"
    )
    _tell_unseen(chosen, running.watch)


def _tell_unseen(chosen: Rules, watch: Watch) -> None:
    """What correlations could not look at."""
    if watch.undated:
        talk.print(f"{watch.undated:,} hits say no time: no correlation could use them")
    if watch.dropped:
        talk.print(f"{watch.dropped:,} hits were too many for correlations: name rules of few hits")
    for one in chosen.correlations:
        if lacking := watch.lacking.get(one.id):
            by = ", ".join(one.group_by)
            text = f"{one.title or one.id}: {lacking:,} hits lack a field it groups by ({by})"
            talk.print(safe(text), markup=False)


def _print_lines(hits: Iterable[SigmaHit | Episode]) -> int:
    from kizashi.sigma import Episode

    count = 0
    for hit in hits:
        count += 1
        document = _episode(hit) if isinstance(hit, Episode) else _hit(hit)
        print(json.dumps(document, ensure_ascii=False, default=str))
    return count


def _hit(hit: SigmaHit) -> dict[str, object]:
    return {
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


def _episode(episode: Episode) -> dict[str, object]:
    said = episode.correlation
    return {
        "rule": said.id,
        "title": said.title,
        "level": said.level,
        "tags": said.tags,
        "correlation": said.kind,
        "group": dict(episode.group),
        "count": int(episode.count) if episode.count.is_integer() else episode.count,
        "first": _utc(episode.first),
        "last": _utc(episode.last),
        "events": [{"file": place.file, "line": place.line} for place in episode.places],
    }


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(" ", "milliseconds")


def _print_rules(hits: Iterable[SigmaHit | Episode]) -> int:
    """A row a rule, the gravest first: how often, on which hosts or groups, and where first."""
    from kizashi.sigma import Episode

    rows: dict[str, dict[str, object]] = {}
    hosts: dict[str, set[str]] = {}
    numbers: Counter[str] = Counter()
    for hit in hits:
        said: Rule | Correlation
        if isinstance(hit, Episode):
            said, (file, line), host = hit.correlation, hit.places[0], str(hit.group)
        else:
            said, file, line, host = hit.rule, hit.file, hit.line, hit.host
        first = f"{file[-FILE_CHARACTERS:]}:{line}"
        rows.setdefault(said.id, {"level": said.level, "rule": said.title, "first": first})
        hosts.setdefault(said.id, set()).add(host)
        numbers[said.id] += 1
    for rule, row in rows.items():
        row["hits"] = numbers[rule]
        row["hosts"] = len(hosts[rule])
    order = sorted(rows, key=lambda r: (LEVELS.index(str(rows[r]["level"])), -numbers[r]))
    print_table([rows[rule] for rule in order], ["level", "hits", "hosts", "rule", "first"])
    return numbers.total()


@group.command()
def check(
    rules: RulesOption,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Rules that cannot run, each with its file and the reason; exit 1 where one is wrong.

    Example: kizashi sigma check --rules ./sigma/rules
    """
    found = _load(rules, config)
    rows: list[dict[str, object]] = [
        {"file": b.path, "line": b.line, "reason": b.reason} for b in found.broken
    ]
    print_rows(rows, ["file", "line", "reason"], as_json, as_table)
    talk.print(
        f"{len(found.rules):,} rules and {len(found.correlations):,} correlations can run, "
        f"{len(found.broken):,} cannot"
    )
    if any(not broken.is_unserved for broken in found.broken):
        raise typer.Exit(1)


@group.command("list")
def list_rules(
    rules: RulesOption,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """The rules that can run.

    Example: kizashi sigma list --rules ./sigma/rules
    """
    found = _load(rules, config)
    said: list[Rule | Correlation] = [*found.rules, *found.correlations]
    rows: list[dict[str, object]] = [
        {"id": one.id, "level": one.level, "title": one.title, "logsource": _source(one)}
        for one in said
    ]
    print_rows(rows, ["id", "level", "title", "logsource"], as_json, as_table)


def _source(said: Rule | Correlation) -> str:
    from kizashi.sigma import Correlation

    return f"correlation {said.kind}" if isinstance(said, Correlation) else said.logsource


@group.command()
def sources(
    rules: RulesOption,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Log sources that the rules ask for: how many rules can run, over what, and why not.

    Example: kizashi sigma sources --rules ./sigma/rules
    """
    from kizashi.sigma import origin

    found = _load(rules, config)
    able = Counter(rule.logsource for rule in found.rules)
    unable = Counter(broken.logsource for broken in found.broken)
    over: dict[str, dict[str, None]] = {}
    for rule in found.rules:
        over.setdefault(rule.logsource, {}).update({origin(c): None for c, _ids in rule.records})
    why: dict[str, dict[str, None]] = {}
    for broken in found.broken:
        why.setdefault(broken.logsource, {})[broken.reason] = None
    rows: list[dict[str, object]] = [
        {
            "logsource": source,
            "rules": able[source] + unable[source],
            "run": able[source],
            "over": "; ".join(over.get(source, ())),
            "why_not": "; ".join(why.get(source, ())),
        }
        for source in sorted(able | unable, key=lambda s: (-able[s] - unable[s], s))
    ]
    print_rows(rows, ["logsource", "rules", "run", "over", "why_not"], as_json, as_table)


def _load(rules: list[Path], config: Path | None, paths: Iterable[Path] = ()) -> Rules:
    """The rules, with what kizashi.toml gives for their placeholders."""
    from kizashi import config as configuration
    from kizashi.sigma import load

    return load(rules, configuration.find(config, paths).placeholders)


def _tell_broken(found: Rules) -> None:
    wrong = [broken for broken in found.broken if not broken.is_unserved]
    for broken in wrong[:MOST_TOLD]:
        talk.print(safe(f"{broken.path}:{broken.line}: {broken.reason}"), markup=False)
    if len(wrong) > MOST_TOLD:
        talk.print(f"... and {len(wrong) - MOST_TOLD:,} more; see: kizashi sigma check")
    if unserved := len(found.broken) - len(wrong):
        talk.print(f"{unserved:,} rules ask for logs of other kinds; see: kizashi sigma check")
    if not found.rules:
        raise UsageError("none of the rules can run. See: kizashi sigma check --rules DIR")
