"""YAML documents of rule files, read within limits: whoever wrote the file may mean harm.

A file is refused before anything expands: libyaml's composer ends the process on deep nesting, an
alias may stand for aliases, and some modifiers multiply each value.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import re2
import yaml

from kizashi.sigma.refusals import Unable

MOST_BYTES = 1 << 20
MOST_DEPTH = 30
MOST_NODES = 60_000
MOST_DOCUMENTS = 1000
MOST_VALUES = 12_000
MOST_DIGITS = 1000
MOST_KEY_CHARACTERS = 300
MOST_VALUE_CHARACTERS = 20_000
MOST_PATTERN_CHARACTERS = 5000
MOST_CONDITION_WORDS = 2000
# What a value costs with a modifier that makes several of it, in plain values.
WEIGHTS = {"windash": 30, "base64offset": 5, "wide": 5, "utf16": 5, "utf16le": 5, "utf16be": 5}
ATTRIBUTES = ("title", "name", "id", "logsource", "detection", "correlation", "filter", "level")
# Whatever else a rule says of itself is free; these are so common that no slip is looked for.
COMMON = ("status", "description", "references", "author", "date", "modified", "tags", "fields",
          "falsepositives", "related", "license", "taxonomy", "scope")  # fmt: skip
# Only texts like these can hold aliases or nest deep; others need no second look.
_SUSPECT = re.compile(r"(?m)(?:^|[\s\[{,:-])&[^\s,\[\]{}]|(?:[-?:]\s){8}")
_MANY_BRACKETS = 60
_NUMBER = re.compile(r"[-+0-9:_.eE]+")
_SMALL = 32_768
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def text_of(path: Path) -> str:
    """The text of a file. Unable where it is none, or too long."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Unable(f"more than {MOST_BYTES >> 10} KB")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unable(str(error)[:200]) from error


def documents(text: str) -> list[dict[str, Any]]:
    """The documents of a text, in order. Unable, with the line, where they cannot be read."""
    if len(text) > MOST_BYTES:
        raise Unable(f"more than {MOST_BYTES >> 10} KB")
    brackets = text.count("[") + text.count("{")
    if len(text) > _SMALL or brackets > _MANY_BRACKETS or _SUSPECT.search(text):
        _measure(text)
    try:
        found = [d for d in yaml.load_all(text, _LOADER) if d is not None]
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        raise _unreadable(error) from error
    if not all(isinstance(d, dict) for d in found):
        raise Unable("not a mapping", line=1)
    return found


def _measure(text: str) -> None:
    """Unable for aliases, deep nesting, endless numbers and too many values, before any is read."""
    depth = nodes = texts = 0
    try:
        for event in yaml.parse(text, _LOADER):
            line = event.start_mark.line + 1 if event.start_mark else 0
            if isinstance(event, yaml.AliasEvent):
                raise Unable("YAML aliases are not read", line=line)
            if isinstance(event, yaml.ScalarEvent) and len(event.value) > MOST_DIGITS:
                _check_number(event.value, line)
            nodes += isinstance(event, yaml.NodeEvent)
            texts += isinstance(event, yaml.DocumentStartEvent)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MOST_DEPTH:
                raise Unable(f"nested deeper than {MOST_DEPTH}", line=line)
            if nodes > MOST_NODES:
                raise Unable(f"more than {MOST_NODES:,} values in one file", line=line)
            if texts > MOST_DOCUMENTS:
                raise Unable(f"more than {MOST_DOCUMENTS:,} documents in one file", line=line)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _unreadable(error) from error


def _check_number(text: str, line: int) -> None:
    """Numbers of a base of sixty take the square of their length to read."""
    if _NUMBER.fullmatch(text):
        raise Unable(f"a number of more than {MOST_DIGITS:,} characters", line=line)


def _unreadable(error: Exception) -> Unable:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    said = " ".join(str(problem).split())[:200]
    return Unable(f"not YAML: {said}", line=mark.line + 1 if mark else 0)


def check(document: Mapping[str, Any]) -> None:
    """Unable where a rule is too big to be read within a second, or has a word that is nearly one
    of Sigma's and is none."""
    for key in document:
        if key in ATTRIBUTES or key in COMMON:
            continue
        near = difflib.get_close_matches(str(key), ATTRIBUTES, 1, 0.85)
        if near and near[0] not in document:
            raise Unable(f"unknown key {str(key)[:80]!r}. Did you mean {near[0]!r}?", (key,))
    for part in ("detection", "filter"):
        detection = document.get(part)
        if isinstance(detection, dict):
            _check_values(detection, part)


def _check_values(detection: Mapping[str, Any], part: str) -> None:
    spent = 0
    for keys, value in _leaves(detection, (part,)):
        name = next((k for k in reversed(keys) if isinstance(k, str)), "")
        if len(name) > MOST_KEY_CHARACTERS:
            raise Unable(f"a field name of more than {MOST_KEY_CHARACTERS} characters", keys)
        modifiers = name.split("|")[1:]
        if keys[1] != "condition":
            spent += max((WEIGHTS.get(modifier, 1) for modifier in modifiers), default=1)
        if spent > MOST_VALUES:
            dashed = MOST_VALUES // WEIGHTS["windash"]
            raise Unable(f"more than {MOST_VALUES:,} values ({dashed} with windash)", keys)
        most = MOST_PATTERN_CHARACTERS if "re" in modifiers else MOST_VALUE_CHARACTERS
        if len(str(value) if isinstance(value, str) else "") > most:
            raise Unable(f"a value of more than {most:,} characters", keys)
        if "re" in modifiers and isinstance(value, str):
            _check_pattern(value, keys)
        if keys[1] == "condition" and isinstance(value, str):
            words = len(value.replace("(", " ( ").replace(")", " ) ").split())
            if words > MOST_CONDITION_WORDS:
                raise Unable(f"a condition of more than {MOST_CONDITION_WORDS:,} words", keys)


def _check_pattern(pattern: str, keys: tuple[str | int, ...]) -> None:
    """RE2 takes linear time; what it cannot read is refused before pySigma's own look at it."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        said = f"RE2 cannot read the pattern {pattern[:80]!r}: {error}"
        raise Unable(said[:250], keys) from error


def _leaves(
    value: object, keys: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """Every value below, with the keys that lead there; the depth has been limited."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, (*keys, str(key)))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _leaves(part, (*keys, number))
    else:
        yield keys, value


def line_of(text: str, number: int, keys: tuple[str | int, ...]) -> int:
    """The line, from 1, to which the keys lead in a document of the text; as far as they do."""
    nodes = [node for node in yaml.compose_all(text, _LOADER) if node is not None]
    node = nodes[number]
    line = node.start_mark.line
    for key in keys:
        found = _below(node, key)
        if found is None:
            break
        line, node = found
    return int(line) + 1


def _below(node: Any, key: str | int) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return name.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark.line, node.value[key]
    return None
