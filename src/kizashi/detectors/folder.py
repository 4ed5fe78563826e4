"""A detector folder: what detector.toml may say, checked key by key before anything runs.

The dataclasses here are the contract in code. A mistake ends as one line that names the file, the
key and the nearest right word.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import duckdb

from kizashi import schema
from kizashi.errors import KizashiError

TACTICS = (
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
)
CHOICES = {
    "stage": TACTICS,
    "entity": ("host", "user", "process", "name", "address", "message", "file"),
    "partition": ("host", "fleet"),
    "status": ("preview", "stable", "deprecated"),
}
TEXTS = ("title", "title_ja", "summary", "summary_ja", "family", "benign", "benign_ja")
KEYS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys((*TEXTS, *CHOICES), str),
    "attack": list,
    "lateness_minutes": int,
    "reads": dict,
    "lookback": dict,
    "chance": dict,
    "settings": dict,
}
TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")
VARIABLE = re.compile(r"getvariable\(\s*'([^']+)'\s*\)")

ORIGINS = ("detector.sql", "detector.yml")

Prepare = Callable[[duckdb.DuckDBPyConnection], None]
SettingValue = bool | int | float | str | list[Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """A threshold: its value, its unit, and why it is so."""

    default: SettingValue
    unit: str
    why: str


# What a prior is worth whose source counted fewer host-days, or guessed.
PRIOR_HOST_DAYS = 100.0


@dataclass(frozen=True, slots=True)
class Prior:
    """How often the detector fires by chance on one benign host-day, where that was measured, and
    over how many host-days: what it is worth against a lake's own counts."""

    per_host_day: float
    source: str
    host_days: float


class Query(NamedTuple):
    """The SELECT of a detector, the tables it is known to read, and what must be done before it."""

    sql: str
    tables: frozenset[str]
    prepare: Prepare | None = None


@dataclass(frozen=True, slots=True)
class Detector:
    """One detector folder, checked. It cannot look without all of `reads`, nor where none of the
    tables in `any_of` has all its columns."""

    id: str
    folder: Traversable
    title: str
    title_ja: str
    summary: str
    summary_ja: str
    attack: tuple[str, ...]
    stage: str
    entity: str
    partition: str
    family: str
    status: str
    reads: Mapping[str, tuple[str, ...]]
    any_of: Mapping[str, tuple[str, ...]]
    lookback_hours: int
    lateness_minutes: int
    chance: Prior
    benign: str
    benign_ja: str
    settings: Mapping[str, Setting]
    sql: str
    origin: str = "detector.sql"  # the file that the query came from
    prepare: Prepare | None = None  # what must be done before the query can run
    words_ja: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by column and word


