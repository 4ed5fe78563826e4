"""The command line: results on stdout, talk on stderr; tables or JSON lines."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from kizashi import config as settings
from kizashi import query as querying
from kizashi.errors import KizashiError, UsageError
from kizashi.report.escape import terminal as safe

app = typer.Typer(
    name="kizashi",
    help="Ranked attack chains from the logs you keep. Example: kizashi hunt ./logs",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
detectors_app = typer.Typer(
    help="What Kizashi looks for. Example: kizashi detectors list", rich_markup_mode=None
)
app.add_typer(detectors_app, name="detectors")
talk = Console(stderr=True, highlight=False)


class Lang(StrEnum):
    """Languages of the output."""

    EN = "en"
    JA = "ja"


class Level(StrEnum):
    """Severities, lowest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


LakeOption = Annotated[
    Path | None, typer.Option("--lake", help="Folder of the lake.", metavar="DIR")
]
LakeRequired = Annotated[Path, typer.Option("--lake", help="Folder of the lake.", metavar="DIR")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON lines, as in a pipe.")]
TableOption = Annotated[bool, typer.Option("--table", help="A table, as on a terminal.")]
LangOption = Annotated[
    Lang, typer.Option("--lang", help="Language of the output.", envvar="KIZASHI_LANG")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="kizashi.toml; else the one in PATH or here.", metavar="FILE"),
]
PathsArgument = Annotated[
    list[Path], typer.Argument(help="Files, folders or archives.", metavar="PATH...")
]


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
    new: Annotated[
        bool, typer.Option("--new", help="Only what changed since the last hunt of this lake.")
    ] = False,
    fail_at: Annotated[
        Level | None,
        typer.Option("--fail-at", help="Exit with 3 when an incident reaches this severity."),
    ] = None,
    config: ConfigOption = None,
    folder: Annotated[
        list[Path] | None,
        typer.Option("--folder", help="Your own detectors and chains.", metavar="DIR"),
    ] = None,
) -> None:
    """Read the logs under PATH and tell ranked attack chains with their evidence.

    Example: kizashi hunt ./logs --report incidents.html
    """
    if not paths and lake is None:
        raise UsageError("nothing to hunt: give a PATH, or --lake of an earlier ingest")
    with _lake(lake) as place:
        _hunt(
            place,
            paths or [],
            as_json,
            as_table,
            lang,
            report,
            new,
            fail_at,
            settings.find(config, paths or []),
            tuple(folder or ()),
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
    config: settings.Config,
    folders: tuple[Path, ...],
) -> None:
    from dataclasses import replace

    from kizashi import pipeline
    from kizashi.report.html import write_html
    from kizashi.report.jsonl import write_jsonl
    from kizashi.report.terminal import render_terminal

    unread = _read_in(lake, paths, config)
    with _progress() as bar:
        task = bar.add_task("detectors", total=None)

        def step(name: str, number: int, total: int) -> None:
            bar.update(task, description=name, completed=number, total=total)

        result = pipeline.hunt(lake, pipeline.HuntOptions(config, folders), step)
    if new:
        result = replace(result, incidents=tuple(i for i in result.incidents if i.new))
    if unread:
        result = replace(result, notes=(*result.notes, *unread))
    if as_json or not (as_table or sys.stdout.isatty()):
        write_jsonl(result, sys.stdout, lang.value)
    else:
        render_terminal(result, Console(), lang.value)
    if report is not None:
        write_html(result, report, lang.value)
        talk.print(f"report: {report}")
    if fail_at is not None:
        order = [level.value for level in Level]
        if any(order.index(i.severity) >= order.index(fail_at.value) for i in result.incidents):
            raise typer.Exit(3)


def _read_in(lake: Path, paths: list[Path], config: settings.Config) -> list[str]:
    """Read files into the lake with progress; a line for each that could not be read whole."""
    from kizashi import pipeline

    if not paths:
        return []
    said = []
    read = rejected = 0
    with _progress() as bar:
        task = bar.add_task("reading", total=None)
        for line in pipeline.read(lake, paths, config):
            read += line.read
            rejected += line.rejected
            bar.update(task, description=f"{safe(line.file)[-60:]}  {read:,} records")
            if line.note and line.note != "read before":
                said.append(f"{line.file}: {line.note}")
    for text in said[:20]:
        talk.print(safe(text), markup=False)
    if len(said) > 20:
        talk.print(f"... and {len(said) - 20} more files; see: kizashi ingest PATH --json")
    talk.print(
        f"{read:,} records read, {rejected:,} set aside"
        + (" (kizashi rejects)" if rejected else "")
    )
    return said


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
            config,
            (),
        )


