"""What the command line asks of a lake and of the folders, apart from hunting."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb

from kizashi import config as configuration
from kizashi import detectors as detecting
from kizashi import entities, pipeline, policies, sigma
from kizashi import sources as reading
from kizashi.config import Config, Site
from kizashi.detectors import cases
from kizashi.errors import KizashiError, UsageError
from kizashi.lake import files as files_of
from kizashi.lake.engine import open_lake, quoted_path
from kizashi.lake.manifest import FileEntry, Manifest
from kizashi.lake.settle import settle
from kizashi.schema import tables
from kizashi.sources import mapping as mapping_files
from kizashi.sources import windows
from kizashi.sources.proposal import propose

Rows = tuple[list[str], list[tuple[object, ...]]]
QUERY_SECONDS = 600
QUERY_BYTES = 4 << 30
MOST_ROWS = 1_000_000
PREVIEW_ROWS = 3
# Where a raw record says its machine.
HOST_FIELDS = ("host_id", "Computer", "Hostname")


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one file: who read it, some rows as {table, column: value}, or a mapping to
    begin with where nobody knows it."""

    source: str | None
    read: int
    stored: int
    rejected: int
    note: str
    rows: list[dict[str, object]]
    proposal: str = ""


def try_file(file: Path, mapping: Path | None, zone: str, scratch: Path) -> Trial:
    """Read one file into a scratch lake, with our sources and one mapping more."""
    folders: tuple[Path, ...] = ()
    if mapping is not None:
        own = scratch / "own" / (mapping.parent.name if mapping.stem == "mapping" else mapping.stem)
        own.mkdir(parents=True)
        mapping_files.load(mapping, own.name)
        (own / "mapping.toml").write_bytes(mapping.read_bytes())
        folders = (own.parent,)
    config = Config(sites=(Site("", zone),) if zone else ())
    lake = scratch / "lake"
    lines = list(pipeline.read(lake, [file], config, folders))
    if len(lines) == 1 and lines[0].source is None:
        with file.open("rb") as stream:
            head = stream.read(65_536)
        unread = reading.InputFile(file.name, file, 0, head, file.stat().st_size, 0)
        note = lines[0].note.partition(". To map it")[0]
        return Trial(None, 0, 0, 0, note, [], propose(unread))
    rejected = sum(line.rejected for line in lines)
    aside = [{"table": f"set aside: {why}", "record": n} for _f, n, why, _t in rejects(lake)[:5]]
    return Trial(
        ", ".join(sorted({str(line.source) for line in lines})),
        sum(line.read for line in lines),
        sum(line.stored for line in lines),
        rejected,
        "; ".join(dict.fromkeys(line.note for line in lines if line.note)),
        [*_preview(lake), *aside],
    )


def _preview(lake: Path) -> list[dict[str, object]]:
    """The first rows of each table with what they say."""
    shown: list[dict[str, object]] = []
    unsaid = {"file_id", "host_id", "bucket", "clock_id", "natural_key", "site", "record_no"}
    with open_lake(lake) as con:
        for name in tables():
            found = con.execute(f"SELECT * FROM {name} ORDER BY record_no LIMIT {PREVIEW_ROWS}")
            names = [column[0] for column in found.description or []]
            for row in found.fetchall():
                said = dict(zip(names, row, strict=True))
                values = ", ".join(
                    f"{k}={v}" for k, v in said.items() if v is not None and k not in unsaid
                )
                shown.append({"table": name, "record": said["record_no"], "values": values[:2000]})
    return shown


def destinations(lake: Path, host: str | None) -> Rows:
    """Where a host goes outside, what looks most like an implant's first; without a host, the first
    of every host."""
    _manifest(lake).close()
    with pipeline.open_settled(lake) as con:
        con.execute("SET VARIABLE sought = ?", [host and host.strip().lower()])
        found = con.execute(files("kizashi").joinpath("destinations.sql").read_text("utf-8"))
        names = [column[0] for column in found.description or []]
        return names, found.fetchmany(MOST_ROWS)


@dataclass(frozen=True, slots=True)
class SigmaHit:
    """A Sigma rule met by one record."""

    rule: sigma.Rule
    file: str
    line: int
    time: str
    host: str
    fields: dict[str, object]


