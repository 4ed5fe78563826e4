"""What machines do by themselves and what looks like an attack: look-ups that fail by design,
updaters, honest pollers, deployment, installers and macros."""

from __future__ import annotations

from datetime import datetime, timedelta

from kizashi.measure.browsing import USER_AGENT, awake
from kizashi.measure.events import Process, digest, seconds
from kizashi.measure.organisation import DOMAIN, NT_DOMAIN, Host
from kizashi.measure.recorder import Recorder
from kizashi.measure.workday import EXCEL, Session, Sessions

_SYSTEM32 = "C:\\Windows\\System32\\"
_PROGRAMS = "C:\\Program Files\\"
_ANTIVIRUS = _PROGRAMS + "Mamori\\mamorisvc.exe"
_UPDATER = "C:\\Program Files (x86)\\Google\\GoogleUpdater\\146.0.7680.0\\updater.exe"
_DEPLOYMENT = _PROGRAMS + "Haibun Agent\\haibunagent.exe"
_RUN = "Software\\Microsoft\\Windows\\CurrentVersion\\Run\\"


def reputation(recorder: Recorder, session: Session) -> None:
    """The antivirus asks for file hashes as names; unknown ones fail by design."""
    host = session.host
    random = recorder.random("reputation", host.name, session.day)
    service = recorder.process(
        host, session.start - seconds(80), _ANTIVIRUS, parent=session.services, logged=False
    )
    for _ in range(random.choice((0, 1, 1, 2))):
        at = session.start + (session.end - session.start) * random.random()
        for i in range(random.randint(2, 7)):
            name = f"{digest(f'{host.name}{at}{i}', 32)}.h.avrep.mamori.example"
            known = random.random() < 0.3
            recorder.lookup(
                host,
                at + seconds(i * random.uniform(0.1, 1.5)),
                name,
                service,
                rcode="NOERROR" if known else "NXDOMAIN",
                types=("A",),
                answer="127.0.0.4" if known else None,
            )


def updates(recorder: Recorder, sessions: Sessions, host: Host) -> None:
    """The browser's updater posts a little every five hours, on every machine."""
    random = recorder.random("updates", host.name)
    first = host.site.utc(recorder.organisation.days[0], host.site.arrival_hour)
    name = "update.browservendor.example"
    for begin, end in awake(sessions, host, first):
        at = begin + timedelta(minutes=random.uniform(5, 60))
        while at < end:
            updater = recorder.process(host, at, _UPDATER, "--wake --system", logged=False)
            address = recorder.lookup(host, at + seconds(1), name, updater)
            recorder.http(
                host,
                at + seconds(1.2),
                name,
                address or "",
                "POST",
                "/service/update2/json",
                "Google Update/1.3.36",
                random.randrange(900, 2400),
                random.randrange(400, 1500),
                request_mime="text/json",
                response_mime="text/json",
            )
            at += timedelta(hours=random.uniform(4.7, 5.3))


# Software that a few machines have: minutes between reports, jitter, name, bytes.
_SOFTWARE = (
    (1440.0, 0.01, "hozon-backup", 610), (5.0, 0.02, "dengen-ups", 340),
    (60.0, 0.1, "kintai-clock", 880), (360.0, 0.05, "denwa-voip", 450),
    (1440.0, 0.08, "shisan-list", 940), (10.0, 0.01, "tobira-door", 260),
    (15.0, 0.1, "tenki-board", 300), (120.0, 0.2, "keiji-signage", 520),
    (720.0, 0.02, "shomei-licence", 480), (30.0, 0.3, "kakunin-sensor", 390),
)  # fmt: skip
# The more machines, the more software of this kind; the first forty have what is named below.
_FIRST_MACHINES, _MACHINES_A_PRODUCT = 40, 6


