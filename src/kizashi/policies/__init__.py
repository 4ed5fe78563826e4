"""Policies tried on history: what a block would have stopped in the last days, and for whom.

A policy is a folder: policy.toml, try.sql (a row an event that the policy would have stopped),
export.sql (what an administrator would enter, from what was tried) and, where logs may be there and
still not tell, unjudged.sql (a sentence a row). Folders are found by walking.
Nothing is applied: the export is a list to read.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import duckdb

from kizashi.errors import KizashiError, UsageError
from kizashi.schema import quoted, tables

# Columns that try.sql gives: when, on which host, whose, by which program, with whom, under which
# entry of the policy, why it is probably honest or hostile, and who says that it would be stopped.
TRIED = ("time", "host_id", "user", "program", "partner", "entry", "reason", "told_by")
MODES = ("auto", "audit", "block")


class Text(NamedTuple):
    """A sentence in English and Japanese."""

    en: str
    ja: str


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy folder. `reasons` are the words of `reason` in try.sql; those in `honest` are uses
    that a block would break."""

    id: str
    title: Text
    blocks: Text
    reads: Mapping[str, tuple[str, ...]]
    any_of: Mapping[str, tuple[str, ...]]
    settings: Mapping[str, Any]
    reasons: Mapping[str, Text]
    honest: frozenset[str]
    try_sql: str
    export_sql: str
    unjudged_sql: str = ""
    hidden: tuple[str, ...] = ()  # columns that say nothing to a person


@dataclass(frozen=True, slots=True)
class Trial:
    """What a policy would have stopped: rows by user, program, partner, entry and reason."""

    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    since: datetime | None
    until: datetime | None
    missing: tuple[str, ...]  # tables and columns that nothing filled: it could not look
    unjudged: tuple[Text, ...] = ()  # what the logs that are there could not tell


@cache
def policies() -> dict[str, Policy]:
    """Every policy by id."""
    found = {}
    for folder in sorted(files(__package__).iterdir(), key=lambda f: f.name):
        if folder.joinpath("policy.toml").is_file():
            policy = _load(folder)
            found[policy.id] = policy
    return found


def named(name: str) -> Policy:
    """The policy of that id; UsageError names the valid ones."""
    known = policies()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 1)
    hint = f'Did you mean "{near[0]}"?' if near else f"One of: {', '.join(known)}"
    raise UsageError(f'no policy "{name}". {hint}')


def _load(folder: Traversable) -> Policy:
    said = tomllib.loads(folder.joinpath("policy.toml").read_text("utf-8"))
    reads = said["reads"]
    reasons = said["reason"]
    unjudged = folder.joinpath("unjudged.sql")
    return Policy(
        id=folder.name.replace("_", "-"),
        title=Text(said["title"], said["title_ja"]),
        blocks=Text(said["blocks"], said["blocks_ja"]),
        reads={t: tuple(c) for t, c in reads.items() if t != "any_of"},
        any_of={t: tuple(c) for t, c in reads.get("any_of", {}).items()},
        settings={name: value["default"] for name, value in said["settings"].items()},
        reasons={code: Text(one["text"], one["text_ja"]) for code, one in reasons.items()},
        honest=frozenset(code for code, one in reasons.items() if one["is_honest"]),
        try_sql=folder.joinpath("try.sql").read_text("utf-8"),
        export_sql=folder.joinpath("export.sql").read_text("utf-8"),
        unjudged_sql=unjudged.read_text("utf-8") if unjudged.is_file() else "",
        hidden=tuple(said.get("hidden", ())),
    )


def try_policy(
    policy: Policy, con: duckdb.DuckDBPyConnection, days: int, domains: tuple[str, ...] = ()
) -> Trial:
    """What the policy would have stopped in the last `days` of the lake's events; `domains` are the
    organisation's own. Leaves `tried` on the connection, a row an event, and `stopped`, its sums.
    """
    since, until, first = _span(policy, con, days)
    variables = {**policy.settings, "since": since, "until": until, "own_domains": list(domains)}
    for name, value in variables.items():
        con.execute(f"SET VARIABLE {quoted(name)} = ?", [value])
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE tried AS {policy.try_sql}")
    except (duckdb.ProgrammingError, duckdb.DataError) as error:
        said = " ".join(str(error).split())[:400]
        raise KizashiError(f"{policy.id}/try.sql: {said}") from error
    con.execute(files(__package__).joinpath("stopped.sql").read_text("utf-8"))
    found = con.execute("FROM stopped ORDER BY ALL")
    names = tuple(column[0] for column in found.description or [])
    rows = sorted(
        found.fetchall(), key=lambda row: _rank(policy, dict(zip(names, row, strict=True)))
    )
    missing = tuple(_missing(policy, con))
    asked = policy.unjudged_sql if not missing else ""
    unjudged = con.execute(asked).fetchall() if asked else []
    told_since = max(since, first) if since is not None and first is not None else since
    return Trial(
        names, tuple(rows), told_since, until, missing, tuple(Text(*row) for row in unjudged)
    )


def _rank(policy: Policy, row: Mapping[str, Any]) -> tuple[object, ...]:
    """Honest uses first, for those a block would break; then what came most often."""
    return (
        row["reason"] not in policy.honest,
        -row["times"],
        *(str(row[name] or "") for name in ("user", "program", "partner", "entry", "told_by")),
    )


def export(
    policy: Policy, con: duckdb.DuckDBPyConnection, trial: Trial, mode: str
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Names and rows of what an administrator would enter, after `try_policy`. `mode` is audit,
    block, or auto: block only what would have stopped nothing honest and nothing unclear, and
    nothing where the trial could not look."""
    if mode not in MODES:
        raise UsageError(f"no mode {mode!r}. One of: {', '.join(MODES)}")
    cautious = mode == "auto" and trial.missing
    con.execute("SET VARIABLE mode = ?", ["audit" if cautious else mode])
    con.execute("SET VARIABLE honest = ?", [sorted({*policy.honest, "unclear"})])
    found = con.execute(policy.export_sql)
    return [column[0] for column in found.description or []], found.fetchall()


def _span(
    policy: Policy, con: duckdb.DuckDBPyConnection, days: int
) -> tuple[datetime | None, datetime | None, datetime | None]:
    """From when to when: counted back from the newest event of the tables that the policy reads;
    and the first event there is."""
    read = [name for name in (*policy.reads, *policy.any_of) if name in tables()]
    union = " UNION ALL ".join(
        f"SELECT min(time) AS first, max(time) AS last FROM {quoted(name)}" for name in read
    )
    ((since, until, first),) = con.execute(
        f"SELECT max(last) - to_days(?), max(last), min(first) FROM ({union})", [days]
    ).fetchall()
    return since, until, first


def _missing(policy: Policy, con: duckdb.DuckDBPyConnection) -> list[str]:
    lacking = [lack for read in policy.reads.items() for lack in _lacks(con, *read)]
    if policy.any_of and all(_lacks(con, *read) for read in policy.any_of.items()):
        lacking += policy.any_of
    return lacking


def _lacks(con: duckdb.DuckDBPyConnection, table: str, columns: tuple[str, ...]) -> list[str]:
    def holds(condition: str) -> bool:
        sql = f"SELECT 1 FROM {quoted(table)} WHERE {condition} LIMIT 1"
        return bool(con.execute(sql).fetchall())

    if not holds("TRUE"):
        return [table]
    return [f"{table}.{name}" for name in columns if not holds(f"{quoted(name)} IS NOT NULL")]
