"""sources and sources try: what Kizashi reads, and what becomes of one file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from kizashi.cli.console import (
    JsonOption,
    LakeOption,
    LakeRequired,
    TableOption,
    app,
    print_rows,
    talk,
)
from kizashi.errors import UsageError
from kizashi.report.escape import terminal as safe

group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(group, name="sources")


@group.callback()
def sources(
    context: typer.Context,
    lake: LakeOption = None,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Formats that Kizashi reads; with --lake, what was read of each.

    Example: kizashi sources
    """
    from kizashi import query as querying

    if context.invoked_subcommand is None:
        rows = querying.sources(lake)
        print_rows(rows, list(rows[0]) if rows else [], as_json, as_table)


@group.command("try")
def try_file(
    file: Annotated[Path, typer.Argument(help="A log, or some lines of one.")],
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="A mapping to try it with.", metavar="FILE")
    ] = None,
    zone: Annotated[
        str, typer.Option("--tz", help="Zone of times that say none.", metavar="ZONE")
    ] = "",
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Show what becomes of a file: who reads it, into which tables, and what is set aside. Where
    nobody knows it, print a mapping to begin with.

    Example: kizashi sources try firewall.log --mapping firewall/mapping.toml
    """
    from kizashi import query as querying

    if not file.is_file():
        raise UsageError(f"{file}: no such file")
    with tempfile.TemporaryDirectory() as scratch:
        found = querying.try_file(file, mapping, zone, Path(scratch))
    if found.proposal:
        talk.print(safe(f"{file}: {found.note}"), markup=False)
        talk.print(
            "Save the lines below as NAME/mapping.toml, change them, and try again with --mapping."
        )
        print(found.proposal, end="")
        return
    talk.print(
        safe(
            f"{file}: {found.source}: {found.read:,} records, {found.stored:,} stored, "
            f"{found.rejected:,} set aside. {found.note}"
        ),
        markup=False,
    )
    names = list(dict.fromkeys(name for row in found.rows for name in row))
    print_rows(found.rows, names, as_json, as_table)


@group.command("health")
def health(
    lake: LakeRequired,
    hosts: Annotated[bool, typer.Option("--hosts", help="A line for each host.")] = False,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Records an hour of each source, first and last, and how late they arrive; lag_s is empty
    where no record says when it was taken in.

    Example: kizashi sources health --lake ./lake --hosts
    """
    from kizashi import query as querying

    names, rows = querying.source_health(lake, by_host=hosts)
    print_rows([dict(zip(names, row, strict=True)) for row in rows], names, as_json, as_table)
