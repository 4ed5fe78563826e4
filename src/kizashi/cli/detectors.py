"""detectors and test: what Kizashi looks for, and its cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kizashi.cli.console import JsonOption, TableOption, app, print_rows
from kizashi.errors import KizashiError

detectors_app = typer.Typer(
    help="What Kizashi looks for. Example: kizashi detectors list", rich_markup_mode=None
)
app.add_typer(detectors_app, name="detectors")


@detectors_app.command("list")
def detectors_list(as_json: JsonOption = False, as_table: TableOption = False) -> None:
    """Every detector. Example: kizashi detectors list"""
    from kizashi import query as querying

    rows = querying.detectors()
    print_rows(rows, ["id", "title", "stage", "attack", "status"], as_json, as_table)


@detectors_app.command("show")
def detectors_show(detector: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """What a detector sees, misses and is tuned by.

    Example: kizashi detectors show dns_nxdomain_burst
    """
    from kizashi import query as querying

    print(querying.detector_page(detector))


@app.command()
def test(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder of detectors; ours by default.", metavar="[FOLDER]"),
    ] = None,
) -> None:
    """Run the cases of detectors. Example: kizashi test ./my-detectors"""
    from kizashi import query as querying

    failed = 0
    for name, case, problem in querying.run_cases(folder):
        print(
            f"{'FAIL' if problem else 'ok  '} {name}: {case}"
            + (f"\n     {problem}" if problem else "")
        )
        failed += bool(problem)
    if failed:
        raise KizashiError(f"{failed} cases failed")
