"""names score, explain, predict and list: how algorithmic a name looks, why, which will be asked,
and which are new."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from kizashi import config as settings
from kizashi.cli.console import (
    ConfigOption,
    JsonOption,
    LakeRequired,
    Lang,
    LangOption,
    TableOption,
    app,
    print_rows,
    talk,
)
from kizashi.errors import UsageError
from kizashi.report.escape import terminal as safe

BLOCK = 200_000
LONGEST_LINE = 4096
group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(group, name="names")
lists = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
group.add_typer(lists, name="list")


@group.callback()
def names() -> None:
    """Domain names: how algorithmic they look. Example: kizashi names score < names.txt"""


@lists.callback()
def list_names() -> None:
    """Lists of names. Example: kizashi names list new --lake ./lake --days 7"""


@group.command("score")
def score_names(as_json: JsonOption = False) -> None:
    """Read names from standard input and write a score for each, in order: 0 to 1, higher is more
    algorithmic.

    Example: kizashi names score < names.txt
    """
    from kizashi.names import model

    sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    while block := [line[:LONGEST_LINE].strip() for line in islice(sys.stdin, BLOCK)]:
        scores = model.score(block).tolist()
        if as_json:
            rows = [
                {"name": name, "score": round(value, 4)}
                for name, value in zip(block, scores, strict=True)
            ]
            out = [json.dumps(row, ensure_ascii=False) for row in rows]
        else:
            out = [f"{value:.4f}" for value in scores]
        sys.stdout.write("\n".join(out) + "\n")


@group.command("explain")
def explain_name(
    name: Annotated[str, typer.Argument(help="A domain name.")], lang: LangOption = Lang.EN
) -> None:
    """Say what of a name looks algorithmic and what ordinary.

    Example: kizashi names explain a5e01a7a.com
    """
    from kizashi.names import reasons

    told = reasons.explain(name)
    print(f"{told.score:.4f}  {safe(name[:LONGEST_LINE])}")
    for text, text_ja in told.reasons:
        print(f"  {safe(text_ja if lang is Lang.JA else text)}")


@group.command("predict")
def predict_names(
    family: Annotated[str, typer.Argument(help="Family, such as foudre.", metavar="FAMILY")],
    first: Annotated[str, typer.Option("--from", help="First day, 2026-03-02.", metavar="DAY")],
    last: Annotated[str, typer.Option("--to", help="Last day.", metavar="DAY")],
    as_json: JsonOption = False,
) -> None:
    """Every name that a published algorithm makes for these days, one a line, for a block list.

    Example: kizashi names predict foudre --from 2026-03-02 --to 2026-03-08
    """
    from kizashi.names import predicted

    known = predicted.families()
    if family not in known:
        raise UsageError(f"no family {family!r}. One of: {', '.join(known)}")
    try:
        days = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise UsageError(f"a day is written 2026-03-02: {error}") from error
    if not timedelta(0) <= days[1] - days[0] <= timedelta(days=predicted.MOST_DAYS):
        raise UsageError(f"--to comes after --from, by at most {predicted.MOST_DAYS} days")
    for name, begin, end in known[family].names(*days):
        row = {"name": name, "first_day": str(begin), "last_day": str(end)}
        print(json.dumps(row) if as_json else name)


@lists.command("new")
def list_new(
    lake: LakeRequired,
    days: Annotated[int, typer.Option("--days", min=1, help="First met in the last N days.")] = 1,
    site: Annotated[str | None, typer.Option("--site", help="Of this site only.")] = None,
    approvals: Annotated[
        Path | None,
        typer.Option(
            "--approved", help="CSV: name,owner,reason,until.", exists=True, dir_okay=False
        ),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Names alone, for a proxy.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Names that the fleet met for the first time in the lake's last days, approved ones left out.

    Example: kizashi names list new --lake ./lake --days 7 --approved approved.csv --plain
    """
    from kizashi.names import new
    from kizashi.pipeline import open_settled

    given = new.approvals(approvals) if approvals else {}
    own = settings.find(config, []).domains
    with open_settled(lake) as con:
        ((first, last),) = con.execute("SELECT min(day), max(day) FROM uptime").fetchall()
        if last is None:
            raise UsageError(f"{lake}: holds no events")
        until = datetime.combine(last, time.max)
        found = new.unapproved(new.new_names(con, until, days, site), given, own, last)
    if (last - first).days < days:
        talk.print(f"the lake begins on {first}: every name in it is new")
    if plain:
        print("\n".join(sorted({name.name for name in found})))
        return
    rows = [asdict(name) for name in found]
    print_rows(rows, list(rows[0]) if rows else [], as_json, as_table)