def load(folder: Traversable) -> Detector:
    """The detector in this folder; KizashiError names file, key and next step where it is wrong."""
    where = f"{folder.name}/detector.toml"
    try:
        values = tomllib.loads(folder.joinpath("detector.toml").read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise KizashiError(f"{where}: not TOML: {error}") from error
    origin, query = _query(folder)
    if (
        origin == "detector.yml"
        and query.prepare is None
        and isinstance(values.get("settings"), dict)
    ):
        values["settings"] = _standard_settings() | values["settings"]
    words_ja = _words(where, values.pop("words_ja", {}))
    check_keys(where, values, KEYS)
    for key, allowed in CHOICES.items():
        _choose(where, key, values[key], allowed)
    settings = _settings(where, values["settings"])
    reads = values["reads"]
    if not reads:
        raise KizashiError(f"{where}: [reads] is empty, so blindness could never be told")
    _check_variables(f"{folder.name}/{origin}", query.sql, settings)
    any_of = reads.get("any_of", {})
    if unread := query.tables - {*reads, *any_of}:
        raise KizashiError(
            f"{where}: [reads] lacks {', '.join(sorted(unread))}, which the rule asks"
        )
    return Detector(
        id=folder.name,
        folder=folder,
        attack=_techniques(where, values["attack"]),
        reads=_columns(where, "[reads]", {k: v for k, v in reads.items() if k != "any_of"}),
        any_of=_columns(where, "[reads.any_of]", any_of),
        lookback_hours=_lookback(where, values["lookback"]),
        lateness_minutes=values["lateness_minutes"],
        chance=_prior(where, values["chance"]),
        settings=settings,
        sql=query.sql,
        origin=origin,
        prepare=query.prepare,
        words_ja=words_ja,
        **{key: values[key] for key in (*TEXTS, *CHOICES)},
    )


def _words(where: str, columns: Any) -> dict[str, dict[str, str]]:
    """What the query's own words are in Japanese, by column; KizashiError for another shape."""
    tables = columns.values() if isinstance(columns, dict) else [columns]
    if not all(
        isinstance(words, dict) and all(isinstance(text, str) for text in words.values())
        for words in tables
    ):
        raise KizashiError(f'{where}: [words_ja.COLUMN] must hold lines such as "share" = "共有"')
    return dict(columns)


def _standard_settings() -> dict[str, Any]:
    """What every detector that is one Sigma rule can be told."""
    return tomllib.loads(files(__package__).joinpath("sigma_rule.toml").read_text("utf-8"))


def _query(folder: Traversable) -> tuple[str, Query]:
    """The query and its file: detector.sql, or the Sigma rule of detector.yml."""
    held = [name for name in ORIGINS if folder.joinpath(name).is_file()]
    if len(held) != 1:
        has = "both" if held else "neither"
        raise KizashiError(
            f"{folder.name}: has {has} detector.sql {'and' if held else 'nor'} detector.yml "
            "beside detector.toml; it needs one"
        )
    text = folder.joinpath(held[0]).read_text("utf-8")
    if held[0] == "detector.sql":
        return held[0], Query(text.strip().rstrip(";"), frozenset())
    # pySigma is not loaded where no rule asks for it.
    from kizashi.detectors.sigma_rule import query

    return held[0], query(f"{folder.name}/{held[0]}", text)


def unknown(where: str, kind: str, word: str, known: Iterable[str]) -> KizashiError:
    """The error for a word that is none of those known, naming the nearest one or all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1)
    advice = f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(known) or 'none'}."
    return KizashiError(f'{where}: unknown {kind} "{word}". {advice}')


def check_keys(
    where: str, values: Mapping[str, Any], keys: Mapping[str, type | tuple[type, ...]]
) -> None:
    """KizashiError for the first key that is unknown, missing or of another type."""
    for key in values:
        if key not in keys:
            raise unknown(where, "key", key, keys)
    for key, kind in keys.items():
        if key not in values:
            raise KizashiError(f'{where}: has no "{key}". Add it; see docs/extending.md.')
        if not isinstance(values[key], kind):
            names = kind if isinstance(kind, tuple) else (kind,)
            wanted = " or ".join(name.__name__ for name in names)
            raise KizashiError(f'{where}: "{key}" must be a {wanted}, is {values[key]!r}')


def _choose(where: str, key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise unknown(where, key, value, allowed)


def _techniques(where: str, values: list[Any]) -> tuple[str, ...]:
    for value in values:
        if not isinstance(value, str) or not TECHNIQUE.fullmatch(value):
            raise KizashiError(f"{where}: {value!r} is no ATT&CK technique; write T1568.002")
    return tuple(values)


def _columns(where: str, key: str, values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    known = schema.tables() | schema.references()
    for table, columns in values.items():
        if table not in known:
            raise unknown(where, f"table in {key}", table, known)
        for column in columns:
            if column not in known[table].column_names:
                raise unknown(where, f"column of {table}", column, known[table].column_names)
    return {table: tuple(columns) for table, columns in values.items()}


def _lookback(where: str, values: Mapping[str, Any]) -> int:
    check_keys(f"{where} [lookback]", values, {"hours": int})
    return int(values["hours"])


def _prior(where: str, values: Mapping[str, Any]) -> Prior:
    number = (float, int)
    keys: dict[str, type | tuple[type, ...]] = {
        "per_host_day": number, "source": str, "host_days": number,
    }  # fmt: skip
    values = {"host_days": PRIOR_HOST_DAYS, **values}
    check_keys(f"{where} [chance]", values, keys)
    chance = float(values["per_host_day"])
    if not 0 < chance <= 1:
        raise KizashiError(f"{where}: chance per_host_day must be over 0 and at most 1")
    if values["host_days"] <= 0:
        raise KizashiError(f"{where}: chance host_days must be over 0")
    return Prior(chance, values["source"], float(values["host_days"]))


def _settings(where: str, values: Mapping[str, Any]) -> dict[str, Setting]:
    kinds = (bool, int, float, str, list)
    for name, value in values.items():
        if not isinstance(value, dict):
            raise KizashiError(f"{where}: setting {name} must be {{ default, unit, why }}")
        keys: dict[str, type | tuple[type, ...]] = {"default": kinds, "unit": str, "why": str}
        check_keys(f"{where} setting {name}", value, keys)
    return {name: Setting(v["default"], v["unit"], v["why"]) for name, v in values.items()}


def _check_variables(where: str, sql: str, settings: Mapping[str, Setting]) -> None:
    read = set(VARIABLE.findall(sql))
    for name in sorted(read - set(settings)):
        raise unknown(where, "setting", name, settings)
    for name in sorted(set(settings) - read):
        raise KizashiError(f'{where}: does not read setting "{name}". Use it or drop it.')
