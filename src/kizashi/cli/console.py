"""What every verb shares: options, progress, and rows as a table or as JSON lines."""

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

from kizashi.report.escape import terminal as safe

app = typer.Typer(
    name="kizashi",
    help="Ranked attack chains from the logs you keep. Example: kizashi hunt ./logs",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
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
TzOption = Annotated[
    str | None,
    typer.Option(
        "--tz",
        help="Zone of times that say none, where kizashi.toml has none for source or site.",
        metavar="ZONE",
    ),
]
PathsArgument = Annotated[
    list[Path], typer.Argument(help="Files, folders or archives.", metavar="PATH...")
]


@contextmanager
def lake_or_temporary(lake: Path | None) -> Iterator[Path]:
    if lake is not None:
        yield lake
        return
    folder = tempfile.mkdtemp(prefix="kizashi-")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def progress() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=talk, transient=True, disable=not talk.is_terminal)


def print_rows(
    rows: list[dict[str, object]], names: list[str], as_json: bool, as_table: bool
) -> None:
    if as_json or not (as_table or sys.stdout.isatty()):
        for row in rows:
            print(json.dumps(row, ensure_ascii=False, default=str))
    else:
        print_table(rows, names)


def print_table(rows: list[dict[str, object]], names: list[str]) -> None:
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
