"""The planted attacks: the three scenarios of the Infy analysis, step by step.

Only traces are written. A step that is switched off leaves none: it went unlogged, or another way.
Steps that the analysis itself calls a hypothesis are marked so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from kizashi.measure import lateral
from kizashi.measure.campaign import EXAMPLE, Campaign, names
from kizashi.measure.events import Event, Process, digest, seconds
from kizashi.measure.mailbox import Attachment, Message, deliver
from kizashi.measure.organisation import Host
from kizashi.measure.recorder import Recorder
from kizashi.measure.workday import Session, Sessions

_SYSTEM32 = "C:\\Windows\\System32\\"
_OFFICE = "C:\\Program Files\\Microsoft Office\\root\\Office16\\"
_RUN = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\"


class Step(NamedTuple):
    """What a step is in ATT&CK; `hypothesis` where the analysis only supposes it."""

    stage: str
    technique: str
    hypothesis: bool = False


STEPS: Mapping[str, Step] = {
    "mail": Step("initial-access", "T1566.001"),
    "link": Step("initial-access", "T1566.002"),
    "opened": Step("execution", "T1204.002"),
    "script": Step("execution", "T1059.005"),
    "persistence": Step("persistence", "T1053.005"),
    "implant": Step("defense-evasion", "T1218.011"),
    "names": Step("command-and-control", "T1568.002"),
    "contact": Step("command-and-control", "T1071.001"),
    "looking": Step("discovery", "T1082"),
    "processes": Step("discovery", "T1057"),
    "credentials": Step("credential-access", "T1555", hypothesis=True),
    "keys": Step("collection", "T1056.001", hypothesis=True),
    "screens": Step("collection", "T1113", hypothesis=True),
    "mailbox": Step("collection", "T1114", hypothesis=True),
    "service": Step("lateral-movement", "T1021.002", hypothesis=True),
    "vpn": Step("initial-access", "T1133", hypothesis=True),
    "desktop": Step("lateral-movement", "T1021.001", hypothesis=True),
    "shares": Step("collection", "T1039"),
    "cloud": Step("collection", "T1530"),
    "second": Step("command-and-control", "T1105"),
    "theft": Step("exfiltration", "T1041"),
}
_BEGUN = ("opened", "script", "persistence", "implant", "names", "contact")
SCENARIOS: Mapping[int, tuple[str, ...]] = {
    1: ("mail", *_BEGUN, "second", "theft"),
    2: (
        "mail", *_BEGUN, "looking", "credentials", "keys", "service", "vpn", "desktop",
        "shares", "cloud", "mailbox", "theft",
    ),
    3: ("link", *_BEGUN, "processes", "screens", "second", "theft"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stage:
    """One planted step: what, when and by which name a hunter should find it."""

    stage: str
    technique: str
    time: datetime
    last_time: datetime
    what: str
    count: int
    names: tuple[str, ...]
    hypothesis: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """One attack to be planted: where, when and which of its scenario's steps leave traces."""

    campaign: Campaign
    scenario: int
    host: Host
    received: datetime
    steps: frozenset[str]
    begins: datetime | None = None  # when the implant starts; soon after the script by default
    theft_after: timedelta = timedelta(minutes=3)
    until: datetime | None = None  # the end of the days by default
    others: tuple[Host, ...] = ()  # where it moves to: a workstation, then a file server


@dataclass(slots=True)
class Attack:
    """An attack while it is being written: its stages, and which step made which event."""

    recorder: Recorder
    sessions: Sessions
    plan: Plan
    stages: list[Stage] = field(default_factory=list)
    owners: dict[int, str] = field(default_factory=dict)

    @property
    def campaign(self) -> Campaign:
        return self.plan.campaign

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """What is recorded inside belongs to this step; it is dropped where the step is off."""
        before = len(self.recorder.events)
        yield
        if name in self.plan.steps:
            for event in self.recorder.events[before:]:
                self.owners.setdefault(id(event), name)
        else:
            del self.recorder.events[before:]

    def tell(
        self,
        name: str,
        first: datetime,
        last: datetime,
        what: str,
        names: tuple[str, ...],
        count: int = 1,
        technique: str = "",
    ) -> None:
        """Note a stage of the truth, unless its step is off."""
        if name in self.plan.steps:
            step = STEPS[name]
            said = technique or step.technique
            self.stages.append(
                Stage(step.stage, said, first, last, what, count, names, step.hypothesis)
            )

    def events(self) -> Iterator[tuple[Event, str]]:
        """Each planted event that left a trace, and its step."""
        for event in self.recorder.events:
            if id(event) in self.owners:
                yield event, self.owners[id(event)]


