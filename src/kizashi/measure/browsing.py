"""People read the web, and machines talk in the background, more by day than by night."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from kizashi.measure.events import seconds
from kizashi.measure.organisation import Host
from kizashi.measure.recorder import Recorder
from kizashi.measure.workday import Session, Sessions

VISITS_A_DAY = 13
_BACKGROUND_MINUTES = 50
USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/146.0.0.0 Safari/537.36"
)
_WORDS = [
    "news",
    "weather",
    "travel",
    "maps",
    "search",
    "video",
    "shop",
    "books",
    "bank",
    "rail",
    "hotel",
    "photo",
    "forum",
    "mail",
    "cloud",
    "wiki",
    "jobs",
    "sports",
    "music",
    "recipes",
    "energy",
    "trade",
    "customs",
    "embassy",
    "finance",
    "stocks",
    "science",
]
_BRANDS = [
    "kaze",
    "nagare",
    "aoba",
    "midori",
    "hikari",
    "deniz",
    "ufuk",
    "liman",
    "atlas",
    "vega",
    "orbis",
    "lumen",
    "kestrel",
]
_LARGE = (
    "static.cdnet.example",
    "img.cdnet.example",
    "fonts.webtype.example",
    "stats.adnet.example",
)


def _sites(random: Random, count: int) -> list[str]:
    """Web sites of the outside world, the most visited first."""
    return [f"www.{random.choice(_WORDS)}-{random.choice(_BRANDS)}.example" for _ in range(count)]


def read_the_web(recorder: Recorder, session: Session) -> None:
    """One person's page visits of one day, thin at lunch, thick before and after."""
    host = session.host
    random = recorder.random("browsing", host.name, session.day)
    outside = _sites(recorder.random("outside"), 240)
    hours = (session.end - session.start).total_seconds() / 3600
    for _ in range(max(3, round(random.gauss(VISITS_A_DAY, 4)))):
        # Two humps, mid-morning and mid-afternoon, as offices have them.
        middle, width = random.choice(((0.22, 0.13), (0.66, 0.16)))
        share = min(0.98, max(0.05, random.gauss(middle, width)))
        at = session.start + timedelta(hours=hours * share)
        # Few sites are visited often, many once: about Zipf.
        site = outside[min(len(outside) - 1, int(1.6 ** random.uniform(0, 11.6)) - 1)]
        _visit(recorder, session, at, site, random)


def _visit(recorder: Recorder, session: Session, at: datetime, site: str, random: Random) -> None:
    host = session.host
    address = recorder.lookup(host, at, site, session.browser, ttl_s=random.choice((60, 300, 3600)))
    moment = at + seconds(random.uniform(0.03, 0.2))
    if address and random.random() < 0.12:
        recorder.http(
            host,
            moment,
            site,
            address,
            "GET",
            f"/{random.choice(_WORDS)}/",
            USER_AGENT,
            0,
            random.randrange(2_000, 90_000),
            response_mime="text/html",
        )
    elif address:
        recorder.tls(
            host,
            moment,
            site,
            address,
            random.randrange(900, 9_000),
            random.randrange(8_000, 900_000),
        )
    if random.random() < 0.4:
        carried = random.choice(_LARGE)
        found = recorder.lookup(host, moment + seconds(0.1), carried, session.browser, ttl_s=1800)
        recorder.tls(
            host,
            moment + seconds(0.2),
            carried,
            found or "",
            random.randrange(800, 4_000),
            random.randrange(20_000, 2_000_000),
        )
    if random.random() < 0.02:
        # A mistyped name, tried again at once.
        wrong = site.replace("www.", "wwww.")
        recorder.lookup(host, at - seconds(8), wrong, session.browser, rcode="NXDOMAIN")
        recorder.lookup(host, at - seconds(5), wrong, session.browser, rcode="NXDOMAIN")


def awake(sessions: Sessions, host: Host, first: datetime) -> list[tuple[datetime, datetime]]:
    """When the machine is on."""
    if host.always_on:
        return [(first, sessions.end)]
    return [(s.start, s.end) for s in sessions.all() if s.host is host]


def background(recorder: Recorder, sessions: Sessions, host: Host) -> None:
    """Cloud folders and connection checks as long as the machine is on, also at night."""
    random = recorder.random("background", host.name)
    first = host.site.utc(recorder.organisation.days[0], host.site.arrival_hour)
    for begin, end in awake(sessions, host, first):
        at = begin + timedelta(minutes=random.uniform(2, _BACKGROUND_MINUTES))
        while at < end:
            _background_contact(recorder, host, at, random)
            at += timedelta(minutes=random.uniform(0.3, 1.7) * _BACKGROUND_MINUTES)


def _background_contact(recorder: Recorder, host: Host, at: datetime, random: Random) -> None:
    if random.random() < 0.3:
        name = "www.connecttest.os.example"
        address = recorder.lookup(host, at, name)
        recorder.http(
            host,
            at + seconds(0.1),
            name,
            address or "",
            "GET",
            "/connecttest.txt",
            "Microsoft NCSI",
            0,
            22,
            response_mime="text/plain",
        )
        return
    name = random.choice(
        ("files.clouddrive.example", "push.clouddrive.example", "settings.os.example")
    )
    address = recorder.lookup(host, at, name, ttl_s=900)
    recorder.tls(
        host,
        at + seconds(0.1),
        name,
        address or "",
        random.randrange(700, 5_000),
        random.randrange(900, 30_000),
        client="os",
    )