def _products(recorder: Recorder) -> list[tuple[Host, float, float, str, str, str, int]]:
    """Each product of `_SOFTWARE` that the organisation has, on one to three machines."""
    organisation = recorder.organisation
    found = []
    for number in range(max(0, len(organisation.hosts) - _FIRST_MACHINES) // _MACHINES_A_PRODUCT):
        minutes, jitter, product, size = _SOFTWARE[number % len(_SOFTWARE)]
        random = recorder.random("product", number)
        name = f"in{number}-{organisation.division}.{product}.example"
        for host in random.sample(organisation.workstations(), random.randint(1, 3)):
            found.append((host, minutes, jitter, name, "/status", f"{product}/1.0", size))
    return found


def _poll(
    recorder: Recorder, host: Host, at: datetime, name: str, uri: str, agent: str, size: int
) -> None:
    address = recorder.lookup(host, at, name)
    recorder.http(
        host,
        at + seconds(0.2),
        name,
        address or "",
        "POST",
        uri,
        agent,
        size,
        48,
        request_mime="text/json",
        response_mime="text/json",
    )


def pollers(recorder: Recorder, sessions: Sessions) -> None:
    """Rare and honest: printers report supplies, a server its health, drawing seats a licence."""
    organisation = recorder.organisation
    first = organisation.days[0]
    printers = [h for h in organisation.hosts if h.role == "printer"]
    watched = [organisation.server("tokyo", "management")]
    jobs = [
        (h, 30.0, 0.02, "supplies.insatsuki.example", "/report", "PrinterCloud/2.1", 420)
        for h in printers
    ]
    jobs += [
        (h, 20.0, 0.05, "in.kanshi-monitor.example", "/v1/push", "kanshi/4.2", 780) for h in watched
    ]
    jobs += [
        (h, 240.0, 0.03, "lic.zumen-cad.example", "/heartbeat", "ZumenLicense/11", 512)
        for h in organisation.department("engineering")[:2]
    ]
    jobs += _products(recorder)
    for host, minutes, jitter, name, uri, agent, size in jobs:
        random = recorder.random("poll", host.name)
        start = host.site.utc(first, host.site.arrival_hour - 1)
        for begin, end in awake(sessions, host, start):
            at = begin + timedelta(minutes=random.uniform(1, 15))
            while at < end:
                _poll(recorder, host, at, name, uri, agent, size + random.randrange(-20, 20))
                at += timedelta(minutes=minutes * random.uniform(1 - jitter, 1 + jitter))


def macros(recorder: Recorder, session: Session) -> None:
    """Finance closes the day with a workbook whose macro calls a batch file: normal here."""
    random = recorder.random("macros", session.host.name, session.day)
    at = session.end - timedelta(minutes=random.uniform(50, 120))
    excel = recorder.process(
        session.host, at, EXCEL, '"S:\\finance\\daily_close.xlsm"', session.explorer
    )
    cmd = recorder.process(
        session.host,
        at + seconds(22),
        _SYSTEM32 + "cmd.exe",
        "/c S:\\finance\\tools\\export.bat",
        excel,
    )
    recorder.stop(cmd, at + seconds(25))


def office_work(recorder: Recorder, session: Session) -> None:
    """Documents opened from the shell, all day."""
    random = recorder.random("office", session.host.name, session.day)
    for _ in range(random.randint(2, 6)):
        at = session.start + (session.end - session.start) * random.uniform(0.05, 0.95)
        program = random.choice(
            (EXCEL, EXCEL.replace("EXCEL", "WINWORD"), _PROGRAMS + "Hon PDF\\honpdf.exe")
        )
        recorder.process(
            session.host,
            at,
            program,
            f'"S:\\{random.choice(("plans", "minutes", "orders"))}\\{random.randrange(100, 999)}"',
            session.explorer,
        )


def deployment(recorder: Recorder, sessions: Sessions) -> None:
    """The deployment agent makes a task everywhere on day two, an updater services on day three."""
    days = recorder.organisation.days
    for session in sessions.all():
        if session.day == days[min(1, len(days) - 1)]:
            _deploy_task(recorder, session)
        if session.day == days[min(2, len(days) - 1)]:
            _update_service(recorder, session)


def _deploy_task(recorder: Recorder, session: Session) -> None:
    host = session.host
    at = host.site.utc(session.day, 12.5) + seconds(
        recorder.random("deploy", host.name).uniform(0, 900)
    )
    agent = recorder.process(
        host, at - seconds(60), _DEPLOYMENT, parent=session.services, logged=False
    )
    target = _PROGRAMS + "Haibun Agent\\inventory.exe"
    schtasks = recorder.process(
        host,
        at,
        _SYSTEM32 + "schtasks.exe",
        f'/create /f /ru SYSTEM /sc daily /st 12:40 /tn "Haibun\\Inventory" /tr "{target}"',
        agent,
    )
    recorder.module_loaded(schtasks, at + seconds(0.04), _SYSTEM32 + "taskschd.dll")
    recorder.task_made(
        schtasks,
        at + seconds(0.2),
        "\\Haibun\\Inventory",
        target,
        "/quiet",
        "<CalendarTrigger><ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger>",
    )
    recorder.stop(schtasks, at + seconds(0.3))


def _update_service(recorder: Recorder, session: Session) -> None:
    host = session.host
    if recorder.random("service", host.name).random() < 0.6:
        return
    at = host.site.utc(session.day, 14) + seconds(
        recorder.random("service", host.name).uniform(0, 5400)
    )
    updater = recorder.process(host, at, _UPDATER, "--update --system", session.services)
    recorder.service_made(
        updater,
        at + seconds(3),
        "GoogleUpdaterInternalService146.0.7680.0",
        f'"{_UPDATER}" --system --windows-service',
    )


def installs(recorder: Recorder, sessions: Sessions) -> None:
    """A few people fetch a chat program over plain HTTP, run it and let it start with Windows."""
    for session in sessions.all():
        random = recorder.random("install", session.host.name)
        days = recorder.organisation.days
        if random.random() < 0.12 and session.day == days[random.randrange(min(4, len(days)))]:
            _install(recorder, session, session.start + timedelta(hours=random.uniform(1, 5)))


def _install(recorder: Recorder, session: Session, at: datetime) -> None:
    host, name, file_name = session.host, "dl.oshaberi.example", "OshaberiSetup.exe"
    address = recorder.lookup(host, at, name, session.browser)
    recorder.http(
        host,
        at + seconds(0.2),
        name,
        address or "",
        "GET",
        f"/win/{file_name}",
        USER_AGENT,
        0,
        4_812_544,
        response_mime="application/x-dosexec",
        file_name=file_name,
    )
    path = f"{session.home}\\Downloads\\{file_name}"
    recorder.file_made(session.browser, at + seconds(4), path)
    recorder.stream_made(
        session.browser,
        at + seconds(4.1),
        path,
        digest(f"{name}/{file_name}", 64),
        f"[ZoneTransfer]  ZoneId=3  HostUrl=http://{name}/win/{file_name} ",
    )
    setup = recorder.process(host, at + seconds(31), path, parent=session.explorer)
    program = f"{session.home}\\AppData\\Local\\Oshaberi\\Oshaberi.exe"
    recorder.file_made(setup, at + seconds(36), program)
    recorder.value_set(
        setup,
        at + seconds(38),
        f"HKU\\S-1-5-21-{host.name}\\{_RUN}Oshaberi",
        f'"{program}" --background',
    )
    chat = recorder.process(host, at + seconds(41), program, parent=setup)
    found = recorder.lookup(host, at + seconds(42), "gw.oshaberi.example", chat)
    recorder.tls(
        host,
        at + seconds(42.3),
        "gw.oshaberi.example",
        found or "",
        4_200,
        18_000,
        client="electron",
        process=chat,
        duration_s=3100,
    )


def chat(recorder: Recorder, session: Session) -> None:
    """The chat program of many people lives in AppData, starts with Windows and calls home."""
    host = session.host
    if recorder.random("chat", host.name).random() > 0.3:
        return
    at = session.start + seconds(recorder.random("chat", host.name, session.day).uniform(20, 90))
    program = f"{session.home}\\AppData\\Local\\Oshaberi\\Oshaberi.exe"
    running = recorder.process(host, at, program, "--background", session.explorer)
    found = recorder.lookup(host, at + seconds(2), "gw.oshaberi.example", running)
    recorder.tls(
        host,
        at + seconds(2.2),
        "gw.oshaberi.example",
        found or "",
        4_200,
        18_000,
        client="electron",
        process=running,
        duration_s=(session.end - at).total_seconds(),
    )


def dead_printer(recorder: Recorder, session: Session) -> None:
    """Two machines still look for a print server that is gone: one name, four times an hour."""
    spooler = recorder.process(
        session.host,
        session.start,
        _SYSTEM32 + "spoolsv.exe",
        parent=session.services,
        logged=False,
    )
    at = session.start + seconds(recorder.random("printer", session.host.name).uniform(60, 600))
    while at < session.end:
        for suffix in (DOMAIN, DOMAIN.split(".", 1)[1]):
            recorder.lookup(session.host, at, f"tk-prn-99.{suffix}", spooler, rcode="NXDOMAIN")
        at += timedelta(minutes=15)


def administration(recorder: Recorder, sessions: Sessions) -> None:
    """The administrators look around on their own machine, with the programs intruders use."""
    administrators = recorder.organisation.department("it")
    first, actor = recorder.organisation.days[0], administrators[0].person
    if actor:
        controller = recorder.organisation.server("tokyo", "domain_controller")
        at = controller.site.utc(first, 13.6)
        recorder.account_made(controller, at, f"{NT_DOMAIN}\\new.colleague", actor.user)
    for host in administrators:
        for session in sessions.all():
            if session.host is host:
                _look_around(recorder, session)


def _look_around(recorder: Recorder, session: Session) -> None:
    random = recorder.random("administration", session.host.name, session.day)
    at = session.start + timedelta(hours=random.uniform(1, 6))
    shell = recorder.process(
        session.host, at, _SYSTEM32 + "cmd.exe", parent=session.explorer, integrity="High"
    )
    commands = (
        "whoami.exe /groups",
        "ipconfig.exe /all",
        "net.exe view",
        "nltest.exe /dclist:" + DOMAIN,
        "quser.exe",
        "systeminfo.exe",
    )
    for i, command in enumerate(random.sample(commands, 3)):
        program, arguments = (command + " ").split(" ", 1)
        started = at + seconds(15 + i * random.uniform(8, 60))
        run: Process = recorder.process(
            session.host, started, _SYSTEM32 + program, arguments.strip(), shell
        )
        recorder.stop(run, started + seconds(0.8))