def example(recorder: Recorder, sessions: Sessions) -> Attack:
    """The attack of the bundled example, on Ankara's first liaison machine."""
    host = recorder.organisation.department("liaison", "ankara")[0]
    first = recorder.organisation.days[0]
    steps = frozenset(SCENARIOS[1]) - {"second"}
    begins = host.site.utc(first, 13.1)
    plan = Plan(EXAMPLE, 1, host, host.site.utc(first, 10.2), steps, begins)
    return plant(recorder, sessions, plan)


def plant(recorder: Recorder, sessions: Sessions, plan: Plan) -> Attack:
    """Write the traces of an attack; its stages are in order of time."""
    attack = Attack(recorder, sessions, plan)
    session = sessions.of(plan.host, plan.received.astimezone(plan.host.site.zone).date())
    lured = _link if plan.scenario == 3 else _mail
    script = lured(attack, session)
    made = plan.received + timedelta(minutes=20, seconds=31)
    _persistence(attack, session, script, made)
    _control(attack, plan.begins or made + timedelta(minutes=2))
    attack.stages.sort(key=lambda stage: stage.time)
    return attack


def _mail(attack: Attack, session: Session) -> Process:
    """The message with its document; the script host that the document started."""
    lure, plan = attack.campaign.lure, attack.plan
    assert plan.host.person is not None
    message = Message(
        sender=lure.sender,
        sender_name=lure.sender_name,
        subject=lure.subject,
        body=lure.body,
        attachments=(Attachment(lure.document, lure.mime_type),),
        spf="fail",
        dkim="none",
        dmarc="fail",
        return_path=lure.return_path,
        sender_ip=lure.sender_ip,
    )
    at = plan.received
    with attack.step("mail"):
        message_id = deliver(attack.recorder, at, plan.host.site, plan.host.person, message)
    attack.tell(
        "mail", at, at, f"mail with {lure.document} that fails SPF and DMARC", (message_id,)
    )
    return _document_opened(attack, session, at + timedelta(minutes=19, seconds=8))


def _document_opened(attack: Attack, session: Session, at: datetime) -> Process:
    document = attack.campaign.lure.document
    folder = (
        f"{session.home}\\AppData\\Local\\Microsoft\\Windows\\INetCache\\Content.Outlook\\Q7X2K9AB"
    )
    path = f"{folder}\\{document}"
    recorder, outlook = attack.recorder, session.outlook
    program = "WINWORD.EXE" if document.endswith("docm") else "EXCEL.EXE"
    with attack.step("opened"):
        recorder.file_made(outlook, at, path)
        mark = "[ZoneTransfer]  ZoneId=3 "
        recorder.stream_made(
            outlook, at + seconds(0.21), path, Attachment(document, "").sha256, mark
        )
        office = recorder.process(
            session.host, at + seconds(1.4), _OFFICE + program, f'"{path}"', outlook
        )
    what = f"the attachment opened from Outlook in {program}"
    attack.tell("opened", at, at + seconds(1.4), what.replace("EXCEL.EXE", "Excel"), (path,))
    return _script(attack, session, office, path, at)


_SCRIPTS = {
    "wscript": ("wscript.exe", "vbs", '//B //NoLogo "{path}"', "T1059.005"),
    "powershell": (
        "WindowsPowerShell\\v1.0\\powershell.exe",
        "ps1",
        '-nop -w hidden -ep bypass -File "{path}"',
        "T1059.001",
    ),
    "mshta": ("mshta.exe", "hta", '"{path}"', "T1218.005"),
    "cmd": ("cmd.exe", "bat", '/c "{path}"', "T1059.003"),
}


