"""hunt and demo: from logs to ranked attack chains."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from kizashi import config as settings
from kizashi.cli.console import (
    ConfigOption,
    JsonOption,
    LakeOption,
    Lang,
    LangOption,
    Level,
    TableOption,
    TzOption,
    app,
    lake_or_temporary,
    progress,
    talk,
)
from kizashi.errors import UsageError
from kizashi.incidents import Note
from kizashi.report.escape import terminal as safe
from kizashi.sources import ZONELESS

if TYPE_CHECKING:
    from kizashi.sigma import Rules

# Files that could not be read whole, and refused indicators, named one by one.
MOST_TOLD = 20


@app.command()
def hunt(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files, folders or archives.", metavar="[PATH...]")
    ] = None,
    lake: LakeOption = None,
    as_json: JsonOption = False,
    as_table: TableOption = False,
    lang: LangOption = Lang.EN,
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write one HTML page.", metavar="FILE.html")
    ] = None,
    export: Annotated[
        list[str] | None,
        typer.Option(
            "--export",
            help="Also write markdown, csv, csv-bom, stix, ocsf or navigator.",
            metavar="FORMAT=FILE",
        ),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Only what changed since the last hunt of this lake.")
    ] = False,
    fail_at: Annotated[
        Level | None,
        typer.Option("--fail-at", help="Exit with 3 when an incident reaches this severity."),
    ] = None,
    check_sources: Annotated[
        bool,
        typer.Option(
            "--check-sources",
            help="Exit with 4 when a source is silent, thin, damaged or without a zone.",
        ),
    ] = False,
    config: ConfigOption = None,
    tz: TzOption = None,
    keep_days: Annotated[
        int | None,
        typer.Option(
            "--keep-days",
            min=1,
            help="Drop events older than this many days before the site's newest.",
        ),
    ] = None,
    indicators: Annotated[
        list[Path] | None,
        typer.Option(
            "--indicators",
            help="Known indicators: text, CSV, STIX 2.1 or MISP JSON.",
            metavar="FILE",
        ),
    ] = None,
    folder: Annotated[
        list[Path] | None,
        typer.Option("--folder", help="Your own detectors, chains and mappings.", metavar="DIR"),
    ] = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option(
            "--rules", help="Your own Sigma correlations over signals and events.", metavar="DIR"
        ),
    ] = None,
    pack: Annotated[
        list[str] | None,
        typer.Option(
            "--pack",
            help="Also say what each hunt of a campaign's pack found: infy, or a file.",
            metavar="NAME",
        ),
    ] = None,
) -> None:
    """Read the logs under PATH and tell ranked attack chains with their evidence.

    Example: kizashi hunt ./logs --report incidents.html
    """
    if not paths and lake is None:
        raise UsageError("nothing to hunt: give a PATH, or --lake of an earlier ingest")
    settled = settings.find(config, paths or [])
    if tz is not None:
        settled = replace(settled, zone=settings.zone(tz))
    if keep_days is not None:
        settled = replace(settled, keep_days=keep_days)
    with lake_or_temporary(lake) as place:
        _hunt(
            place,
            paths or [],
            as_json,
            as_table,
            lang,
            report,
            new,
            fail_at,
            check_sources,
            tuple(exporting(said) for said in export or ()),
            settled,
            tuple(folder or ()),
            tuple(indicators or ()),
            tuple(rules or ()),
            tuple(pack or ()),
        )


def _hunt(
    lake: Path,
    paths: list[Path],
    as_json: bool,
    as_table: bool,
    lang: Lang,
    report: Path | None,
    new: bool,
    fail_at: Level | None,
    check_sources: bool,
    exports: tuple[tuple[str, Path], ...],
    config: settings.Config,
    folders: tuple[Path, ...],
    indicator_files: tuple[Path, ...] = (),
    rule_folders: tuple[Path, ...] = (),
    packs: tuple[str, ...] = (),
) -> None:
    from kizashi import pipeline
    from kizashi.packs import pack
    from kizashi.report.exports import FORMATS
    from kizashi.report.html import write_html, write_text
    from kizashi.report.jsonl import write_jsonl
    from kizashi.report.terminal import render_terminal

    asked = tuple(pack(name) for name in packs)
    looked_for = pipeline.load_indicators(indicator_files, config)
    told(list(looked_for.refused), "kizashi hunt: mend the list")
    rules = _correlations(rule_folders, config) if rule_folders else None
    unread = read_in(lake, paths, config, folders)
    if config.keep_days is not None:
        dropped = pipeline.retain(lake, config.keep_days, datetime.now(UTC))
        talk.print(f"{dropped:,} events older than {config.keep_days} days left the lake")
    with progress() as bar:
        task = bar.add_task("detectors", total=None)

        def step(name: str, number: int, total: int) -> None:
            bar.update(task, description=name, completed=number, total=total)

        options = pipeline.HuntOptions(
            config,
            folders,
            indicators=looked_for.indicators,
            rules=rules,
            packs=asked,
            pages=report is not None,
        )
        result = pipeline.hunt(lake, options, step)
    if new:
        result = replace(result, incidents=tuple(i for i in result.incidents if i.new))
    if unread:
        result = replace(result, notes=(*result.notes, *(Note(said, said) for said in unread)))
    if as_json or not (as_table or sys.stdout.isatty()):
        write_jsonl(result, sys.stdout, lang.value)
    else:
        render_terminal(result, Console(), lang.value)
    if report is not None:
        write_html(result, report, lang.value)
        talk.print(f"report: {report}")
    for form, file in exports:
        write_text(file, FORMATS[form](result, lang.value))
        talk.print(f"{form}: {file}", markup=False)
    if fail_at is not None:
        order = [level.value for level in Level]
        if any(order.index(i.severity) >= order.index(fail_at.value) for i in result.incidents):
            raise typer.Exit(3)
    if check_sources and result.warnings:
        raise typer.Exit(4)


def _correlations(folders: tuple[Path, ...], config: settings.Config) -> Rules:
    """The correlations of the folders; what cannot run, and what a hunt does not run, is said."""
    from kizashi.sigma import load

    found = load(folders, config.placeholders)
    told([f"{b.path}:{b.line}: {b.reason}" for b in found.broken], "see: kizashi sigma check")
    if not found.correlations:
        raise UsageError(
            "no correlation there that can run: a hunt looks for correlations (docs/sigma.md); "
            "rules by themselves run with: kizashi sigma run"
        )
    used = {part for one in found.correlations for part in one.parts}
    if alone := sum(rule.id not in used for rule in found.rules):
        talk.print(f"{alone:,} rules that no correlation asks for are left to: kizashi sigma run")
    return found


def exporting(said: str) -> tuple[str, Path]:
    """FORMAT=FILE taken apart; UsageError for a format that there is not."""
    from kizashi.report.exports import FORMATS

    form, _, file = said.partition("=")
    if form not in FORMATS or not file:
        raise UsageError(f"{said!r}: write FORMAT=FILE; one of {', '.join(FORMATS)}")
    return form, Path(file)


def read_in(
    lake: Path, paths: list[Path], config: settings.Config, folders: tuple[Path, ...] = ()
) -> list[str]:
    """Read files into the lake with progress; a line for each that could not be read whole."""
    from kizashi import pipeline

    if not paths:
        return []
    said = []
    read = rejected = 0
    with progress() as bar:
        task = bar.add_task("reading", total=None)
        for line in pipeline.read(lake, paths, config, folders):
            read += line.read
            rejected += line.rejected
            bar.update(task, description=f"{safe(line.file)[-60:]}  {read:,} records")
            # The report names sources without a zone once, before all else.
            notes = [note for note in line.note.split("; ") if not note.startswith(ZONELESS)]
            if any(notes) and line.note != "read before":
                said.append(f"{line.file}: {'; '.join(notes)}")
    lines = told(said, "see: kizashi ingest PATH --json")
    talk.print(
        f"{read:,} records read, {rejected:,} set aside"
        + (" (kizashi rejects)" if rejected else "")
    )
    return lines


def told(said: list[str], rest: str) -> list[str]:
    """Say the first lines on stderr, and how many more there are; what was said."""
    lines = said[:MOST_TOLD]
    if len(said) > MOST_TOLD:
        lines.append(f"... and {len(said) - MOST_TOLD} more; {rest}")
    for text in lines:
        talk.print(safe(text), markup=False)
    return lines


@app.command()
def demo(
    lang: LangOption = Lang.EN,
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write one HTML page.", metavar="FILE.html")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Hunt an example organisation that Kizashi makes itself. Example: kizashi demo --lang ja"""
    from kizashi.measure.generate import generate

    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder) / "organisation"
        generate(logs)
        config = settings.find(None, [logs])
        _hunt(
            Path(folder) / "lake",
            [logs],
            as_json,
            not as_json,
            lang,
            report,
            False,
            None,
            False,
            (),
            config,
            (),
        )
