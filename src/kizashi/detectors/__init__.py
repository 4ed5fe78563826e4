"""Detectors turn events into signals.

A detector is a folder: detector.toml, detector.sql (or a Sigma rule in detector.yml), README.md,
cases.yaml. Folders are found by
walking, a user's own through the same code. `run` puts the rows of its one SELECT into the table
`signal`; `missing_columns` tells what it could not look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import duckdb

from kizashi.detectors.folder import Detector, Prior, Setting, SettingValue, load, unknown
from kizashi.errors import KizashiError
from kizashi.schema import quoted

__all__ = [
    "Detector",
    "Prior",
    "Setting",
    "detectors",
    "missing_columns",
    "run",
    "signal_table_sql",
    "summarise",
    "unname",
]

REQUIRED = ("site", "host_id", "first_seen", "last_seen", "evidence")
STATED = ("signal_id", "detector", "family", "stage", "techniques", "details")
MAX_EVIDENCE = 20


def detectors(folders: Sequence[Path] = ()) -> dict[str, Detector]:
    """Every detector by id: ours, then those in `folders` (detector folders or parents of some)."""
    found: dict[str, Detector] = {}
    for root in (files(__package__), *folders):
        for folder in _walk(root):
            if folder.name in found and str(found[folder.name].folder) != str(folder):
                raise KizashiError(
                    f"{folder}: a detector of this name exists already. Rename the folder."
                )
            found[folder.name] = load(folder)
    return found


def _walk(root: Traversable) -> Iterator[Traversable]:
    if not root.is_dir():
        raise KizashiError(f"{root}: no such folder of detectors")
    if root.joinpath("detector.toml").is_file():
        yield root
        return
    for entry in sorted(root.iterdir(), key=lambda e: e.name):
        if entry.is_dir() and entry.joinpath("detector.toml").is_file():
            yield entry


def signal_table_sql() -> str:
    """CREATE TABLE of the signals."""
    return files(__package__).joinpath("signal.sql").read_text("utf-8")


def missing_columns(detector: Detector, con: duckdb.DuckDBPyConnection) -> list[str]:
    """What the detector needs and is not there: an empty `table`, an all-NULL `table.column`; every
    table of `any_of` where none of them can be used."""
    missing = [lack for read in detector.reads.items() for lack in _lacking(con, *read)]
    if detector.any_of and all(_lacking(con, *read) for read in detector.any_of.items()):
        missing += detector.any_of
    return missing


def _lacking(con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> list[str]:
    if not _holds(con, table, "TRUE"):
        return [table]
    return [
        f"{table}.{column}"
        for column in columns
        if not _holds(con, table, f"{quoted(column)} IS NOT NULL")
    ]


def _holds(con: duckdb.DuckDBPyConnection, table: str, condition: str) -> bool:
    sql = f"SELECT 1 FROM {quoted(table)} WHERE {condition} LIMIT 1"
    return bool(con.execute(sql).fetchall())


def run(
    detector: Detector,
    con: duckdb.DuckDBPyConnection,
    settings: Mapping[str, SettingValue] | None = None,
) -> int:
    """Replace the detector's rows in `signal` and return how many there are.

    `settings` override defaults by name; the connection holds the event tables and derived views.
    """
    con.execute(signal_table_sql().replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1))
    set_variables(detector, con, settings or {})
    where = f"{detector.id}/{detector.origin}"
    try:
        if detector.prepare:
            detector.prepare(con)
        returned = [row[0] for row in con.execute(f"DESCRIBE {detector.sql}").fetchall()]
        lacking = [column for column in REQUIRED if column not in returned]
        if lacking:
            raise KizashiError(f"{where}: returns no column {', '.join(lacking)}")
        con.execute("DELETE FROM signal WHERE detector = ?", [detector.id])
        con.execute(
            _insert_sql(detector.sql, returned, _signal_columns(con)),
            {
                "detector": detector.id,
                "family": detector.family,
                "stage": detector.stage,
                "techniques": list(detector.attack),
            },
        )
    except (duckdb.ProgrammingError, duckdb.DataError) as error:
        raise KizashiError(f"{where}: {' '.join(str(error).split())[:400]}") from error
    row = con.execute("SELECT count(*) FROM signal WHERE detector = ?", [detector.id]).fetchone()
    return int(row[0]) if row else 0


def unname(con: duckdb.DuckDBPyConnection) -> None:
    """Take the addresses that resolvers answer failures with out of the signals: nobody's C2."""
    con.execute(files(__package__).joinpath("unname.sql").read_text("utf-8"))


