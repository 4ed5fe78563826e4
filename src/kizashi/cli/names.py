"""names score, explain and predict: how algorithmic a name looks, why, and which will be asked."""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from itertools import islice
from typing import Annotated

import typer

from kizashi.cli.console import JsonOption, Lang, LangOption, app
from kizashi.errors import UsageError
from kizashi.report.escape import terminal as safe

BLOCK = 200_000
LONGEST_LINE = 4096
group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(group, name="names")


@group.callback()
def names() -> None:
    """Domain names: how algorithmic they look. Example: kizashi names score < names.txt"""


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
