"""incidents: what became of them, what people decided, and exceptions."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import Annotated, Any

import typer

from kizashi.cli.console import JsonOption, LakeRequired, TableOption, app, print_rows, talk
from kizashi.errors import UsageError
from kizashi.report.escape import shorten

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(group, name="incidents")
SUMMARY_LIMIT = 300
Named = Annotated[str, typer.Argument(help="Id, or the beginning of it.", metavar="ID")]


@group.callback()
def incidents() -> None:
    """What hunts told, and what people decided. Example: kizashi incidents list --lake ./lake"""


@group.command("list")
def list_command(
    lake: LakeRequired,
    state: Annotated[str | None, typer.Option("--state", help="Only these.")] = None,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Every incident of the lake with its state and who works on it.

    Example: kizashi incidents list --lake ./lake --state new
    """
    from kizashi.lake.casebook import Casebook

    with closing(Casebook(lake)) as book:
        rows: list[dict[str, object]] = [
            {
                "id": case.incident_id,
                "state": case.state,
                "assignee": case.assignee,
                "severity": case.told.get("severity"),
                "title": case.told.get("title"),
                "first_seen": case.told.get("first_seen"),
                "merged_into": case.merged_into,
            }
            for case in book.cases()
            if state in (None, case.state)
        ]
    names = ["id", "state", "assignee", "severity", "title", "first_seen", "merged_into"]
    print_rows(rows, names, as_json, as_table)


@group.command("show")
def show_command(
    incident: Named, lake: LakeRequired, as_json: JsonOption = False, as_table: TableOption = False
) -> None:
    """The history of one incident: told, grown, merged, split, judged, noted; with its stages.

    Example: kizashi incidents show 1a2b --lake ./lake
    """
    from kizashi.lake.casebook import Casebook

    with closing(Casebook(lake)) as book:
        case = book.case(incident)
        rows: list[dict[str, object]] = [
            {"at": entry.at, "what": entry.what, "said": entry.said}
            for entry in book.history(case.incident_id)
        ]
    stages: Any = case.told.get("stages") or []
    for stage in stages:
        proof = stage["evidence"][0] if stage["evidence"] else {"file": "", "line": ""}
        summary = shorten(str(stage["summary"]), SUMMARY_LIMIT)
        said = f"{summary} ({proof['file']}:{proof['line']})"
        rows.append({"at": stage["time"], "what": stage["stage"], "said": said})
    print_rows(rows, ["at", "what", "said"], as_json, as_table)


@group.command("set")
def set_command(
    incident: Named,
    lake: LakeRequired,
    state: Annotated[
        str | None, typer.Option("--state", help="new, in work, true, benign or unsure.")
    ] = None,
    assignee: Annotated[str | None, typer.Option("--owner", help="Who works on it.")] = None,
    note: Annotated[str | None, typer.Option("--note", help="A line for its history.")] = None,
) -> None:
    """Judge, take or note an incident. A verdict moves the weight of what is like it.

    Example: kizashi incidents set 1a2b --state benign --owner sato --lake ./lake
    """
    from kizashi.chains.assemble import heeded
    from kizashi.lake.casebook import Casebook

    if state is None and assignee is None and note is None:
        raise UsageError("nothing to set: give --state, --owner or --note")
    with closing(Casebook(lake)) as book:
        case = book.case(incident)
        if state is not None:
            kinds = book.set_state(case.incident_id, state)
            talk.print(
                f"{case.incident_id}: {state}; the next hunt weighs {kinds} kinds of signal by it",
                markup=False,
            )
            for kind, verdict in book.verdicts(case.incident_id).items():
                talk.print(f"  {kind}: weight x {heeded(*verdict):.2f}", markup=False)
        if assignee is not None:
            book.assign(case.incident_id, assignee)
        if note is not None:
            book.note(case.incident_id, note)


@group.command("except")
def except_command(
    lake: LakeRequired,
    detector: Annotated[str, typer.Option("--detector", help="Whose signals.")],
    owner: Annotated[str, typer.Option("--owner", help="Who answers for it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it is wanted.")],
    until: Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="Its last day.")],
    host: Annotated[str, typer.Option("--host", help="site/host.")] = "",
    image: Annotated[str, typer.Option("--image", help="Program, whole path.")] = "",
    parent: Annotated[str, typer.Option("--parent", help="Its parent, whole path.")] = "",
    destination: Annotated[str, typer.Option("--destination", help="Name spoken to.")] = "",
) -> None:
    """Take what is known and wanted out of hunts: at least two things together, until a day.

    Example: kizashi incidents except --detector http_beacon --host tokyo/pc-07
    --destination poll.example --owner sato --reason "licence poll" --until 2026-12-31 --lake ./lake
    """
    from kizashi.lake.casebook import Casebook

    said = {"host_id": host, "image": image, "parent_image": parent, "destination": destination}
    with closing(Casebook(lake)) as book:
        number = book.exempt(detector, said, owner, reason, until.date())
    talk.print(f"exception {number}; each hunt says how many signals it hides", markup=False)


@group.command("exceptions")
def exceptions_command(
    lake: LakeRequired,
    end: Annotated[int | None, typer.Option("--end", help="Take this one back.")] = None,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Every exception with its owner, reason and last day.

    Example: kizashi incidents exceptions --lake ./lake
    """
    from kizashi.lake.casebook import Casebook

    with closing(Casebook(lake)) as book:
        if end is not None:
            book.end(end)
        rows: list[dict[str, object]] = [
            {
                "exception": one.number,
                "detector": one.detector,
                **one.values,
                "owner": one.owner,
                "reason": one.reason,
                "until": one.until,
            }
            for one in book.exemptions()
        ]
    names = [
        "exception", "detector", "host_id", "image", "parent_image", "destination", "owner",
        "reason", "until",
    ]  # fmt: skip
    print_rows(rows, names, as_json, as_table)