def set_variables(
    detector: Detector, con: duckdb.DuckDBPyConnection, settings: Mapping[str, SettingValue]
) -> None:
    """Set every setting as a variable of the connection; KizashiError for an unknown name."""
    for name in settings:
        if name not in detector.settings:
            raise unknown("settings", f"setting for {detector.id}", name, detector.settings)
    for name, setting in detector.settings.items():
        con.execute(f"SET VARIABLE {quoted(name)} = ?", [settings.get(name, setting.default)])


def _signal_columns(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return {row[0]: row[1] for row in con.execute("DESCRIBE signal").fetchall()}


def _insert_sql(sql: str, returned: Sequence[str], columns: Mapping[str, str]) -> str:
    """INSERT that gives each row its stable id and folds columns of its own into `details`."""
    linked = [c for c in returned if c in columns and c not in (*STATED, *REQUIRED, "confidence")]
    own = [column for column in returned if column not in columns]
    packed = ", ".join(f"{quoted(column)} := found.{quoted(column)}" for column in own)
    details = f"CAST(to_json(struct_pack({packed})) AS VARCHAR)" if own else "'{}'"
    confidence = "coalesce(found.confidence, 1)" if "confidence" in returned else "1"
    links = "".join(
        f",\n    CAST(found.{quoted(c)} AS {columns[c]}) AS {quoted(c)}" for c in linked
    )
    techniques = "CAST($techniques AS VARCHAR[])"
    if "techniques" in returned:
        # Only what the detector declares; a row that names none of it stands for all.
        shown = f"list_filter({techniques}, lambda t: list_contains(found.techniques, t))"
        techniques = f"CASE WHEN len({shown}) > 0 THEN {shown} ELSE {techniques} END"
    # ORDER BY keeps the table's order, and with it every later tie, the same on each run.
    return f"""
INSERT INTO signal BY NAME
SELECT
    md5(concat_ws(
        '|', $detector, found.host_id, found.evidence[1].file_id, found.evidence[1].record_no
    )) AS signal_id,
    $detector AS detector,
    $family AS family,
    $stage AS stage,
    {techniques} AS techniques,
    found.site,
    found.host_id,
    found.first_seen,
    found.last_seen,
    {confidence} AS confidence,
    {details} AS details,
    CAST(found.evidence[1:{MAX_EVIDENCE}] AS STRUCT(file_id UBIGINT, record_no UBIGINT)[])
        AS evidence{links}
FROM (
{sql}
) AS found
ORDER BY found.first_seen, found.host_id, found.evidence[1].file_id, found.evidence[1].record_no
"""


def summarise(detector: Detector, details: Mapping[str, object]) -> tuple[str, str]:
    """The signal in one English and one Japanese sentence, from its columns and details."""
    own_words = {
        column: words.get(str(details[column]), details[column])
        for column, words in detector.words_ja.items()
        if column in details
    }
    english, japanese = _Said(details), _Said({**details, **own_words})
    return detector.summary.format_map(english), detector.summary_ja.format_map(japanese)


class _Said(dict[str, object]):
    """Template values; what a signal lacks reads as a dash, lists as their items."""

    def __init__(self, details: Mapping[str, object]) -> None:
        super().__init__({key: _Value(value) for key, value in details.items()})

    def __missing__(self, key: str) -> _Value:
        return _Value(None)


class _Value:
    """One value of a template: `{hosts:host|hosts}` says 1 host, 2 hosts."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __format__(self, spec: str) -> str:
        one, bar, many = spec.partition("|")
        if not bar:
            return format(self.value, spec) if spec else str(self)
        return f"{self} {one if self.value == 1 else many}"

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        if isinstance(self.value, list | tuple):
            return ", ".join(str(item) for item in self.value)
        return str(self.value)
