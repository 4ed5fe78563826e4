"""kizashi.toml: the sites of an organisation, its machines, and settings of detectors.

[organisation]
domains = ["example.co.jp"]  # its own: no indicator may name them
sites = "sites.csv"          # site, subnet, zone: beside this file
assets = "assets.csv"        # host, owner, criticality (1-5)
places = ["city.mmdb"]       # where addresses are: local MMDB files, the first that knows

[site.tokyo]
zone = "Asia/Tokyo"
files = ["tokyo/*"]          # logs of this site, by their path under the given folder
subnets = ["10.1.0.0/16"]    # whose records in a log of several sites are this site's
workdays = ["mon", "tue", "wed", "thu", "fri"]
holidays = ["2026-11-23"]
resolvers = ["10.1.0.53"]    # ask for others, and are not blamed
proxies = ["10.1.0.80"]

[source.fortigate]
zone = "Asia/Tokyo"          # of times that say none; before the site's

[lake]
keep_days = 400              # events older than a site's newest by more leave; contacts stay

[detector.dns_nxdomain_burst]
min_names = 12

[sigma.placeholders]         # what %known_dcs% stands for in rules that say `expand`
known_dcs = ["dc-01", "dc-02"]
"""

from __future__ import annotations

import csv
import difflib
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kizashi.errors import KizashiError
from kizashi.incidents import Asset
from kizashi.lake.ingest import Provenance

FILE_NAME = "kizashi.toml"
SECTIONS = ("organisation", "site", "source", "lake", "detector", "sigma")
SITE_KEYS = (
    "zone", "files", "subnets", "workdays", "holidays", "resolvers", "proxies",
)  # fmt: skip
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CRITICALITY = {"low": 1, "medium": 3, "high": 4, "critical": 5}
_MOST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Site:
    """An office or network: its zone ("" where nobody said), its calendar, its machines and which
    logs are its own."""

    name: str
    zone: str = ""
    files: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()  # CIDR
    workdays: tuple[str, ...] = WEEK[:5]
    holidays: tuple[date, ...] = ()
    resolvers: tuple[str, ...] = ()  # addresses
    proxies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """What a kizashi.toml says; `origin` is the file, or empty for the defaults."""

    origin: str = ""
    sites: tuple[Site, ...] = ()
    detectors: dict[str, dict[str, Any]] = field(default_factory=dict)
    keep_days: int | None = None  # None keeps events for ever
    domains: tuple[str, ...] = ()  # the organisation's own, lower case
    assets: tuple[Asset, ...] = ()
    source_zones: dict[str, str] = field(default_factory=dict)
    zone: str = ""  # of times that say none, where neither source nor site has one
    placeholders: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of Sigma rules
    places: tuple[Path, ...] = ()  # MMDB files that say where addresses are

    def site_of(self, label: str) -> str:
        """Site of a log by its path; the only site when there is one, else ''."""
        for site in self.sites:
            if any(fnmatchcase(label, pattern) for pattern in site.files):
                return site.name
        only = self.sites[0] if len(self.sites) == 1 else None
        return only.name if only and not only.files and not only.subnets else ""

    def zone_of(self, site: str, source: str) -> str:
        """Zone of times that say none: the source's, else the site's, else the common one."""
        return self.source_zones.get(source) or self.zones.get(site) or self.zone

    def is_free(self, day: date) -> bool:
        """No site works on this day; a weekend where no site is named."""
        sites = self.sites or (Site(""),)
        return all(WEEK[day.weekday()] not in s.workdays or day in s.holidays for s in sites)

    def rests(self, name: str, moment: datetime) -> bool:
        """Nobody works at a site on the local day of a moment; weekends in UTC where nothing is
        said of it."""
        site = next((s for s in self.sites if s.name == name), Site(name))
        day = moment.astimezone(ZoneInfo(site.zone or "UTC")).date()
        return WEEK[day.weekday()] not in site.workdays or day in site.holidays

    @property
    def zones(self) -> dict[str, str]:
        """Zones by site, of those that have one."""
        return {site.name: site.zone for site in self.sites if site.zone}

    @property
    def provenance(self) -> Provenance:
        """What reading must know of where logs come from."""
        subnets = tuple((net, site.name) for site in self.sites for net in site.subnets)
        return Provenance(self.site_of, self.zone_of, subnets)


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
    _known(path, said, SECTIONS, "section")
    organisation = said.get("organisation", {})
    _known(
        path, organisation, ("domains", "sites", "assets", "places"), "setting of the organisation"
    )
    sites = tuple(_site(path, name, values) for name, values in said.get("site", {}).items())
    return Config(
        str(path),
        tuple(_with_listed(sites, _beside(path, organisation, "sites"))),
        said.get("detector", {}),
        _keep_days(path, said.get("lake", {})),
        _domains(path, organisation),
        tuple(_assets(_beside(path, organisation, "assets"))),
        dict(_source_zones(path, said.get("source", {}))),
        placeholders=_placeholders(path, said.get("sigma", {})),
        places=tuple(_places(path, organisation)),
    )


