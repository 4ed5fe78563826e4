"""Writes the emulated organisation's logs into a folder, with the truth beside them.

python -m kizashi.measure.generate FOLDER --seed 7
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from kizashi.errors import UsageError
from kizashi.measure import mailbox, normalised, remote, winlogbeat, zeek
from kizashi.measure.attack import Stage, example
from kizashi.measure.events import Event, ordered
from kizashi.measure.normalised import Place
from kizashi.measure.office import live
from kizashi.measure.organisation import FEWEST_HOSTS, MOST_HOSTS, Organisation, Site, build
from kizashi.measure.recorder import Recorder
from kizashi.measure.workday import Sessions

MOST_DIVISIONS = 20


@dataclass(frozen=True, slots=True)
class Truth:
    """What was planted, and how much life it was planted in."""

    seed: int
    days: int
    hosts: int
    events: int
    site: str | None
    host: str | None
    address: str | None
    user: str | None
    stages: tuple[Stage, ...]


def generate(
    folder: Path,
    seed: int = 7,
    days: int = 5,
    hosts: int = 36,
    attack: bool = True,
    tables: bool = False,
) -> Truth:
    """Write raw logs per site into `folder` and the truth beside it; gives the truth.

    The truth lies in `<folder>.truth.json`, so that a hunt of the folder does not read it. With
    `tables`, Parquet rows of our own tables lie in `<folder>.tables/`. Same arguments, same bytes
    before compression. `days` are calendar days from a Monday.
    """
    if tables and hosts > MOST_HOSTS:
        raise UsageError(f"hosts: tables are written for {MOST_HOSTS} at most, not {hosts}")
    config, truths = [], []
    for division, share in enumerate(divisions(hosts)):
        planted = attack and not division
        recorder, truth = emulate(seed + division, days, share, planted, division=division)
        root = f"division-{division + 1}/" if division else ""
        files, places = raw_files(recorder.organisation, recorder.events)
        for name, text in files.items():
            write_text(folder / root / name, text)
        if tables:
            normalised.write(beside(folder, ".tables"), ordered(recorder.events), places)
        config.append(config_text(recorder.organisation.sites, root))
        truths.append(truth)
    write_text(folder / "kizashi.toml", "\n".join(config))
    whole = replace(truths[0], hosts=hosts, events=sum(truth.events for truth in truths))
    write_text(
        beside(folder, ".truth.json"), json.dumps(asdict(whole), default=_plain, indent=1) + "\n"
    )
    return whole


def divisions(hosts: int) -> list[int]:
    """Numbers of machines, by division: as few divisions as can be, of about one size."""
    if not FEWEST_HOSTS <= hosts <= MOST_HOSTS * MOST_DIVISIONS:
        most = MOST_HOSTS * MOST_DIVISIONS
        raise UsageError(f"hosts: {hosts} is not between {FEWEST_HOSTS} and {most}")
    count = -(-hosts // MOST_HOSTS)
    return [hosts // count + (number < hosts % count) for number in range(count)]


def beside(folder: Path, ending: str) -> Path:
    """Where what belongs to the folder, but is no log, lies."""
    whole = folder.resolve()
    return whole.with_name(whole.name + ending)


def emulate(
    seed: int, days: int, hosts: int, attack: bool, swaps: bool = False, division: int = 0
) -> tuple[Recorder, Truth]:
    """All events of the organisation, or of one division of it, in memory, and what was planted
    among them. With `swaps`, laptops change addresses at noon."""
    if not FEWEST_HOSTS <= hosts <= MOST_HOSTS:
        raise UsageError(f"hosts: {hosts} is not between {FEWEST_HOSTS} and {MOST_HOSTS}")
    if days < 1:
        raise UsageError(f"days: {days} is not 1 or more")
    recorder = Recorder(build(seed, days, hosts, division), swaps)
    sessions = Sessions(recorder)
    live(recorder, sessions)
    if not attack:
        return recorder, Truth(seed, days, hosts, len(recorder.events), None, None, None, None, ())
    planted = example(recorder, sessions)
    host = planted.plan.host
    user = host.person.user if host.person else None
    events = len(recorder.events)
    truth = Truth(
        seed,
        days,
        hosts,
        events,
        host.site.name,
        host.name,
        host.fixed_ip,
        user,
        tuple(planted.stages),
    )
    return recorder, truth


def raw_files(
    organisation: Organisation,
    happened: Sequence[Event],
    folder: str = "",
    first_record: int = 10_001,
    mbox: bool = False,
) -> tuple[dict[str, str], dict[int, Place]]:
    """Text of every raw file by name, and where each event went by its `id`. The files of a site
    lie in `<site>/<folder>`; Windows record ids begin at `first_record`. With `mbox` each site
    keeps its mail in one file."""
    files: dict[str, str] = {}
    places: dict[int, Place] = {}
    for site in organisation.sites:
        events = ordered([e for e in happened if e.site == site.name])
        root = f"{site.name}/{folder}"
        _zeek_files(root, events, files, places)
        _windows_file(root, events, files, places, first_record)
        _mail_files(root, events, files, places, mbox or site.name == "tokyo")
        _line_file(f"{root}cloud/audit.json", "o365", remote.cloud_lines, events, files, places)
        _line_file(
            f"{root}vpn/gateway.log", "fortigate", remote.gateway_lines, events, files, places
        )
    return files, places


def config_text(sites: Sequence[Site], root: str = "") -> str:
    """A kizashi.toml that tells which logs are whose, and each site's zone. `root` is the folder of
    a division, and stands before the names of its sites."""
    return "\n".join(
        f'[site.{root.replace("/", "-")}{site.name}]\nzone = "{site.zone}"\n'
        f'files = ["{root}{site.name}/*"]\n'
        for site in sites
    )


def _zeek_files(
    root: str, events: Sequence[Event], files: dict[str, str], places: dict[int, Place]
) -> None:
    for table, (log_type, _) in zeek.LOGS.items():
        chosen = [e for e in events if e.source == "zeek" and e.table == table]
        if chosen:
            name = f"{root}zeek/{log_type}.log.gz"
            files[name] = zeek.log(chosen, table)
            places.update(
                {id(e): (name, line) for line, e in enumerate(chosen, zeek.HEADER_LINES + 1)}
            )


def _windows_file(
    root: str,
    events: Sequence[Event],
    files: dict[str, str],
    places: dict[int, Place],
    first_record: int,
) -> None:
    chosen = [e for e in events if e.source == "windows"]
    if chosen:
        name = f"{root}windows/winlogbeat.ndjson.gz"
        files[name] = winlogbeat.lines(chosen, first_record)
        places.update({id(e): (name, line) for line, e in enumerate(chosen, 1)})


def _line_file(
    name: str,
    source: str,
    lines: Callable[[Sequence[Event]], str],
    events: Sequence[Event],
    files: dict[str, str],
    places: dict[int, Place],
) -> None:
    """One file of the records of a source, a line each."""
    chosen = [e for e in events if e.source == source]
    if chosen:
        files[name] = lines(chosen)
        places.update({id(e): (name, line) for line, e in enumerate(chosen, 1)})


def _mail_files(
    root: str,
    events: Sequence[Event],
    files: dict[str, str],
    places: dict[int, Place],
    mbox: bool,
) -> None:
    """The head office keeps its mail in one mbox, the other office a file a message."""
    chosen = [e for e in events if e.source == "mail"]
    if mbox and chosen:
        name = f"{root}mail/gateway.mbox"
        files[name] = mailbox.mbox(chosen)
        places.update({id(e): (name, number) for number, e in enumerate(chosen, 1)})
        return
    for event, (eml, text) in zip(chosen, mailbox.eml_files(chosen).items(), strict=True):
        files[f"{root}mail/{eml}"] = text
        places[id(event)] = (f"{root}mail/{eml}", 1)


def write_text(path: Path, text: str) -> None:
    """A file of the logs, packed where its name says so; the same text gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    # Without a time and a name in the header the same text gives the same file.
    path.write_bytes(gzip.compress(data, 9, mtime=0) if path.suffix == ".gz" else data)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"no JSON for {type(value).__name__}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; exit status 0, or 2 for wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m kizashi.measure.generate",
        description="Write an emulated organisation's logs.",
        epilog="example: python -m kizashi.measure.generate /tmp/organisation --seed 7",
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--hosts", type=int, default=36)
    parser.add_argument("--no-attack", action="store_true", help="ordinary life only")
    parser.add_argument("--tables", action="store_true", help="write normalised Parquet rows too")
    given = parser.parse_args(arguments)
    try:
        truth = generate(
            given.folder, given.seed, given.days, given.hosts, not given.no_attack, given.tables
        )
    except UsageError as error:
        parser.error(str(error))
    print(json.dumps({"folder": str(given.folder), "events": truth.events, "host": truth.host}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
