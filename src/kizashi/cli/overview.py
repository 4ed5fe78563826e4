"""egress and dns: how the network is used, beside the incidents."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kizashi import config as settings
from kizashi.cli.console import (
    ConfigOption,
    JsonOption,
    LakeOption,
    Lang,
    LangOption,
    TableOption,
    TzOption,
    app,
    lake_or_temporary,
)
from kizashi.cli.hunt import read_in
from kizashi.errors import UsageError
from kizashi.incidents.page import Page

PathsOption = Annotated[
    list[Path] | None, typer.Argument(help="Files, folders or archives.", metavar="[PATH...]")
]
HostOption = Annotated[
    str | None, typer.Option("--host", help="Only this host: pc-07 or tokyo/pc-07.")
]
SiteOption = Annotated[str | None, typer.Option("--site", help="Only this site.")]


@app.command()
def egress(
    paths: PathsOption = None,
    lake: LakeOption = None,
    host: HostOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
    as_table: TableOption = False,
    lang: LangOption = Lang.EN,
    config: ConfigOption = None,
    tz: TzOption = None,
) -> None:
    """Who goes outside past proxy and resolver: by host, program and destination, with the proxied
    share, newly direct programs, DNS over HTTPS, TLS and QUIC, relays, and ends of exceptions.

    Example: kizashi egress ./logs --site tokyo
    """
    from kizashi import pipeline

    settled = _settled(paths, lake, config, tz)
    with lake_or_temporary(lake) as place:
        read_in(place, paths or [], settled)
        _show(pipeline.egress_page(place, settled, host, site), as_json, as_table, lang)


@app.command()
def dns(
    paths: PathsOption = None,
    lake: LakeOption = None,
    host: HostOption = None,
    site: SiteOption = None,
    registered: Annotated[
        Path | None,
        typer.Option(
            "--registered",
            help="Newly registered domains: one a line, with or without a date, or CSV.",
            metavar="FILE",
        ),
    ] = None,
    as_json: JsonOption = False,
    as_table: TableOption = False,
    lang: LangOption = Lang.EN,
    config: ConfigOption = None,
    tz: TzOption = None,
) -> None:
    """What is asked of the resolvers, hour by hour: look-ups, failures, new and newly registered
    names, labels, answers and TTL, each against its own past; and which hosts leave their band of
    failed names, with the lead over the detectors.

    Example: kizashi dns ./logs --host pc-07
    """
    from kizashi import pipeline
    from kizashi.names.registered import load

    feed = None if registered is None else load(registered)
    settled = _settled(paths, lake, config, tz)
    with lake_or_temporary(lake) as place:
        read_in(place, paths or [], settled)
        _show(pipeline.dns_page(place, settled, host, site, feed), as_json, as_table, lang)


def _settled(
    paths: list[Path] | None, lake: Path | None, config: Path | None, tz: str | None
) -> settings.Config:
    if not paths and lake is None:
        raise UsageError("nothing to read: give a PATH, or --lake of an earlier ingest")
    found = settings.find(config, paths or [])
    return found if tz is None else replace(found, zone=settings.zone(tz))


def _show(page: Page, as_json: bool, as_table: bool, lang: Lang) -> None:
    from kizashi.report.pages import json_lines, render_page

    if as_json or not (as_table or sys.stdout.isatty()):
        for line in json_lines(page, lang.value):
            print(line)
    else:
        render_page(page, Console(), lang.value)