def _script(
    attack: Attack, session: Session, office: Process, document: str, at: datetime
) -> Process:
    image, ending, arguments, technique = _SCRIPTS[attack.campaign.script]
    stem = f"{attack.campaign.short}_{digest(document, 4)}"
    path = f"{session.home}\\AppData\\Local\\Temp\\{stem}.{ending}"
    started = at + seconds(42.3)
    with attack.step("script"):
        attack.recorder.file_made(office, at + seconds(41.7), path)
        script = attack.recorder.process(
            session.host, started, _SYSTEM32 + image, arguments.format(path=path), office
        )
    what = "Excel started a script host on a script that it had just written"
    attack.tell("script", started, started, what, (path,), technique=technique)
    return script


def _link(attack: Attack, session: Session) -> Process:
    """The message with a link, and the program that was fetched there and run."""
    lure, plan, recorder = attack.campaign.lure, attack.plan, attack.recorder
    assert plan.host.person is not None
    site = f"forms.{lure.sender.partition('@')[2]}"
    uri = f"/f/{lure.document}"
    message = Message(
        sender=lure.sender, sender_name=lure.sender_name, subject=lure.subject, body=lure.body,
        spf="fail", dkim="none", dmarc="fail", return_path=lure.return_path,
        sender_ip=lure.sender_ip, links=(f"http://{site}{uri}",),
    )  # fmt: skip
    at = plan.received
    with attack.step("link"):
        message_id = deliver(recorder, at, plan.host.site, plan.host.person, message)
    attack.tell("link", at, at, f"mail with a link to {lure.document}", (message_id,))
    at += timedelta(minutes=18)
    path = f"{session.home}\\Downloads\\{lure.document}"
    with attack.step("opened"):
        address = recorder.lookup(plan.host, at, site, session.browser) or ""
        recorder.http(
            plan.host, at + seconds(0.3), site, address, "GET", uri, attack.campaign.agent, 0,
            940_032, response_mime="application/x-dosexec", file_name=lure.document,
            process=session.browser,
        )  # fmt: skip
        sha256 = digest(f"{site}/{lure.document}", 64)
        recorder.file_made(session.browser, at + seconds(2), path)
        mark = f"[ZoneTransfer]  ZoneId=3  HostUrl=http://{site}{uri} "
        recorder.stream_made(session.browser, at + seconds(2.1), path, sha256, mark)
        fetched = recorder.process(plan.host, at + seconds(35), path, parent=session.explorer)
    attack.tell("opened", at, at + seconds(35), "the linked program fetched and run", (path,))
    return _script(attack, session, fetched, path, at + seconds(40))


def dropped(attack: Attack, home: str) -> str:
    """Path of the implant that the script writes."""
    campaign = attack.campaign
    name = f"{campaign.short}32.dll" if campaign.is_library else f"{campaign.short}svc.exe"
    return f"{home}\\AppData\\Roaming\\{campaign.product}\\{name}"


def _persistence(attack: Attack, session: Session, script: Process, at: datetime) -> None:
    recorder, campaign = attack.recorder, attack.campaign
    path = dropped(attack, session.home)
    action = f"{path},Start" if campaign.is_library else path
    with attack.step("persistence"):
        recorder.file_made(script, at - seconds(9.2), path)
        if campaign.persistence == "task":
            made, technique = _task(recorder, session, script, campaign, action, at), "T1053.005"
        elif campaign.persistence == "run_key":
            made, technique = f"HKU\\S-1-5-21-{session.host.name}\\{_RUN}{campaign.product}", ""
            command = f"rundll32.exe {action}" if campaign.is_library else f'"{action}"'
            recorder.value_set(script, at, made, command)
            technique = "T1547.001"
        else:
            folder = "AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup"
            made, technique = f"{session.home}\\{folder}\\{campaign.product}.lnk", "T1547.001"
            recorder.file_made(script, at, made)
        recorder.stop(script, at + seconds(1.1))
    what = "a scheduled task that runs rundll32 on a library in AppData"
    if campaign.persistence != "task" or not campaign.is_library:
        what = f"a {campaign.persistence.replace('_', ' ')} that starts the implant in AppData"
    attack.tell("persistence", at, at + seconds(0.3), what, (made, path), technique=technique)


