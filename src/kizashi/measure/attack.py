"""The planted chain, after scenario 1: an invitation mail that ends in slow theft.

Only its traces are written. File names, labels and addresses are made up or reserved; there is no
program behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kizashi.measure.events import CONTROL_ADDRESS, Process, digest, seconds
from kizashi.measure.mailbox import Attachment, Message, deliver
from kizashi.measure.organisation import Host, Person
from kizashi.measure.recorder import Recorder
from kizashi.measure.workday import Session, Sessions

PARENTS = ("space.example", "site.example", "top.example")
TASK_NAME = "\\Microsoft\\Windows\\MediaSync\\MediaSyncLogon"
DOCUMENT = "Davetiye_23_Nisan_Resepsiyonu.xlsm"
NAMES_TRIED = 28
CONTACT_HOURS = 4.0
JITTER = 0.2
_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:102.0) Gecko/20100101 Firefox/102.0"


@dataclass(frozen=True, slots=True)
class Stage:
    """One planted stage: what, when and by which name a hunter should find it."""

    stage: str
    technique: str
    time: datetime
    last_time: datetime
    what: str
    count: int
    names: tuple[str, ...]


def _labels(recorder: Recorder, count: int) -> list[str]:
    """Labels of both shapes: eight hexadecimal digits, and eight letters from i to x."""
    random = recorder.random("attack", "labels")
    hexadecimal = [f"{random.getrandbits(32):08x}" for _ in range(count)]
    lettered = [
        h.translate(str.maketrans("0123456789abcdef", "ijklmnopqrstuvwx"))
        for h in (f"{random.getrandbits(32):08x}" for _ in range(count))
    ]
    return [hexadecimal[i] if i % 4 else lettered[i] for i in range(count)]


def _names(recorder: Recorder) -> list[str]:
    """The week's names in the order of trying: each label under one suffix or two."""
    names: list[str] = []
    for i, label in enumerate(_labels(recorder, NAMES_TRIED)):
        names.append(f"{label}.{PARENTS[i % 3]}")
        if i % 3 == 0:
            names.append(f"{label}.{PARENTS[(i + 1) % 3]}")
    return names[:NAMES_TRIED]


def plant(recorder: Recorder, sessions: Sessions) -> tuple[Host, list[Stage]]:
    """Write the chain on Ankara's first liaison machine; gives the host and the stages."""
    host = recorder.organisation.department("liaison", "ankara")[0]
    assert host.person is not None
    first = recorder.organisation.days[0]
    received = host.site.utc(first, 10.2)
    stages = [_invitation(recorder, host, host.person, received)]
    session = sessions.of(host, first)
    script, opened = _document_opened(
        recorder, session, received + timedelta(minutes=19, seconds=8)
    )
    stages += opened
    stages.append(_task(recorder, session, script, received + timedelta(minutes=20, seconds=31)))
    start = host.site.utc(first, 13.1)
    stages += _control(recorder, sessions, host, start)
    return host, stages


def _invitation(recorder: Recorder, host: Host, person: Person, at: datetime) -> Stage:
    message = Message(
        sender="protokol@disisleri-protokol.example",
        sender_name="Protokol Dairesi",
        subject="23 Nisan Resepsiyonu - Davetiye ve katılımcı listesi",
        body="Sayın yetkili,\n\nResepsiyon davetiyesi ve katılımcı listesi ektedir. "
        "Listeyi açıp düzenlemeyi etkinleştirdikten sonra onaylayınız.\n\nProtokol Dairesi",
        attachments=(Attachment(DOCUMENT, "application/vnd.ms-excel.sheet.macroEnabled.12"),),
        spf="fail",
        dkim="none",
        dmarc="fail",
        return_path="bounce@mailer-77.example",
        sender_ip="203.0.113.61",
    )
    message_id = deliver(recorder, at, host.site, person, message)
    return Stage(
        "initial-access",
        "T1566.001",
        at,
        at,
        f"mail with {DOCUMENT} that fails SPF and DMARC",
        1,
        (message_id,),
    )


def _document_opened(
    recorder: Recorder, session: Session, at: datetime
) -> tuple[Process, list[Stage]]:
    folder = (
        f"{session.home}\\AppData\\Local\\Microsoft\\Windows\\INetCache\\Content.Outlook\\Q7X2K9AB"
    )
    path = f"{folder}\\{DOCUMENT}"
    outlook = session.outlook
    recorder.file_made(outlook, at, path)
    mark = "[ZoneTransfer]  ZoneId=3 "
    sha256 = Attachment(DOCUMENT, "").sha256
    recorder.stream_made(outlook, at + seconds(0.21), path, sha256, mark)
    excel = recorder.process(session.host, at + seconds(1.4), session.excel, f'"{path}"', outlook)
    opened = Stage(
        "execution",
        "T1204.002",
        at,
        at + seconds(1.4),
        "the attachment opened from Outlook in Excel",
        1,
        (path,),
    )
    script_path = f"{session.home}\\AppData\\Local\\Temp\\msync_{digest(path, 4)}.vbs"
    recorder.file_made(excel, at + seconds(41.7), script_path)
    started = at + seconds(42.3)
    script = recorder.process(
        session.host,
        started,
        "C:\\Windows\\System32\\wscript.exe",
        f'//B //NoLogo "{script_path}"',
        excel,
    )
    ran = Stage(
        "execution",
        "T1059.005",
        started,
        started,
        "Excel started a script host on a script that it had just written",
        1,
        (script_path,),
    )
    return script, [opened, ran]


def dropped(home: str) -> str:
    """Path of the library that the script writes."""
    return f"{home}\\AppData\\Roaming\\MediaSync\\msync32.dll"


