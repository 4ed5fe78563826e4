"""setup: a kizashi.toml to review, from the logs themselves."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from kizashi.cli.console import PathsArgument, app, talk
from kizashi.errors import UsageError


@app.command()
def setup(
    paths: PathsArgument,
    write: Annotated[
        Path | None,
        typer.Option("--write", help="Write it here; never over a file.", metavar="FILE"),
    ] = None,
) -> None:
    """Look at the logs and propose a kizashi.toml, each line with its reason, for you to review.

    Example: kizashi setup ./logs --write kizashi.toml
    """
    from kizashi.setup import propose

    if write is not None and write.exists():
        raise UsageError(f"{write} is there already; name another file and compare")
    with tempfile.TemporaryDirectory(prefix="kizashi-") as folder:
        text = propose(paths, Path(folder))
    if write is None:
        print(text, end="")
    else:
        write.write_text(text, "utf-8")
        talk.print(f"written: {write}. Review it, then: kizashi hunt {paths[0]} --config {write}")
