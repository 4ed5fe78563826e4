"""Work from afar: a VPN gateway that gives out addresses, and files kept in the cloud.

Ordinary people read a few files a day, and some sign in from home in the evening. An intruder uses
both with a stolen account.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from kizashi.measure.events import Event, digest, seconds
from kizashi.measure.organisation import Host, Person, Site
from kizashi.measure.recorder import Recorder
from kizashi.measure.workday import Sessions

_EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/146.0.0.0 Edg/146.0.0.0"
# Addresses of a site that its gateway gives to sessions; leases end below.
_POOL_FIRST, _POOL = 241, 12
# The outside address of an office, and of people's homes.
_OUTSIDE = {"tokyo": "203.0.113.20", "ankara": "203.0.113.21"}
_HOME = "203.0.113.{n}"
_VPN_SHARE = 0.06


def live(recorder: Recorder, sessions: Sessions) -> None:
    """People read shared files in the cloud, and a few sign in from home after hours."""
    for session in sessions.all():
        person = session.host.person
        if person is None:
            continue
        random = recorder.random("cloud", person.account, session.day)
        for _ in range(random.randint(1, 8)):
            at = session.start + (session.end - session.start) * random.random()
            file = f"Shared Documents/{person.department}/{random.randrange(400)}.xlsx"
            read(recorder, at, session.host.site, person, file, _EDGE)
        if random.random() < _VPN_SHARE:
            home = _HOME.format(n=22 + int(digest(person.account, 4), 16) % 30)
            begin = session.end + timedelta(minutes=random.uniform(60, 150))
            tunnel(recorder, begin, session.host.site, person, home, timedelta(minutes=50))


def tunnel(
    recorder: Recorder, at: datetime, site: Site, person: Person, from_ip: str, last: timedelta
) -> str:
    """A VPN session of a person at a site's gateway; the address that it was given."""
    number = int(digest(f"{person.account}/{at}", 4), 16) % _POOL
    given = f"{site.prefix}{_POOL_FIRST + number}"
    for moment, action in ((at, "tunnel-up"), (at + last, "tunnel-down")):
        values = {
            "activity": "logon" if action == "tunnel-up" else "logoff",
            "success": True,
            "user": person.account,
            "assigned_ip": given,
        }
        recorder.events.append(
            Event(
                "authentication", "fortigate", moment.replace(microsecond=0), site.name,
                "gateway", None, from_ip, values, {"action": action},
            )
        )  # fmt: skip
    return given


def read(
    recorder: Recorder, at: datetime, site: Site, person: Person, file: str, agent: str
) -> None:
    """A file of the cloud downloaded from an office."""
    values = {"activity": "download", "user": person.mail, "resource": file, "user_agent": agent}
    recorder.events.append(
        Event(
            "web_resource_activity", "o365", at.replace(microsecond=0), site.name,
            "cloud", None, _OUTSIDE[site.name], values,
        )
    )  # fmt: skip


def intrude(recorder: Recorder, owner: Host, target: Site, at: datetime) -> str:
    """The owner's account signs in at another site's gateway, from the owner's own office."""
    assert owner.person is not None
    return tunnel(recorder, at, target, owner.person, _OUTSIDE[owner.site.name], timedelta(hours=6))


def steal(recorder: Recorder, owner: Host, at: datetime, count: int) -> tuple[datetime, str]:
    """Project files fetched from the cloud with the owner's account by another program; when the
    last one was, and the first one's name."""
    assert owner.person is not None
    names = [f"Shared Documents/projects/P-{n:03d}/plan.docx" for n in range(count)]
    for number, name in enumerate(names):
        moment = at + seconds(6.0 * number)
        read(recorder, moment, owner.site, owner.person, name, "python-requests/2.32.3")
    return at + seconds(6.0 * (count - 1)), names[0]


def cloud_lines(events: Sequence[Event]) -> str:
    """Microsoft 365 audit records, one JSON object a line."""
    return "".join(json.dumps(_audit(event)) + "\n" for event in events)


def _audit(event: Event) -> dict[str, object]:
    said = event.values
    return {
        "CreationTime": f"{event.time:%Y-%m-%dT%H:%M:%S}",
        "Id": digest(f"{event.time}{said['user']}{said['resource']}", 32),
        "Workload": "SharePoint",
        "Operation": "FileDownloaded",
        "UserId": said["user"],
        "ClientIP": event.client_ip,
        "ObjectId": f"https://example.sharepoint.example/{said['resource']}",
        "UserAgent": said["user_agent"],
        "ResultStatus": "Succeeded",
    }


def gateway_lines(events: Sequence[Event]) -> str:
    """A FortiGate's records of its tunnels, one a line."""
    return "".join(_record(event) + "\n" for event in events)


def _record(event: Event) -> str:
    fields = {
        "date": f"{event.time:%Y-%m-%d}",
        "time": f"{event.time:%H:%M:%S}",
        "tz": '"+0000"',
        "devname": f'"fgt-{event.site}"',
        "logid": '"0101039424"',
        "type": '"event"',
        "subtype": '"vpn"',
        "level": '"information"',
        "vd": '"root"',
        "action": f'"{event.extra["action"]}"',
        "tunneltype": '"ssl-tunnel"',
        "remip": event.client_ip,
        "tunnelip": event.values["assigned_ip"],
        "user": f'"{event.values["user"]}"',
    }
    return " ".join(f"{name}={value}" for name, value in fields.items())