def _task(
    recorder: Recorder,
    session: Session,
    script: Process,
    campaign: Campaign,
    action: str,
    at: datetime,
) -> str:
    name = f"\\Microsoft\\Windows\\{campaign.product}\\{campaign.product}Logon"
    command, arguments = ("rundll32.exe", action) if campaign.is_library else (action, "")
    schtasks = recorder.process(
        session.host,
        at,
        _SYSTEM32 + "schtasks.exe",
        f'/create /f /sc onlogon /tn "{name}" /tr "{f"{command} {arguments}".strip()}"',
        script,
    )
    recorder.module_loaded(schtasks, at + seconds(0.05), _SYSTEM32 + "taskschd.dll")
    recorder.task_made(schtasks, at + seconds(0.3), name, command, arguments)
    recorder.stop(schtasks, at + seconds(0.4))
    return name


def _control(attack: Attack, start: datetime) -> None:
    """The implant runs, names fail, one resolves; then what its scenario does, and slow posts."""
    recorder, plan, campaign = attack.recorder, attack.plan, attack.campaign
    tries = names(campaign, recorder.random(campaign.key, "labels"))
    session = _session_at(attack, start)
    implant = _implant(attack, session, start)
    tried, resolved = _search(attack, implant, start + seconds(20), tries)
    _authenticity(attack, implant, resolved + seconds(1.3), tries[-1])
    path = dropped(attack, session.home)
    attack.tell("implant", start, start, _started(campaign), (path,), technique=_ran(campaign))
    failed = "algorithmic names fail, one resolves"
    attack.tell("names", tried, resolved, failed, tuple(tries), len(tries) - 1)
    _explore(attack, implant, session, resolved + timedelta(minutes=4))
    thief = implant
    theft_at = resolved + plan.theft_after
    if "second" in SCENARIOS[plan.scenario] and "second" in plan.steps:
        thief = _second_stage(attack, implant, session, theft_at - timedelta(minutes=2), tries[-1])
    posts = _posts(attack, thief, theft_at, tries)
    last = posts[-1] if posts else resolved
    spoken = f"{implant.file_name.removesuffix('.exe')} speaks HTTP with the name that resolved"
    attack.tell("contact", resolved, last, spoken, (tries[-1],), max(1, len(posts)))
    if posts:
        hours = "four" if campaign.contact_hours == 4 else f"{campaign.contact_hours:g}"
        what = f"small posts about every {hours} hours"
        attack.tell("theft", posts[0], last, what, (tries[-1],), len(posts))


def _started(campaign: Campaign) -> str:
    if campaign.is_library:
        return "the task started rundll32 on the library"
    return "the implant was started"


def _ran(campaign: Campaign) -> str:
    return "T1218.011" if campaign.is_library else "T1036.005"


def _session_at(attack: Attack, at: datetime) -> Session:
    host = attack.plan.host
    return attack.sessions.of(host, at.astimezone(host.site.zone).date())


def _implant(attack: Attack, session: Session, at: datetime) -> Process:
    path, campaign = dropped(attack, session.home), attack.campaign
    assert session.host.person is not None
    from_task = campaign.persistence == "task"
    parent = session.scheduler if from_task else session.explorer
    image = _SYSTEM32 + "rundll32.exe" if campaign.is_library else path
    with attack.step("implant"):
        implant = attack.recorder.process(
            session.host,
            at,
            image,
            f"{path},Start" if campaign.is_library else "",
            parent,
            user=session.host.person.user,
        )
        if campaign.is_library:
            attack.recorder.module_loaded(implant, at + seconds(0.1), path, signed=False)
    return implant


def _search(
    attack: Attack, implant: Process, at: datetime, tries: list[str]
) -> tuple[datetime, datetime]:
    """Try the names in order, seconds apart; gives the first failure and the moment of success."""
    recorder, campaign, host = attack.recorder, attack.campaign, implant.host
    random = recorder.random(campaign.key, "search", at)
    probe = "www.connecttest.os.example"
    with attack.step("names"):
        address = recorder.lookup(host, at - seconds(6), probe, implant) or ""
        recorder.http(
            host, at - seconds(5.8), probe, address, "GET", "/", campaign.agent, 0, 22,
            response_mime="text/plain", process=implant,
        )  # fmt: skip
        first = at
        for name in tries[:-1]:
            recorder.lookup(host, at, name, implant, rcode="NXDOMAIN")
            at += seconds(random.uniform(*campaign.name_gap_s))
        recorder.lookup(host, at, tries[-1], implant, ttl_s=300, answer=campaign.control_address)
    return first, at


