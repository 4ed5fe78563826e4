"""ingest, rejects, clocks, query, show and destinations: what the lake holds."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from kizashi import config as settings
from kizashi.cli.console import (
    ConfigOption,
    JsonOption,
    LakeRequired,
    Lang,
    LangOption,
    PathsArgument,
    TableOption,
    TzOption,
    app,
    print_rows,
    print_table,
    talk,
)
from kizashi.errors import KizashiError
from kizashi.report.escape import terminal as safe


@app.command()
def ingest(
    paths: PathsArgument,
    lake: LakeRequired,
    as_json: JsonOption = False,
    as_table: TableOption = False,
    config: ConfigOption = None,
    tz: TzOption = None,
) -> None:
    """Read logs into a lake, each record once; one line a file.

    Example: kizashi ingest ./logs --lake ./lake --json
    """
    from kizashi import pipeline

    rows = []
    failed = False
    json_lines = as_json or not (as_table or sys.stdout.isatty())
    settled = settings.find(config, paths)
    if tz is not None:
        settled = replace(settled, zone=settings.zone(tz))
    for line in pipeline.read(lake, paths, settled):
        failed |= line.read != line.stored + line.rejected + line.duplicate
        if json_lines:
            print(json.dumps(asdict(line), ensure_ascii=False), flush=True)
        rows.append(asdict(line))
    if not json_lines:
        print_table(rows, ["file", "source", "read", "stored", "rejected", "duplicate", "note"])
    if failed:
        raise KizashiError(
            "records are unaccounted for: read differs from stored + rejected + duplicate"
        )


@app.command()
def rejects(lake: LakeRequired, as_json: JsonOption = False, as_table: TableOption = False) -> None:
    """Damaged records that were set aside, with file, line and reason.

    Example: kizashi rejects --lake ./lake
    """
    from kizashi import query as querying

    names = ["file", "record_no", "reason", "excerpt"]
    print_rows(
        [dict(zip(names, row, strict=True)) for row in querying.rejects(lake)],
        names,
        as_json,
        as_table,
    )


@app.command()
def clocks(
    lake: LakeRequired,
    as_json: JsonOption = False,
    as_table: TableOption = False,
    confirm: Annotated[
        str | None,
        typer.Option("--confirm", help="Take this clock's zone error as true.", metavar="CLOCK"),
    ] = None,
) -> None:
    """Clocks that disagree, by how much, and on how many facts. What a zone error ties stays at
    medium until connections prove it or it is confirmed.

    Example: kizashi clocks --lake ./lake --confirm windows:pc-07
    """
    from kizashi import pipeline
    from kizashi import query as querying

    if confirm is not None:
        pipeline.confirm_clock(lake, confirm)
    names, rows = querying.query(lake, "SELECT * FROM clock_offset ORDER BY ALL")
    print_rows([dict(zip(names, row, strict=True)) for row in rows], names, as_json, as_table)


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
    from kizashi import query as querying

    names, rows = querying.query_apart(lake, sql)
    print_rows([dict(zip(names, row, strict=True)) for row in rows], names, as_json, as_table)


@app.command()
def show(
    thing: Annotated[
        str,
        typer.Argument(help="Name, address, host, user, program, file or hash.", metavar="THING"),
    ],
    lake: LakeRequired,
    everything: Annotated[
        bool, typer.Option("--all", help="Every line; else days with too many are folded.")
    ] = False,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Who asked for it, what was answered, who connected: by day, process and kind, first and last.

    Example: kizashi show update.example.net --lake ./lake
    """
    from kizashi import show as showing

    shown = showing.show(lake, thing, everything=everything)
    if not shown.rows:
        talk.print(f"nothing in the lake names {safe(thing)}", markup=False)
    if shown.is_folded:
        told = f"{shown.lines:,} lines folded to {len(shown.rows):,}; all of them: --all"
        talk.print(told, markup=False)
    found = [dict(zip(shown.names, row, strict=True)) for row in shown.rows]
    if as_json or not (as_table or sys.stdout.isatty()):
        print_rows(found, shown.names, True, False)
    else:
        _print_days(found)


@app.command()
def destinations(
    lake: LakeRequired,
    host: Annotated[
        str | None, typer.Argument(help="A host, for all of its list.", metavar="HOST")
    ] = None,
    lang: LangOption = Lang.EN,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Where hosts go outside, what looks most like an implant's first: regular, rare, new, small
    and steady count a share each. Without HOST, the first of every host.

    Example: kizashi destinations pc-07 --lake ./lake
    """
    from kizashi import query as querying

    names, rows = querying.destinations(lake, host)
    if not rows:
        talk.print("no such host in the lake, or it contacts nothing outside", markup=False)
    found = [dict(zip(names, row, strict=True)) for row in rows]
    if not (as_json or not (as_table or sys.stdout.isatty())):
        for row in found:
            row["host"] = str(row["host_id"]).partition("/")[2]
            row["rhythm"] = row["rhythm_ja" if lang is Lang.JA else "rhythm"]
            row["of_hosts"] = f"{row['fleet_hosts']}/{row['hosts']}"
        names = [*_RANKED]
    print_rows(found, names, as_json, as_table)


_RANKED = (
    "host",
    "rank",
    "destination",
    "score",
    "regular",
    "rare",
    "new",
    "small",
    "steady",
    "rhythm",
    "days",
    "contacts",
    "of_hosts",
)


def _host(row: dict[str, Any]) -> str:
    """The machine of a line, or how many it tells of."""
    if row["hosts"] > 1:
        return f"{row['hosts']:,} hosts"
    return str(row["host"] or "?").partition("/")[2] or str(row["host"])


def _print_days(rows: list[dict[str, Any]]) -> None:
    """A heading a day, and under it a line a fact: when, how often, what, who, what was said."""
    out = Console(highlight=False)
    day = None
    for row in rows:
        if row["day"] != day:
            day = row["day"]
            out.print(f"[bold]{day}[/bold] UTC")
        who = " ".join(
            part
            for part in (
                _host(row),
                str(row["process"] or "").replace("/", "\\").rpartition("\\")[2],
                str(row["user"] or ""),
            )
            if part
        )
        first, last = f"{row['first_seen']:%H:%M:%S}", f"{row['last_seen']:%H:%M:%S}"
        when = first if first == last else f"{first} - {last}"
        said = " -> ".join(str(part) for part in (row["said"], row["answer"]) if part)
        line = Text(f"  {when:19} ", "dim")
        line.append(f"{row['times']:>6,}x ")
        line.append(f"{safe(str(row['what']))}  ", "cyan")
        line.append(safe(who) + "  ", "bold")
        line.append(safe(said))
        out.print(line, overflow="fold")
