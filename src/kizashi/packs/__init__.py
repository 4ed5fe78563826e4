"""Packs: what is published about one campaign, as hunts that a person can run by name.

A pack is one TOML file, here or anywhere: hunts, each with the grade of its evidence, its sources,
and the detectors and chains that would show it; settings for those detectors; published indicators.
It is the only place that names a campaign. A hunt of grade D, or a `look` at one column, never
makes a signal, so that it can never raise an incident.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from kizashi import schema
from kizashi.chains import Chain
from kizashi.detectors.folder import Detector, SettingValue, unknown
from kizashi.errors import KizashiError, UsageError

# Evidence: A read or recomputed, B quoted by a second source, C a community's lead, D recalled.
GRADES = ("A", "B", "C", "D")
ENDING = ".toml"
_PACK = frozenset({"title", "title_ja", "about", "about_ja", "indicators"})
_HUNT = frozenset({"title", "title_ja", "about", "about_ja", "grade", "sources"})
_WAYS = frozenset({"detectors", "chains", "names", "indicators", "look"})


@dataclass(frozen=True, slots=True)
class Look:
    """A pattern (RE2) over one column of an event table; it tells, and never alerts."""

    table: str
    column: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Hunt:
    """One hunt of a pack. It fires when one of its detectors or chains does, an indicator of the
    pack or a predicted name of its families is met, or its look finds something."""

    id: str
    title: str
    title_ja: str
    about: str  # what is known, and how
    about_ja: str
    grade: str
    sources: tuple[str, ...]
    detectors: tuple[str, ...] = ()
    chains: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # families of predicted names, also sought in the kept history
    indicators: bool = False  # the pack's own
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Pack:
    """A campaign's hunts. `settings` are defaults of detectors, under what kizashi.toml says."""

    id: str
    title: str
    title_ja: str
    about: str
    about_ja: str
    sources: Mapping[str, str]
    hunts: tuple[Hunt, ...]
    settings: Mapping[str, Mapping[str, SettingValue]]
    indicators: Traversable | None = None  # file of published indicators


@cache
def packs() -> dict[str, Pack]:
    """The packaged packs by id."""
    found = sorted(files(__package__).iterdir(), key=lambda entry: entry.name)
    return {
        pack.id: pack for pack in (load(entry) for entry in found if entry.name.endswith(ENDING))
    }


def pack(said: str) -> Pack:
    """A packaged pack by its id, or the pack of a file. UsageError where there is neither."""
    if said in packs():
        return packs()[said]
    path = Path(said)
    if said.endswith(ENDING) and path.is_file():
        return load(path)
    raise UsageError(f"no pack {said!r}. One of: {', '.join(packs())}; or a file such as own.toml")


def load(file: Traversable) -> Pack:
    """The pack of one file; KizashiError names the key that is wrong."""
    where = file.name
    try:
        said = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KizashiError(f"{where}: not TOML: {error}") from error
    _known(where, said, _PACK | {"source", "hunt", "settings"})
    sources = said.get("source", {})
    hunts = tuple(
        _hunt(f"{where} [hunt.{name}]", name, of, sources)
        for name, of in _tables(where, said.get("hunt", {})).items()
    )
    if not hunts:
        raise KizashiError(f"{where}: has no [hunt.NAME]; a pack without hunts finds nothing")
    listed = said.get("indicators")
    return Pack(
        id=where.removesuffix(ENDING),
        sources=sources,
        hunts=hunts,
        settings=_tables(where, said.get("settings", {})),
        indicators=_beside(file, listed) if listed else None,
        **{key: _text(where, said, key) for key in _PACK - {"indicators"}},
    )


def _beside(file: Traversable, name: str) -> Traversable:
    folder = file.parent if isinstance(file, Path) else files(__package__)
    listed = folder.joinpath(name)
    if "/" in name or "\\" in name or not listed.is_file():
        raise KizashiError(f"{file.name}: indicators = {name!r}: no such file beside the pack")
    return listed


def _hunt(where: str, name: str, said: Mapping[str, Any], sources: Collection[str]) -> Hunt:
    _known(where, said, _HUNT | _WAYS)
    grade, given = _text(where, said, "grade"), tuple(said.get("sources", ()))
    if grade not in GRADES:
        raise unknown(where, "grade", grade, GRADES)
    for source in given:
        if source not in sources:
            raise unknown(where, "source", source, sources)
    ways = _WAYS & said.keys()
    if not given or not ways:
        raise KizashiError(f"{where}: needs sources, and one of {', '.join(sorted(_WAYS))}")
    if grade == "D" and ways != {"look"}:
        raise KizashiError(f"{where}: evidence of grade D never alerts: give it a look, no more")
    return Hunt(
        id=name,
        grade=grade,
        sources=given,
        detectors=tuple(said.get("detectors", ())),
        chains=tuple(said.get("chains", ())),
        names=tuple(said.get("names", ())),
        indicators=bool(said.get("indicators", False)),
        look=_look(where, said["look"]) if "look" in said else None,
        **{key: _text(where, said, key) for key in _HUNT - {"grade", "sources"}},
    )


def _look(where: str, said: Mapping[str, Any]) -> Look:
    _known(where, said, frozenset({"table", "column", "pattern"}))
    look = Look(*(_text(where, said, key) for key in ("table", "column", "pattern")))
    tables = schema.tables()
    if look.table not in tables:
        raise unknown(where, "table", look.table, tables)
    if look.column not in tables[look.table].column_names:
        raise unknown(where, "column", look.column, tables[look.table].column_names)
    try:
        re.compile(look.pattern)
    except re.error as error:
        raise KizashiError(f"{where}: pattern: {error}") from error
    return look


def check(
    one: Pack,
    detectors: Mapping[str, Detector],
    chains: Mapping[str, Chain],
    families: Collection[str],
) -> None:
    """KizashiError where a pack names a detector, setting, chain or family that there is not."""
    for hunt in one.hunts:
        where = f"{one.id}{ENDING} [hunt.{hunt.id}]"
        kinds: tuple[tuple[str, tuple[str, ...], Collection[str]], ...] = (
            ("detector", hunt.detectors, detectors),
            ("chain", hunt.chains, chains),
            ("family of names", hunt.names, families),
        )
        for kind, said, known in kinds:
            for word in said:
                if word not in known:
                    raise unknown(where, kind, word, known)
    for name, own in one.settings.items():
        where = f"{one.id}{ENDING} [settings.{name}]"
        if name not in detectors:
            raise unknown(where, "detector", name, detectors)
        for key in own:
            if key not in detectors[name].settings:
                raise unknown(where, "setting", key, detectors[name].settings)


def _known(where: str, said: Mapping[str, Any], keys: frozenset[str]) -> None:
    for key in said:
        if key not in keys:
            raise unknown(where, "key", key, keys)


def _tables(where: str, said: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    for name, of in said.items():
        if not isinstance(of, dict):
            raise KizashiError(f"{where}: {name} must be a table")
    return dict(said)


def _text(where: str, said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    if not isinstance(value, str) or not value.strip():
        raise KizashiError(f'{where}: "{key}" must be a text')
    return value