@app.command()
def ingest(
    paths: PathsArgument,
    lake: LakeRequired,
    as_json: JsonOption = False,
    as_table: TableOption = False,
    config: ConfigOption = None,
) -> None:
    """Read logs into a lake, each record once; one line a file.

    Example: kizashi ingest ./logs --lake ./lake --json
    """
    from dataclasses import asdict

    from kizashi import pipeline

    rows = []
    failed = False
    json_lines = as_json or not (as_table or sys.stdout.isatty())
    for line in pipeline.read(lake, paths, settings.find(config, paths)):
        failed |= line.read != line.stored + line.rejected + line.duplicate
        if json_lines:
            print(json.dumps(asdict(line), ensure_ascii=False), flush=True)
        rows.append(asdict(line))
    if not json_lines:
        _table(rows, ["file", "source", "read", "stored", "rejected", "duplicate", "note"])
    if failed:
        raise KizashiError(
            "records are unaccounted for: read differs from stored + rejected + duplicate"
        )


@app.command()
def rejects(lake: LakeRequired, as_json: JsonOption = False, as_table: TableOption = False) -> None:
    """Damaged records that were set aside, with file, line and reason.

    Example: kizashi rejects --lake ./lake
    """
    names = ["file", "record_no", "reason", "excerpt"]
    _rows(
        [dict(zip(names, row, strict=True)) for row in querying.rejects(lake)],
        names,
        as_json,
        as_table,
    )


@app.command()
def sources(
    lake: LakeOption = None, as_json: JsonOption = False, as_table: TableOption = False
) -> None:
    """Formats that Kizashi reads; with --lake, what was read of each.

    Example: kizashi sources
    """
    rows = querying.sources(lake)
    _rows(rows, list(rows[0]) if rows else [], as_json, as_table)


@app.command()
def clocks(lake: LakeRequired, as_json: JsonOption = False, as_table: TableOption = False) -> None:
    """Clocks that disagree, by how much, and on how many facts.

    Example: kizashi clocks --lake ./lake
    """
    names, rows = querying.query(lake, "SELECT * FROM clock_offset ORDER BY ALL")
    _rows([dict(zip(names, row, strict=True)) for row in rows], names, as_json, as_table)


@app.command("query")
def query_command(
    sql: Annotated[str, typer.Argument(help="One SELECT over the tables.", metavar="SQL")],
    lake: LakeRequired,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Run SQL over a lake, in a process of its own with limits.

    Example: kizashi query "SELECT query, count(*) FROM dns_activity GROUP BY 1" --lake ./lake
    """
    names, rows = querying.query_apart(lake, sql)
    _rows([dict(zip(names, row, strict=True)) for row in rows], names, as_json, as_table)


@detectors_app.command("list")
def detectors_list(as_json: JsonOption = False, as_table: TableOption = False) -> None:
    """Every detector. Example: kizashi detectors list"""
    rows = querying.detectors()
    _rows(rows, ["id", "title", "stage", "attack", "status"], as_json, as_table)


@detectors_app.command("show")
def detectors_show(detector: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """What a detector sees, misses and is tuned by.

    Example: kizashi detectors show dns_nxdomain_burst
    """
    print(querying.detector_page(detector))


@app.command()
def test(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder of detectors; ours by default.", metavar="[FOLDER]"),
    ] = None,
) -> None:
    """Run the cases of detectors. Example: kizashi test ./my-detectors"""
    failed = 0
    for name, case, problem in querying.run_cases(folder):
        print(
            f"{'FAIL' if problem else 'ok  '} {name}: {case}"
            + (f"\n     {problem}" if problem else "")
        )
        failed += bool(problem)
    if failed:
        raise KizashiError(f"{failed} cases failed")


@contextmanager
def _lake(lake: Path | None) -> Iterator[Path]:
    if lake is not None:
        yield lake
        return
    folder = tempfile.mkdtemp(prefix="kizashi-")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _progress() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=talk, transient=True, disable=not talk.is_terminal)


def _rows(rows: list[dict[str, object]], names: list[str], as_json: bool, as_table: bool) -> None:
    if as_json or not (as_table or sys.stdout.isatty()):
        for row in rows:
            print(json.dumps(row, ensure_ascii=False, default=str))
    else:
        _table(rows, names)


def _table(rows: list[dict[str, object]], names: list[str]) -> None:
    table = Table(box=None, header_style="bold")
    for name in names:
        table.add_column(name)
    for row in rows:
        table.add_row(*[_cell(row.get(name)) for name in names])
    Console().print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return safe(f"{value:,}" if isinstance(value, int) else str(value))


def main() -> None:
    """Entry point: exit 0 done, 1 could not, 2 wrong usage, 3 --fail-at was reached."""
    try:
        app()
    except UsageError as error:
        talk.print(f"kizashi: {safe(str(error))}", markup=False)
        sys.exit(2)
    except KizashiError as error:
        talk.print(f"kizashi: {safe(str(error))}", markup=False)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