def _authenticity(attack: Attack, implant: Process, at: datetime, name: str) -> None:
    """Fetch the small signed file by which the client knows its server."""
    day = at.date()
    uri = f"/key/{name}{day:%y}{day.timetuple().tm_yday}.sig"
    with attack.step("contact"):
        attack.recorder.http(
            implant.host, at, name, attack.campaign.control_address, "GET", uri,
            attack.campaign.agent, 0, 256, response_mime="application/octet-stream",
            process=implant,
        )  # fmt: skip


def _explore(attack: Attack, implant: Process, session: Session, at: datetime) -> None:
    """What the scenario does on the machine, and from there on others."""
    wanted = SCENARIOS[attack.plan.scenario]
    for name, (what, act) in lateral.ON_HOST.items():
        if name in wanted:
            with attack.step(name):
                last, said = act(attack.recorder, implant, session, at)
            attack.tell(name, at, last, what, said, len(said))
            at = last + timedelta(minutes=3)
    if attack.plan.others and "service" in wanted:
        through = lateral.Way(implant, attack.plan.others, attack.campaign)
        for name, (what, move) in lateral.ELSEWHERE.items():
            with attack.step(name):
                last, said = move(attack.recorder, through, at)
            attack.tell(name, at, last, what, said, len(said))
            at = last + timedelta(minutes=11)


def _second_stage(
    attack: Attack, implant: Process, session: Session, at: datetime, name: str
) -> Process:
    """The implant fetches a program, which is run and speaks with the same server."""
    recorder, campaign = attack.recorder, attack.campaign
    program = f"{campaign.short}up.exe"
    path = f"{session.home}\\AppData\\Local\\{campaign.product}\\{program}"
    with attack.step("second"):
        recorder.lookup(
            implant.host, at - seconds(0.4), name, implant, ttl_s=300,
            answer=campaign.control_address,
        )  # fmt: skip
        recorder.http(
            implant.host, at, name, campaign.control_address, "GET", f"/d/{program}",
            campaign.agent, 0, 1_204_224, response_mime="application/x-dosexec",
            process=implant, file_name=program,
        )  # fmt: skip
        recorder.file_made(implant, at + seconds(4), path)
        second = recorder.process(implant.host, at + seconds(9), path, parent=implant)
    attack.tell("second", at, at + seconds(9), "a program fetched from there and run", (path,))
    return second


def _posts(attack: Attack, thief: Process, at: datetime, tries: list[str]) -> list[datetime]:
    recorder, campaign, host = attack.recorder, attack.campaign, thief.host
    random = recorder.random(campaign.key, "posts")
    end = min(attack.plan.until or attack.sessions.end, attack.sessions.end)
    restarts = [r for r in attack.sessions.restarts(host) if r > at]
    posts = []
    while at < end:
        while restarts and at >= restarts[0]:
            restart = restarts.pop(0)
            session = _session_at(attack, restart)
            begun = session.start + timedelta(minutes=4)
            thief = _implant(attack, session, begun)
            _, found = _search(attack, thief, begun + seconds(20), tries)
            at = max(at, found + timedelta(minutes=3))
        if _is_on(attack, host, at):
            _post(attack, thief, at, tries[-1])
            posts.append(at)
        hours = campaign.contact_hours * random.uniform(1 - campaign.jitter, 1 + campaign.jitter)
        at += timedelta(hours=hours)
    return posts


def _is_on(attack: Attack, host: Host, at: datetime) -> bool:
    """A machine that is not always on speaks only while somebody works at it."""
    if host.always_on:
        return True
    day = at.astimezone(host.site.zone).date()
    if not host.site.works(day) or day not in attack.recorder.organisation.days:
        return False
    session = attack.sessions.of(host, day)
    return session.start <= at < session.end


def _post(attack: Attack, thief: Process, at: datetime, name: str) -> None:
    recorder, campaign = attack.recorder, attack.campaign
    random = recorder.random(campaign.key, "post", at)
    with attack.step("theft"):
        recorder.lookup(
            thief.host, at - seconds(0.4), name, thief, ttl_s=300, answer=campaign.control_address
        )
        recorder.http(
            thief.host, at, name, campaign.control_address, "POST", "/1/", campaign.agent,
            random.randrange(campaign.post_bytes[0], campaign.post_bytes[1] + 1),
            random.randrange(2, 40), request_mime="application/octet-stream",
            response_mime="text/plain", process=thief,
        )  # fmt: skip
