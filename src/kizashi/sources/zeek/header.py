"""The header of a Zeek TSV log: `#separator` to `#types`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Header:
    """What a Zeek TSV says of itself. `lines` counts the header's lines."""

    path: str
    fields: tuple[str, ...]
    types: tuple[str, ...]
    separator: str
    set_separator: str
    unset: str
    empty: str
    lines: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Field names, a repeated one numbered, since a relation's columns differ by name; one
        that damage left empty is called by its place."""
        seen: dict[str, int] = {}
        out = []
        for place, said in enumerate(self.fields, 1):
            name = said or f"field_{place}"
            seen[name.lower()] = seen.get(name.lower(), 0) + 1
            out.append(name if seen[name.lower()] == 1 else f"{name}_{seen[name.lower()]}")
        return tuple(out)


def _unescaped(text: str) -> str:
    """One character, written `\\x09` or as it is; empty for anything else."""
    try:
        made = text.encode().decode("unicode_escape")
    except UnicodeDecodeError:
        return ""
    return made if len(made) == 1 and made not in "\r\n" else ""


def parse_header(head: bytes) -> Header | None:
    """The header that a file begins with, or None when it has no `#fields` line."""
    said: dict[str, list[str]] = {}
    separator, lines = "\t", 0
    for raw in head.split(b"\n"):
        if not raw.startswith(b"#"):
            break
        lines += 1
        text = raw.decode("utf-8", "replace").rstrip("\r")
        if text.startswith("#separator"):
            separator = _unescaped(text.split(" ", 1)[-1]) or separator
            continue
        key, *values = text[1:].split(separator)
        said[key] = values
    if not said.get("fields"):
        return None

    def one(key: str, default: str) -> str:
        return (said.get(key) or [default])[0]

    return Header(
        path=one("path", "unknown"),
        fields=tuple(said["fields"]),
        types=tuple(said.get("types", [])),
        separator=separator,
        set_separator=one("set_separator", ","),
        unset=one("unset_field", "-"),
        empty=one("empty_field", "(empty)"),
        lines=lines,
    )
