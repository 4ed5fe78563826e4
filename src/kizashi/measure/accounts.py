"""Cloud accounts of an ordinary organisation, as Entra ID and Microsoft 365 log them: office, home
and phone, trips, new phones, private VPNs, developers' tools, meeting rooms, wrong prompts, rules,
consents and month's ends. Nothing hostile happens here, so what detectors of identity say of it is
by chance.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

GRAPH = "Microsoft Graph"
OFFICE = "Office 365"
OUTLOOK = "27922004-5251-4030-b22d-91ecd9a37ea4"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Edg/140.0.0.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Safari/604.1"
SYNC = "Microsoft SkyDriveSync 25.1 ship; Windows NT 10.0"
ANDROID = "Mozilla/5.0 (Linux; Android 15; SM-S921) Chrome/140.0.0.0 Mobile Safari/537.36"


class Place(NamedTuple):
    """Where a client is, as the service sees it."""

    ip: str
    asn: int
    country: str
    latitude: float
    longitude: float


@dataclass(slots=True)
class Person:
    """One account and its habits; what changes is replaced as the days go by."""

    address: str
    home: Place
    computer: str
    phone: str
    phone_agent: str
    develops: bool
    private_vpn: bool
    trip_until: datetime | None = None
    abroad: Place | None = None
    session: int = 0
    mails: int = field(default=60)


TOKYO = Place("192.0.2.10", 64500, "JP", 35.68, 139.76)
ABROAD = (("TR", 39.9, 32.9), ("US", 40.7, -74.0), ("DE", 52.5, 13.4), ("SG", 1.35, 103.8))


def write(folder: Path, persons: int, first: datetime, days: int, seed: int) -> int:
    """Files entra.json and m365.json of so many persons and days; the number of person-days."""
    chance = random.Random(seed)
    # Apart, so that what was measured before stays as it was.
    sharing = random.Random(f"{seed} sharing")
    staff = [_person(number, chance) for number in range(persons)]
    signed: list[dict[str, Any]] = []
    audited: list[dict[str, Any]] = []
    for day in range(days):
        morning = first + timedelta(days=day)
        for person in staff:
            _live(person, morning, chance)
            signed += _sign_ins(person, morning, chance)
            audited += _audit(person, morning, chance)
            audited += _shares(person, morning, sharing)
        signed += _meeting_room(morning, chance)
    folder.mkdir(parents=True, exist_ok=True)
    _store(folder / "entra.json", sorted(signed, key=lambda r: str(r["time"])))
    _store(folder / "m365.json", sorted(audited, key=lambda r: str(r["CreationTime"])))
    return persons * days


def _store(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(r) + "\n" for r in records), "utf-8", newline="\n")


def _person(number: int, chance: random.Random) -> Person:
    asn = 64510 + number % 5
    home = Place(
        f"198.51.100.{number % 250 + 1}", asn, "JP", 35.5 + number % 7 / 10, 139.4 + number % 5 / 10
    )
    return Person(
        f"p{number:03}@tsubaki.example",
        home,
        f"pc-{number}",
        f"phone-{number}-0",
        chance.choice((PHONE, ANDROID)),
        number % 20 == 7,
        number % 30 == 11,
        mails=chance.randint(20, 120),
    )


def _live(person: Person, morning: datetime, chance: random.Random) -> None:
    """What seldom changes: a trip begins or ends, a phone is replaced."""
    if person.trip_until is not None and morning >= person.trip_until:
        person.trip_until = person.abroad = None
    elif person.trip_until is None and chance.random() < 0.004:
        country, latitude, longitude = chance.choice(ABROAD)
        number = chance.randint(0, 40)
        hotel = Place(f"203.0.113.{100 + number}", 64600 + number, country, latitude, longitude)
        person.abroad, person.trip_until = hotel, morning + timedelta(days=chance.randint(2, 6))
    if chance.random() < 0.004:
        person.phone += "+"
        person.phone_agent = chance.choice((PHONE, ANDROID))


def _sign_ins(person: Person, morning: datetime, chance: random.Random) -> Iterator[dict[str, Any]]:
    works = morning.weekday() < 5
    person.session += 1
    place = person.abroad or (person.home if chance.random() < 0.3 else TOKYO)
    # A traveller is in the air on the first morning.
    start = 13 if person.abroad else 9
    if works:
        for _turn in range(chance.randint(2, 5)):
            at = _moment(morning, start, 18, chance)
            yield _sign_in(person, at, place, person.computer, WINDOWS, chance)
        if person.develops:
            at = _moment(morning, start, 18, chance)
            yield _sign_in(person, at, place, None, "azsdk-python/1.2 python-requests/2.32", chance)
            yield _sign_in(person, at, place, None, "python-requests/2.32", chance, GRAPH)
    for _turn in range(chance.randint(0, 3)):
        at = _moment(morning, start, 23, chance)
        mobile = Place(f"203.0.113.{chance.randint(1, 90)}", 64520, "JP", 34.7, 135.5)
        where = person.abroad or (mobile if chance.random() < 0.6 else person.home)
        if person.private_vpn and chance.random() < 0.2:
            where = Place("203.0.113.200", 64650, "US", 37.8, -122.4)
        yield _sign_in(person, at, where, person.phone, person.phone_agent, chance)
    while chance.random() < 0.03:
        at = _moment(morning, start, 18, chance)
        yield _sign_in(person, at, place, person.computer, WINDOWS, chance, denied=True)


def _meeting_room(morning: datetime, chance: random.Random) -> Iterator[dict[str, Any]]:
    room = Person("room-1@tsubaki.example", TOKYO, "room-1", "", "", False, False)
    if morning.weekday() < 5 and chance.random() < 0.2:
        at = _moment(morning, 8, 9, chance)
        record = _sign_in(room, at, TOKYO, "room-1", "TeamsRooms/5.0", chance, "Teams Rooms")
        record["properties"]["authenticationProtocol"] = "deviceCode"
        yield record


def _moment(morning: datetime, start: int, end: int, chance: random.Random) -> datetime:
    return morning + timedelta(seconds=chance.randint(start * 3600, end * 3600 - 1) - 9 * 3600)


def _sign_in(
    person: Person,
    at: datetime,
    place: Place,
    device: str | None,
    agent: str,
    chance: random.Random,
    resource: str = OFFICE,
    *,
    denied: bool = False,
) -> dict[str, Any]:
    detail = "MFA denied; user declined the authentication" if denied else ""
    return {
        "time": f"{at:%Y-%m-%dT%H:%M:%S}Z",
        "category": "SignInLogs",
        "operationName": "Sign-in activity",
        "resultType": "500121" if denied else "0",
        "callerIpAddress": place.ip,
        "tenantId": "t-1",
        "correlationId": f"{chance.getrandbits(64):016x}",
        "properties": {
            "createdDateTime": f"{at:%Y-%m-%dT%H:%M:%S}Z",
            "userPrincipalName": person.address,
            "appDisplayName": "Outlook",
            "appId": OUTLOOK,
            "resourceDisplayName": resource,
            "ipAddress": place.ip,
            "userAgent": agent,
            "sessionId": f"{person.address} {device} {person.session}",
            "clientAppUsed": "Browser",
            "authenticationProtocol": "none",
            "autonomousSystemNumber": place.asn,
            "riskLevelDuringSignIn": "low" if chance.random() < 0.01 else "none",
            "riskState": "none",
            "deviceDetail": {"deviceId": device or ""},
            "location": {
                "countryOrRegion": place.country,
                "geoCoordinates": {"latitude": place.latitude, "longitude": place.longitude},
            },
            "status": {"errorCode": 500121 if denied else 0, "additionalDetails": detail},
        },
    }


def _audit(person: Person, morning: datetime, chance: random.Random) -> Iterator[dict[str, Any]]:
    busy = 2 if morning.day >= 28 else 1
    if morning.weekday() < 5:
        for _turn in range(4):
            items = chance.randint(1, max(2, person.mails // 4 * busy))
            yield _record(person, morning, chance, "Exchange", "MailItemsAccessed",
                          OperationCount=items, ClientAppId=OUTLOOK,
                          ClientInfoString="Client=OWA;Action=ViaProxy")  # fmt: skip
        for _turn in range(chance.randint(0, 15) * busy):
            yield _record(person, morning, chance, "SharePoint", "FileDownloaded",
                          ObjectId=f"https://t.sharepoint.example/{chance.randint(1, 999)}.xlsx",
                          UserAgent=WINDOWS)  # fmt: skip
    if chance.random() < 0.002:  # a new computer synchronises
        for _turn in range(chance.randint(100, 600)):
            yield _record(person, morning, chance, "OneDrive", "FileSyncDownloadedFull",
                          ObjectId=f"https://t.sharepoint.example/{chance.randint(1, 9999)}.docx",
                          UserAgent=SYNC)  # fmt: skip
    if chance.random() < 0.02:
        yield _record(
            person, morning, chance, "Exchange", "New-InboxRule", Parameters=_rule(chance)
        )
    if chance.random() < 0.01:
        yield _consent(person, morning, chance)


def _shares(person: Person, morning: datetime, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Files for partners that a person works with, now and then a new one, a folder, an event."""
    if morning.weekday() >= 5 or chance.random() > 0.1:
        return
    kind = chance.random()
    known = f"partner{(len(person.computer) * 7 + int(person.address[1:4])) % 12}.example"
    partner = f"new{chance.randint(0, 400)}.example" if kind < 0.06 else known
    target = {"Operation": "SharingInvitationCreated", "TargetUserOrGroupName": f"ken@{partner}"}
    if 0.06 <= kind < 0.1:
        target = {"Operation": "AnonymousLinkCreated"}
    files = chance.randint(8, 30) if kind > 0.96 else chance.randint(1, 3)
    for _turn in range(files):
        record = _record(
            person, morning, chance, "SharePoint", target["Operation"],
            ObjectId=f"https://t.sharepoint.example/{chance.randint(1, 9999)}.docx",
        )  # fmt: skip
        yield record | target