def _domains(path: Path, values: dict[str, object]) -> tuple[str, ...]:
    domains = values.get("domains", [])
    if not isinstance(domains, list) or not all(isinstance(d, str) for d in domains):
        raise KizashiError(f'{path}: organisation: domains must be a list such as ["example.jp"]')
    return tuple(domain.strip(". ").lower() for domain in domains)


def _places(path: Path, values: dict[str, object]) -> Iterator[Path]:
    said = values.get("places", [])
    names = [said] if isinstance(said, str) else said
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise KizashiError(f'{path}: organisation: places must be a list such as ["city.mmdb"]')
    for name in names:
        place = (path.parent / name).resolve()
        if not place.is_file():
            raise KizashiError(f"{path}: organisation: places: {place}: no such file")
        yield place


def _placeholders(path: Path, values: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    _known(path, values, ("placeholders",), "setting of sigma")
    said = values.get("placeholders", {})
    if not isinstance(said, dict):
        raise KizashiError(f"{path}: sigma.placeholders must map names to lists")
    for name, items in said.items():
        if not isinstance(items, list) or not all(isinstance(i, str | int) for i in items):
            raise KizashiError(
                f'{path}: sigma.placeholders: {name} must be a list such as ["dc-01"]'
            )
    return {name: tuple(map(str, items)) for name, items in said.items()}


def _keep_days(path: Path, values: dict[str, object]) -> int | None:
    _known(path, values, ("keep_days",), "setting of the lake")
    days = values.get("keep_days")
    if days is None or (isinstance(days, int) and not isinstance(days, bool) and days >= 1):
        return days
    raise KizashiError(f"{path}: lake: keep_days must be a whole number of days, 1 or more")


def _site(path: Path, name: str, values: dict[str, object]) -> Site:
    _known(path, values, SITE_KEYS, f"setting of site {name}")
    where = f"{path}: site {name}"

    def texts(key: str, example: str) -> tuple[str, ...]:
        said = values.get(key, [])
        if not isinstance(said, list) or not all(isinstance(item, str) for item in said):
            raise KizashiError(f"{where}: {key} must be a list such as [{example}]")
        return tuple(said)

    return Site(
        name,
        _zone(where, str(values["zone"])) if "zone" in values else "",
        texts("files", '"tokyo/*"'),
        tuple(_subnet(where, net) for net in texts("subnets", '"10.1.0.0/16"')),
        _workdays(where, texts("workdays", '"mon", "tue"')) or WEEK[:5],
        _holidays(where, values.get("holidays", [])),
        tuple(_address(where, ip) for ip in texts("resolvers", '"10.1.0.53"')),
        tuple(_address(where, ip) for ip in texts("proxies", '"10.1.0.80"')),
    )


def _zone(where: str, zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise KizashiError(f"{where}: no time zone {zone!r}, such as Asia/Tokyo") from error
    return zone


def zone(text: str) -> str:
    """A zone given on the command line. KizashiError when there is no such zone."""
    return _zone("--tz", text)


def _subnet(where: str, text: str) -> str:
    try:
        net: IPv4Network | IPv6Network = ip_network(text.strip())
    except ValueError as error:
        raise KizashiError(f"{where}: {error}; write a subnet such as 10.1.0.0/16") from error
    if net.version == 6 and net.prefixlen not in range(16, 128, 16):
        raise KizashiError(f"{where}: {net}: IPv6 subnets end at a whole group, such as /48 or /64")
    return str(net)


def _address(where: str, text: str) -> str:
    try:
        return str(ip_address(text.strip()))
    except ValueError as error:
        raise KizashiError(f"{where}: {error}") from error


def _workdays(where: str, days: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(day.strip().lower()[:3] for day in days)
    for day, said in zip(found, days, strict=True):
        if day not in WEEK:
            raise KizashiError(f"{where}: no day {said!r}. One of: {', '.join(WEEK)}")
    return found


def _holidays(where: str, days: object) -> tuple[date, ...]:
    try:
        return tuple(
            day if isinstance(day, date) else date.fromisoformat(str(day))
            for day in (days if isinstance(days, list) else [days])
        )
    except ValueError as error:
        raise KizashiError(f"{where}: holidays: {error}; write 2026-11-23") from error


def _source_zones(path: Path, said: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, values in said.items():
        _known(path, values, ("zone",), f"setting of source {name}")
        yield name, _zone(f"{path}: source {name}", str(values.get("zone", "UTC")))


def _beside(path: Path, organisation: dict[str, object], key: str) -> Path | None:
    name = organisation.get(key)
    return None if name is None else path.parent / str(name)


def _with_listed(sites: tuple[Site, ...], path: Path | None) -> Iterator[Site]:
    """The sites with the subnets and zones that a sites.csv adds to them."""
    listed: dict[str, Site] = {site.name: site for site in sites}
    for number, row in _rows(path, ("site", "subnet")):
        where = f"{path}:{number}"
        known = listed.get(row["site"], Site(row["site"]))
        listed[row["site"]] = replace(
            known,
            subnets=(*known.subnets, _subnet(where, row["subnet"])),
            zone=_zone(where, row["zone"]) if row.get("zone") else known.zone,
        )
    yield from listed.values()


def _assets(path: Path | None) -> Iterator[Asset]:
    for number, row in _rows(path, ("host",)):
        said = row.get("criticality", "").lower()
        level = CRITICALITY.get(said) or (int(said) if said in {"1", "2", "3", "4", "5"} else None)
        if said and level is None:
            raise KizashiError(
                f"{path}:{number}: criticality {said!r} is none of 1-5, {', '.join(CRITICALITY)}"
            )
        yield Asset(row["host"].lower(), row.get("owner", ""), level or 0, row.get("site", ""))


def _rows(path: Path | None, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells of each row of a CSV with a header, keys in lower case."""
    if path is None:
        return
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KizashiError(f"{path}: {error}") from error
    reader = csv.DictReader(lines[:_MOST_ROWS])
    names = [name.strip().lower() for name in reader.fieldnames or ()]
    reader.fieldnames = names
    for name in needed:
        if name not in names:
            raise KizashiError(f"{path}:1: no column {name!r}; needed: {', '.join(needed)}")
    for row in reader:
        cells = {name: (value or "").strip() for name, value in row.items() if name in names}
        if all(cells[name] for name in needed):
            yield reader.line_num, cells


def _known(path: Path, values: dict[str, object], valid: tuple[str, ...], what: str) -> None:
    for key in values:
        if key not in valid:
            near = difflib.get_close_matches(key, valid, 1)
            hint = f'Did you mean "{near[0]}"?' if near else f"One of: {', '.join(valid)}"
            raise KizashiError(f'{path}: unknown {what} "{key}". {hint}')