def _task(recorder: Recorder, session: Session, script: Process, at: datetime) -> Stage:
    library = dropped(session.home)
    recorder.file_made(script, at - seconds(9.2), library)
    action = f"{library},Start"
    schtasks = recorder.process(
        session.host,
        at,
        "C:\\Windows\\System32\\schtasks.exe",
        f'/create /f /sc onlogon /tn "{TASK_NAME}" /tr "rundll32.exe {action}"',
        script,
    )
    recorder.module_loaded(schtasks, at + seconds(0.05), "C:\\Windows\\System32\\taskschd.dll")
    recorder.task_made(schtasks, at + seconds(0.3), TASK_NAME, "rundll32.exe", action)
    recorder.stop(schtasks, at + seconds(0.4))
    recorder.stop(script, at + seconds(1.1))
    return Stage(
        "persistence",
        "T1053.005",
        at,
        at + seconds(0.3),
        "a scheduled task that runs rundll32 on a library in AppData",
        1,
        (TASK_NAME, library),
    )


def _control(recorder: Recorder, sessions: Sessions, host: Host, start: datetime) -> list[Stage]:
    """The task runs, names fail, one resolves; then slow posts until the days end."""
    names = _names(recorder)
    days = recorder.organisation.days
    implant = _implant(recorder, sessions.of(host, days[0]), start)
    tried, resolved = _search(recorder, implant, start + seconds(20), names)
    control = names[-1]
    _authenticity(recorder, implant, resolved + seconds(1.3), control)
    posts = _posts(recorder, sessions, implant, resolved + timedelta(minutes=3), names)
    ran = Stage(
        "defense-evasion",
        "T1218.011",
        start,
        start,
        "the task started rundll32 on the library",
        1,
        (dropped(sessions.of(host, days[0]).home),),
    )
    failed = Stage(
        "command-and-control",
        "T1568.002",
        tried,
        resolved,
        "algorithmic names fail, one resolves",
        len(names) - 1,
        tuple(names),
    )
    contact = Stage(
        "command-and-control",
        "T1071.001",
        resolved,
        posts[-1],
        "rundll32 speaks HTTP with the name that resolved",
        len(posts),
        (control,),
    )
    theft = Stage(
        "exfiltration",
        "T1041",
        posts[0],
        posts[-1],
        "small posts about every four hours",
        len(posts),
        (control,),
    )
    return [ran, failed, contact, theft]


def _implant(recorder: Recorder, session: Session, at: datetime) -> Process:
    library = dropped(session.home)
    assert session.host.person is not None
    implant = recorder.process(
        session.host,
        at,
        "C:\\Windows\\System32\\rundll32.exe",
        f"{library},Start",
        session.scheduler,
        user=session.host.person.user,
    )
    recorder.module_loaded(implant, at + seconds(0.1), library, signed=False)
    return implant


def _search(
    recorder: Recorder, implant: Process, at: datetime, names: list[str]
) -> tuple[datetime, datetime]:
    """Try the names in order, seconds apart; gives the first failure and the moment of success."""
    host, random = implant.host, recorder.random("attack", "search", at)
    probe = "www.connecttest.os.example"
    address = recorder.lookup(host, at - seconds(6), probe, implant) or ""
    recorder.http(
        host,
        at - seconds(5.8),
        probe,
        address,
        "GET",
        "/",
        _AGENT,
        0,
        22,
        response_mime="text/plain",
        process=implant,
    )
    first = at
    for name in names[:-1]:
        recorder.lookup(host, at, name, implant, rcode="NXDOMAIN")
        at += seconds(random.uniform(2.0, 6.0))
    recorder.lookup(host, at, names[-1], implant, ttl_s=300, answer=CONTROL_ADDRESS)
    return first, at


def _authenticity(recorder: Recorder, implant: Process, at: datetime, name: str) -> None:
    """Fetch the small signed file by which the client knows its server."""
    day: date = at.date()
    uri = f"/key/{name}{day:%y}{day.timetuple().tm_yday}.sig"
    recorder.http(
        implant.host,
        at,
        name,
        CONTROL_ADDRESS,
        "GET",
        uri,
        _AGENT,
        0,
        256,
        response_mime="application/octet-stream",
        process=implant,
    )


def _posts(
    recorder: Recorder, sessions: Sessions, implant: Process, at: datetime, names: list[str]
) -> list[datetime]:
    host, random = implant.host, recorder.random("attack", "posts")
    end = sessions.end
    restarts = [r for r in sessions.restarts(host) if r > at]
    posts = []
    while at < end:
        if restarts and at >= restarts[0]:
            session = sessions.of(host, restarts.pop(0).astimezone(host.site.zone).date())
            begun = session.start + timedelta(minutes=4)
            implant = _implant(recorder, session, begun)
            _, found = _search(recorder, implant, begun + seconds(20), names)
            at = max(at, found + timedelta(minutes=3))
        _post(recorder, implant, at, names[-1])
        posts.append(at)
        at += timedelta(hours=CONTACT_HOURS * random.uniform(1 - JITTER, 1 + JITTER))
    return posts


def _post(recorder: Recorder, implant: Process, at: datetime, name: str) -> None:
    random = recorder.random("attack", "post", at)
    recorder.lookup(
        implant.host, at - seconds(0.4), name, implant, ttl_s=300, answer=CONTROL_ADDRESS
    )
    recorder.http(
        implant.host,
        at,
        name,
        CONTROL_ADDRESS,
        "POST",
        "/1/",
        _AGENT,
        random.randrange(300, 901),
        random.randrange(2, 40),
        request_mime="application/octet-stream",
        response_mime="text/plain",
        process=implant,
    )
