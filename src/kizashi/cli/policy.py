"""policy list, try and export: what a block would have stopped, and what to enter for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

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
from kizashi.report.escape import terminal as safe

if TYPE_CHECKING:
    from kizashi.policies import Policy, Trial

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(group, name="policy")
NameArgument = Annotated[str, typer.Argument(help="The policy; see: kizashi policy list.")]
DaysOption = Annotated[
    int, typer.Option("--days", min=1, max=3650, help="Days back from the newest event.")
]
SHOWN = ("use", "entry", "program", "partner", "user", "times", "hosts", "days")


@group.callback()
def policy() -> None:
    """Policies tried on history. Example: kizashi policy try office-children --lake ./lake"""


@group.command("list")
def list_policies(
    lang: LangOption = Lang.EN, as_json: JsonOption = False, as_table: TableOption = False
) -> None:
    """The policies that can be tried.

    Example: kizashi policy list
    """
    from kizashi.policies import policies

    rows: list[dict[str, object]] = [
        {
            "policy": one.id,
            "title": getattr(one.title, lang.value),
            "blocks": getattr(one.blocks, lang.value),
        }
        for one in policies().values()
    ]
    print_rows(rows, ["policy", "title", "blocks"], as_json, as_table)


@group.command("try")
def try_policy(
    name: NameArgument,
    lake: LakeRequired,
    days: DaysOption = 30,
    config: ConfigOption = None,
    lang: LangOption = Lang.EN,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """What the policy would have stopped in the last days, by user, program and partner; honest
    uses first. Nothing is applied.

    Example: kizashi policy try direct-egress --lake ./lake --days 30
    """
    from kizashi import query

    policy, trial = query.try_policy(name, lake, days, config)
    rows = _rows(policy, trial, lang)
    if as_json or not (as_table or sys.stdout.isatty()):
        print_rows(rows, list(rows[0]) if rows else [], True, False)
    else:
        said = {name for row in rows for name, value in row.items() if value is not None}
        shown = [name for name in SHOWN if name in said and name not in policy.hidden]
        print_rows(rows, shown or list(SHOWN), False, True)
    _tell(policy, trial, rows, lang)


@group.command("export")
def export(
    name: NameArgument,
    lake: LakeRequired,
    days: DaysOption = 30,
    mode: Annotated[
        str, typer.Option("--mode", help="audit, block, or auto: block where nothing honest is.")
    ] = "auto",
    config: ConfigOption = None,
    lang: LangOption = Lang.EN,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """What an administrator would enter: rules of attack surface reduction, steps of DMARC, lists
    for proxy and firewall. Nothing is applied.

    Example: kizashi policy export doh --lake ./lake --mode auto --json
    """
    from kizashi import query

    policy, trial, names, found = query.export_policy(name, lake, days, mode, config)
    rows = [dict(zip(names, row, strict=True)) for row in found]
    print_rows(rows, names, as_json, as_table)
    _tell(policy, trial, _rows(policy, trial, lang), lang)


def _rows(policy: Policy, trial: Trial, lang: Lang) -> list[dict[str, object]]:
    rows = []
    for found in trial.rows:
        row = dict(zip(trial.names, found, strict=True))
        row["is_honest"] = row["reason"] in policy.honest
        row["use"] = getattr(policy.reasons[row["reason"]], lang.value)
        rows.append(row)
    return rows


def _tell(policy: Policy, trial: Trial, rows: list[dict[str, object]], lang: Lang) -> None:
    """Over which time, how much, and what could not be looked at."""
    english = lang is Lang.EN
    if trial.since is not None and trial.until is not None:
        when = f"{trial.since:%Y-%m-%d %H:%M} - {trial.until:%Y-%m-%d %H:%M} UTC"
        stopped = sum(int(str(row["times"])) for row in rows)
        honest = sum(int(str(row["times"])) for row in rows if row["is_honest"])
        title = getattr(policy.title, lang.value)
        said = (
            f"{title}: {when}: would have stopped {stopped:,}, of them honest {honest:,}. "
            "Nothing was applied."
            if english
            else f"{title}：{when}：{stopped:,} 件を止めたはず（うち正当な利用 {honest:,} 件）。"
            "何も適用していない。"
        )
        talk.print(safe(said), markup=False)
    for unjudged in trial.unjudged:
        talk.print(safe(getattr(unjudged, lang.value)), markup=False)
    if trial.missing:
        what = ", ".join(trial.missing)
        said = f"could not look: no {what}" if english else f"見られなかった：{what} が無い"
        talk.print(safe(said), markup=False)
