"""The emulated organisation: its sites, machines, people and calendar, drawn from a seed.

Addresses come from the documentation ranges and names from the reserved ones, so nothing here can
be taken for a real party.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

DOMAIN = "example.co.jp"
NT_DOMAIN = "EXAMPLE"
FIRST_DAY = date(2026, 4, 20)
DHCP_FIRST = 150
# What must stand whatever the number of hosts: four servers and a printer, and two and a printer.
FEWEST_HOSTS = 16
# A site is one /24: fixed addresses from .41, leases from .150.
MOST_HOSTS = 150
# People of one name are told apart by a number; so many numbers are a division's own.
_NAMESAKES = 10

_JAPANESE = [
    "aoki.haruka",
    "ito.kenji",
    "ueda.mio",
    "endo.sho",
    "kato.yui",
    "kimura.ren",
    "kondo.akari",
    "saito.daichi",
    "sasaki.nana",
    "shimizu.riku",
    "suzuki.emi",
    "takagi.jun",
    "tanaka.misaki",
    "nakano.sora",
    "nishida.kaito",
    "hara.rin",
    "fujita.takumi",
    "matsui.aya",
    "mori.yuto",
    "yamada.hina",
    "yoshida.kei",
    "watabe.saki",
]
_TURKISH = [
    "deniz.aydin",
    "elif.kaya",
    "emre.yildiz",
    "zeynep.demir",
    "mert.aksoy",
    "selin.ozturk",
    "can.arslan",
    "ece.polat",
    "burak.sahin",
    "ayse.tekin",
    "kerem.dogan",
    "derya.kurt",
    "onur.koc",
    "pinar.eren",
]


@dataclass(frozen=True, slots=True)
class Site:
    """One office: its subnet, zone, holidays and what its sensor can see."""

    name: str
    prefix: str
    zone: ZoneInfo
    holidays: frozenset[date]
    mac_prefix: str
    arrival_hour: float
    # The sensor also sees what the resolver asks outside, so the resolver looks like a client.
    sees_forwarding: bool
    # How far the sensor's clock runs ahead; Tokyo's was set by hand.
    sensor_ahead_s: float

    def utc(self, day: date, hour: float) -> datetime:
        """The moment in UTC of `hour` (8.5 = half past eight) on the site's clock."""
        local = datetime.combine(day, time(), self.zone) + timedelta(hours=hour)
        return local.astimezone(UTC)

    def works(self, day: date) -> bool:
        """True on a working day of this site."""
        return day.weekday() < 5 and day not in self.holidays


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account and a mailbox."""

    account: str
    department: str
    site: str

    @property
    def user(self) -> str:
        return f"{NT_DOMAIN}\\{self.account}"

    @property
    def mail(self) -> str:
        return f"{self.account}@{DOMAIN}"

    @property
    def name(self) -> str:
        return self.account.replace(".", " ").title()


@dataclass(frozen=True, slots=True)
class Host:
    """One machine. `role` is workstation, domain_controller, file, mail, management or printer."""

    name: str
    site: Site
    role: str
    mac: str
    person: Person | None
    fixed_ip: str | None
    always_on: bool
    asks_ipv6: bool

    @property
    def is_workstation(self) -> bool:
        return self.role == "workstation"

    @property
    def is_observed(self) -> bool:
        """True where the machine's own events are collected."""
        return self.role != "printer"


@dataclass(frozen=True, slots=True)
class Organisation:
    """All that stands still while the days pass. A large one is several divisions, each with two
    sites, machines and people of its own."""

    seed: int
    division: int
    days: tuple[date, ...]
    sites: tuple[Site, ...]
    hosts: tuple[Host, ...]

    def site(self, name: str) -> Site:
        return next(site for site in self.sites if site.name == name)

    def workstations(self, site: str | None = None) -> list[Host]:
        """Machines of people, of one site or of all."""
        found = [h for h in self.hosts if h.is_workstation]
        return [h for h in found if site in (None, h.site.name)]

    def server(self, site: str, role: str) -> Host:
        return next(h for h in self.hosts if h.site.name == site and h.role == role)

    def department(self, name: str, site: str | None = None) -> list[Host]:
        """Workstations of one department."""
        return [h for h in self.workstations(site) if h.person and h.person.department == name]

    @property
    def people(self) -> list[Person]:
        return [h.person for h in self.hosts if h.person]