@dataclass(frozen=True, slots=True)
class SigmaRun:
    """Sigma rules over logs: Windows events as their files hold them; other logs, and a lake, by
    our tables. `step` is told each file and how many events were read so far."""

    rules: sigma.Rules
    scratch: Path
    step: Callable[[str, int], None]
    watch: sigma.Watch
    matcher: sigma.Matcher

    def over(
        self, paths: list[Path], lake: Path | None = None
    ) -> Iterator[SigmaHit | sigma.Episode]:
        """Every rule met, then every correlation."""
        spool = self.scratch / "spool"
        spool.mkdir(parents=True)
        others: list[Path] = []
        gathering = sigma.Gathering()
        for found in files_of.find(paths):
            is_other = True
            for part in files_of.members(found):
                if isinstance(part, tuple):
                    continue
                with files_of.opened(part, lambda _head: (), spool) as laid:
                    file = reading.InputFile(
                        part.label, laid.plain, laid.file_id, laid.head, laid.size, 0
                    )
                    if windows.claims(file):
                        is_other = False
                        for groups in gathering.add(part.label, windows.texts(file)):
                            yield from self._hits(groups)
                        self.step(part.label, gathering.read)
            if is_other and found.path is not None:
                others.append(found.path)
        yield from self._hits(gathering.rest())
        tables = {
            channel
            for rule in self.rules.rules
            for channel, _ids in rule.records
            if sigma.is_ours(channel)
        }
        if tables and others:
            read = gathering.read
            for line in pipeline.read(self.scratch / "lake", others, Config()):
                read += line.read
                self.step(line.file, read)
            yield from self._lake_hits(self.scratch / "lake", tables)
        if tables and lake is not None:
            yield from self._lake_hits(lake, tables)
        inner = self.rules.inner
        for episode in sigma.correlate(self.rules.correlations, self.watch):
            if episode.correlation.id not in inner:
                yield episode

    def _lake_hits(self, lake: Path, tables: set[str]) -> Iterator[SigmaHit]:
        labels = {e.file_id: e.label for e in _entries(lake)}
        settle(lake, entities)
        with closing(open_lake(lake)) as con:
            _show_signals(lake, con)
            if not (lake / pipeline.SIGNALS).is_file():
                tables = {name for name in tables if name != f"{sigma.TABLE}signal"}
            for group in sigma.table_events(con, lambda i: labels.get(i, "?"), tables):
                yield from self._hits([group])

    def _hits(self, groups: Sequence[sigma.Group]) -> Iterator[SigmaHit]:
        inner = self.rules.inner
        for hit in self.matcher.hits(groups):
            self.watch.add(hit)
            if hit.rule.id not in inner:
                yield _sigma_hit(hit)


def sigma_run(rules: sigma.Rules, scratch: Path, step: Callable[[str, int], None]) -> SigmaRun:
    """The rules ready to run; `scratch` is an empty folder."""
    matcher = sigma.Matcher(rules.rules)
    return SigmaRun(rules, scratch, step, sigma.Watch(rules.correlations), matcher)


def _entries(lake: Path) -> list[FileEntry]:
    manifest = _manifest(lake)
    entries = manifest.file_entries()
    manifest.close()
    return entries


def _sigma_hit(hit: sigma.Hit) -> SigmaHit:
    said = hit.fields
    when = sigma.moment(said)
    time = when.isoformat(" ", "milliseconds").removesuffix("+00:00") if when else ""
    host = next((str(said[n]) for n in HOST_FIELDS if said.get(n)), "")
    return SigmaHit(hit.rule, hit.place.file, hit.place.line, time, host, said)


def _manifest(lake: Path) -> Manifest:
    if not (lake / "manifest.sqlite").is_file():
        raise UsageError(f"{lake}: no lake there. Make one: kizashi ingest PATH --lake {lake}")
    return Manifest(lake)


def try_policy(
    name: str, lake: Path, days: int, config: Path | None
) -> tuple[policies.Policy, policies.Trial]:
    """What a policy would have stopped in the lake's last days."""
    policy, trial, _names, _rows = export_policy(name, lake, days, "auto", config)
    return policy, trial


def export_policy(
    name: str, lake: Path, days: int, mode: str, config: Path | None
) -> tuple[policies.Policy, policies.Trial, list[str], list[tuple[object, ...]]]:
    """The same, with names and rows of what an administrator would enter."""
    policy = policies.named(name)
    _manifest(lake).close()
    domains = configuration.find(config, []).domains
    with pipeline.open_settled(lake) as con:
        trial = policies.try_policy(policy, con, days, domains)
        names, rows = policies.export(policy, con, trial, mode)
        return policy, trial, names, rows


def rejects(lake: Path) -> list[tuple[str, int, str, str]]:
    """(file, record number, reason, excerpt) of every damaged record."""
    manifest = _manifest(lake)
    found = manifest.rejects()
    manifest.close()
    return found


