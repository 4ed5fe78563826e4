"""kizashi.toml: the sites of an organisation, and settings of detectors.

[organisation]
domains = ["example.co.jp"]  # its own: no indicator may name them

[site.tokyo]
zone = "Asia/Tokyo"
files = ["tokyo/*"]          # logs of this site, by their path under the given folder

[lake]
keep_days = 400              # events older than a site's newest by more leave; contacts stay

[detector.dns_nxdomain_burst]
min_names = 12
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kizashi.errors import KizashiError

FILE_NAME = "kizashi.toml"
SITE_KEYS = ("zone", "files")


@dataclass(frozen=True, slots=True)
class Site:
    """An office or network: its zone, and which logs are its own."""

    name: str
    zone: str = "UTC"
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """What a kizashi.toml says; `origin` is the file, or empty for the defaults."""

    origin: str = ""
    sites: tuple[Site, ...] = ()
    detectors: dict[str, dict[str, Any]] = field(default_factory=dict)
    keep_days: int | None = None  # None keeps events for ever
    domains: tuple[str, ...] = ()  # the organisation's own, lower case

    def site_of(self, label: str) -> str:
        """Site of a log by its path; the only site when there is one, else ''."""
        for site in self.sites:
            if any(fnmatchcase(label, pattern) for pattern in site.files):
                return site.name
        return self.sites[0].name if len(self.sites) == 1 and not self.sites[0].files else ""

    @property
    def zones(self) -> dict[str, str]:
        return {site.name: site.zone for site in self.sites}


def find(given: Path | None, paths: Iterable[Path]) -> Config:
    """The file given, else kizashi.toml in a hunted folder or here, else the defaults."""
    if given is not None:
        return load(given)
    for folder in (*(p for p in paths if p.is_dir()), Path()):
        if (folder / FILE_NAME).is_file():
            return load(folder / FILE_NAME)
    return Config()


def load(path: Path) -> Config:
    """Read and check a kizashi.toml; KizashiError names file, key and the nearest valid one."""
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise KizashiError(f"{path}: {error}") from error
    _known(path, said, ("organisation", "site", "lake", "detector"), "section")
    sites = tuple(_site(path, name, values) for name, values in said.get("site", {}).items())
    return Config(
        str(path),
        sites,
        said.get("detector", {}),
        _keep_days(path, said.get("lake", {})),
        _domains(path, said.get("organisation", {})),
    )


def _domains(path: Path, values: dict[str, object]) -> tuple[str, ...]:
    _known(path, values, ("domains",), "setting of the organisation")
    domains = values.get("domains", [])
    if not isinstance(domains, list) or not all(isinstance(d, str) for d in domains):
        raise KizashiError(f'{path}: organisation: domains must be a list such as ["example.jp"]')
    return tuple(domain.strip(". ").lower() for domain in domains)


def _keep_days(path: Path, values: dict[str, object]) -> int | None:
    _known(path, values, ("keep_days",), "setting of the lake")
    days = values.get("keep_days")
    if days is None or (isinstance(days, int) and not isinstance(days, bool) and days >= 1):
        return days
    raise KizashiError(f"{path}: lake: keep_days must be a whole number of days, 1 or more")


def _site(path: Path, name: str, values: dict[str, object]) -> Site:
    _known(path, values, SITE_KEYS, f"setting of site {name}")
    zone, globs = str(values.get("zone", "UTC")), values.get("files", [])
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise KizashiError(
            f"{path}: site {name}: no time zone {zone!r}, such as Asia/Tokyo"
        ) from error
    if not isinstance(globs, list) or not all(isinstance(g, str) for g in globs):
        raise KizashiError(f'{path}: site {name}: files must be a list such as ["tokyo/*"]')
    return Site(name, zone, tuple(globs))


def _known(path: Path, values: dict[str, object], valid: tuple[str, ...], what: str) -> None:
    for key in values:
        if key not in valid:
            near = difflib.get_close_matches(key, valid, 1)
            hint = f'Did you mean "{near[0]}"?' if near else f"One of: {', '.join(valid)}"
            raise KizashiError(f'{path}: unknown {what} "{key}". {hint}')