def _rule(chance: random.Random) -> list[dict[str, str]]:
    kinds = (
        {"Name": "案件", "SubjectContainsWords": "Project", "MoveToFolder": "Projects"},
        {"Name": "news", "From": "news@digest.example", "DeleteMessage": "True"},
        {"Name": "archive", "From": "list@society.example", "MoveToFolder": "Archive"},
        {"Name": "vip", "From": "boss@tsubaki.example", "MarkImportance": "High"},
        {"Name": "private", "ForwardTo": "me@freemail.example"},
    )
    (kind,) = chance.choices(kinds, (40, 30, 15, 14, 1))
    return [{"Name": name, "Value": value} for name, value in kind.items()]


def _consent(person: Person, morning: datetime, chance: random.Random) -> dict[str, Any]:
    known = (("Meet", "Calendars.ReadWrite User.Read"), ("Notes", "User.Read offline_access"))
    name, scopes = chance.choice(known)
    if chance.random() < 0.03:
        name, scopes = f"Mail tool {chance.randint(1, 9)}", "Mail.Read offline_access"
    permissions = f"[] => [[Id: x, ConsentType: Principal, Scope: {scopes}, CreatedDateTime: ]]"
    return _record(
        person, morning, chance, "AzureActiveDirectory", "Consent to application.",
        ObjectId=name,
        ModifiedProperties=[{"Name": "ConsentAction.Permissions", "NewValue": permissions}],
    )  # fmt: skip


def _record(
    person: Person,
    morning: datetime,
    chance: random.Random,
    workload: str,
    operation: str,
    **more: object,
) -> dict[str, Any]:
    at = _moment(morning, 9, 18, chance)
    return {
        "CreationTime": f"{at:%Y-%m-%dT%H:%M:%S}",
        "Id": f"{chance.getrandbits(64):016x}",
        "Workload": workload,
        "Operation": operation,
        "UserId": person.address,
        "ClientIP": TOKYO.ip,
        "ResultStatus": "Succeeded",
        **more,
    }