def sources(lake: Path | None) -> list[dict[str, object]]:
    """The formats known, or the files read of a lake."""
    if lake is None:
        return [
            {"id": name, "title": source.TITLE, "status": source.STATUS}
            for name, source in reading.sources().items()
        ]
    manifest = _manifest(lake)
    entries = manifest.file_entries()
    manifest.close()
    return [
        {
            "file": e.label,
            "source": e.source,
            "read": e.read,
            "stored": e.stored,
            "rejected": e.rejected,
            "duplicate": e.duplicate,
            "note": e.note,
        }
        for e in entries
    ]


def source_health(lake: Path, *, by_host: bool) -> Rows:
    """What each source, or each source of each host, wrote and how late it arrives."""
    _manifest(lake).close()
    with pipeline.open_settled(lake) as con:
        con.execute("SET VARIABLE by_host = ?", [by_host])
        found = con.execute(files("kizashi").joinpath("source_health.sql").read_text("utf-8"))
        names = [column[0] for column in found.description or []]
        return names, found.fetchmany(MOST_ROWS)


def query(lake: Path, sql: str) -> Rows:
    """Names and rows of a SELECT of ours."""
    _manifest(lake).close()
    with pipeline.open_settled(lake) as con:
        _show_signals(lake, con)
        found = con.execute(sql)
        names = [column[0] for column in found.description or []]
        return names, found.fetchmany(MOST_ROWS)


def _show_signals(lake: Path, con: duckdb.DuckDBPyConnection) -> None:
    """The signals of the last hunt as a view, where there was one."""
    if (lake / pipeline.SIGNALS).is_file():
        signals = quoted_path(lake / pipeline.SIGNALS)
        con.execute(f"CREATE VIEW signal AS FROM read_parquet({signals})")


def query_apart(lake: Path, sql: str) -> Rows:
    """Names and rows of an analyst's SELECT, run in a child process with memory and time limits.

    Raises KizashiError when the SQL is wrong or a limit ends it.
    """
    _manifest(lake).close()
    ours, theirs = multiprocessing.get_context("spawn").Pipe(duplex=False)
    child = multiprocessing.get_context("spawn").Process(
        target=_child, args=(theirs, lake, sql), daemon=True
    )
    child.start()
    theirs.close()
    try:
        if not ours.poll(QUERY_SECONDS):
            raise KizashiError(f"the query took more than {QUERY_SECONDS} seconds")
        said: Rows | str = ours.recv()
    except EOFError as error:
        raise KizashiError(
            f"the query needed more than {QUERY_BYTES >> 30} GB of memory"
        ) from error
    finally:
        child.kill()
    if isinstance(said, str):
        raise KizashiError(said)
    return said


def _child(out: Connection, lake: Path, sql: str) -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (QUERY_BYTES, QUERY_BYTES))
    try:
        out.send(query(lake, sql))
    except (duckdb.Error, KizashiError, MemoryError) as error:
        out.send(str(error).split("\n\nLINE", 1)[0])


def detectors() -> list[dict[str, object]]:
    """Every detector in a few words."""
    return [
        {
            "id": d.id,
            "title": d.title,
            "stage": d.stage,
            "attack": ", ".join(d.attack),
            "status": d.status,
        }
        for d in detecting.detectors().values()
    ]


def detector_page(detector: str) -> str:
    """README and settings of a detector."""
    known = detecting.detectors()
    if detector not in known:
        raise UsageError(f"no detector {detector}. One of: {', '.join(known)}")
    found = known[detector]
    settings = "\n".join(
        f"- `{n}` = {s.default} {s.unit}: {s.why}" for n, s in found.settings.items()
    )
    return found.folder.joinpath("README.md").read_text("utf-8") + f"\n## Settings\n\n{settings}\n"


def run_cases(folder: Path | None) -> Iterator[tuple[str, str, str]]:
    """(detector, case, what went wrong or '') for every case of a folder, ours by default."""
    folder = folder.resolve() if folder else None
    own = detecting.detectors((folder,) if folder else ())
    chosen = [d for d in own.values() if folder is None or str(d.folder).startswith(str(folder))]
    if not chosen:
        raise UsageError(f"{folder}: no detector folder there (detector.toml)")
    for detector in chosen:
        for case in cases.load_cases(detector.folder):
            problems = cases.run_case(detector, case, pipeline.derive)
            yield detector.id, case.name, "; ".join(problems)