def _sites() -> tuple[Site, ...]:
    tokyo_holidays = frozenset({date(2026, 4, 29), date(2026, 5, 4), date(2026, 5, 5)})
    ankara_holidays = frozenset({date(2026, 4, 23), date(2026, 5, 1), date(2026, 5, 19)})
    return (
        Site(
            name="tokyo",
            prefix="192.0.2.",
            zone=ZoneInfo("Asia/Tokyo"),
            holidays=tokyo_holidays,
            mac_prefix="00:00:5e:00:53:",
            arrival_hour=8.75,
            sees_forwarding=False,
            sensor_ahead_s=3.2,
        ),
        Site(
            name="ankara",
            prefix="198.51.100.",
            zone=ZoneInfo("Europe/Istanbul"),
            holidays=ankara_holidays,
            mac_prefix="00:00:5e:00:54:",
            arrival_hour=8.9,
            sees_forwarding=True,
            sensor_ahead_s=0.0,
        ),
    )


_SHORT = {"tokyo": "tk", "ankara": "an"}
_SERVERS = {
    "tokyo": (
        ("dc-01", "domain_controller", 10),
        ("file-01", "file", 11),
        ("mail-01", "mail", 12),
        ("mgmt-01", "management", 13),
        ("prn-01", "printer", 20),
    ),
    "ankara": (
        ("dc-01", "domain_controller", 10),
        ("file-01", "file", 11),
        ("prn-01", "printer", 20),
    ),
}
_DEPARTMENTS = {
    "tokyo": ("finance", "sales", "engineering", "it", "sales", "general", "engineering"),
    "ankara": ("liaison", "projects", "liaison", "general", "projects"),
}


def _named(site: Site, division: int, rest: str) -> str:
    return f"{_SHORT[site.name]}{division or ''}-{rest}"


def _workstation(site: Site, number: int, name: str, person: Person, random: Random) -> Host:
    is_laptop = random.random() < 0.45 and number > 1
    return Host(
        name=name,
        site=site,
        role="workstation",
        mac=f"{site.mac_prefix}{0x3F + number:02x}",
        person=person,
        fixed_ip=None if is_laptop else f"{site.prefix}{40 + number}",
        always_on=not is_laptop and (number == 1 or random.random() < 0.35),
        asks_ipv6=random.random() < 0.6,
    )


def _site_hosts(site: Site, division: int, wanted: int, random: Random) -> list[Host]:
    hosts = [
        Host(
            _named(site, division, name),
            site,
            role,
            f"{site.mac_prefix}{last:02x}",
            None,
            f"{site.prefix}{last}",
            True,
            False,
        )
        for name, role, last in _SERVERS[site.name]
    ]
    accounts = _JAPANESE if site.name == "tokyo" else _TURKISH
    departments = _DEPARTMENTS[site.name]
    for i in range(wanted - len(hosts)):
        turn = division * _NAMESAKES + i // len(accounts)
        account = accounts[i % len(accounts)] + (str(turn + 1) if turn else "")
        person = Person(account, departments[i % len(departments)], site.name)
        name = _named(site, division, f"pc-{i + 1:02d}")
        hosts.append(_workstation(site, i + 1, name, person, random))
    return hosts


def build(seed: int, days: int, hosts: int, division: int = 0) -> Organisation:
    """The organisation, or one division of it, of `hosts` machines over `days` calendar days from
    Monday 20 April 2026."""
    sites = _sites()
    ankara = max(6, round(hosts * 0.36))
    wanted = {"tokyo": hosts - ankara, "ankara": ankara}
    machines = [
        host
        for site in sites
        for host in _site_hosts(
            site, division, wanted[site.name], Random(f"{seed}/hosts/{site.name}")
        )
    ]
    calendar = tuple(FIRST_DAY + timedelta(days=i) for i in range(days))
    return Organisation(seed, division, calendar, sites, tuple(machines))
