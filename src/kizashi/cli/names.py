"""names score and names explain: how algorithmic a name looks, and why."""

from __future__ import annotations

import json
import sys
from itertools import islice
from typing import Annotated

import typer

from kizashi.cli.console import JsonOption, Lang, LangOption, app
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
