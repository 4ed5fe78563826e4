"""When machines are on and people work. A session is one machine's working day and its programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kizashi.measure.events import Process, seconds
from kizashi.measure.organisation import Host
from kizashi.measure.recorder import Recorder

_SYSTEM32 = "C:\\Windows\\System32\\"
_OFFICE = "C:\\Program Files\\Microsoft Office\\root\\Office16\\"
EXCEL = _OFFICE + "EXCEL.EXE"
CHROME = "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe"
# Machines that stay on restart for updates on the third night.
_UPDATE_NIGHT = 2


@dataclass(frozen=True, slots=True)
class Session:
    """One working day on one machine: from sign-in to leaving, and the programs that run."""

    host: Host
    day: date
    start: datetime
    end: datetime
    is_boot: bool
    services: Process
    scheduler: Process
    resolver_client: Process
    userinit: Process
    explorer: Process
    outlook: Process
    browser: Process

    @property
    def home(self) -> str:
        return f"C:\\Users\\{self.host.person.account}" if self.host.person else "C:\\Windows"

    @property
    def excel(self) -> str:
        return EXCEL


class Sessions:
    """All working days of all machines of people."""

    def __init__(self, recorder: Recorder) -> None:
        organisation = recorder.organisation
        self._sessions: dict[tuple[str, date], Session] = {}
        last = organisation.days[-1]
        self.end = max(site.utc(last, 23.0) for site in organisation.sites)
        for host in organisation.workstations():
            for day in organisation.days:
                if host.site.works(day):
                    self._sessions[host.name, day] = _session(recorder, host, day)

    def all(self) -> list[Session]:
        """Every session, by machine and day."""
        return list(self._sessions.values())

    def of(self, host: Host, day: date) -> Session:
        """The machine's session of that day; KeyError on a day off."""
        return self._sessions[host.name, day]

    def restarts(self, host: Host) -> list[datetime]:
        """Starts of the sessions before which the machine had been restarted."""
        found = [
            s.start for (name, _), s in self._sessions.items() if name == host.name and s.is_boot
        ]
        return sorted(found)


def _session(recorder: Recorder, host: Host, day: date) -> Session:
    assert host.person is not None
    random = recorder.random("session", host.name, day)
    start = host.site.utc(day, host.site.arrival_hour + random.gauss(0, 0.22))
    end = host.site.utc(day, max(17.3, random.gauss(18.4, 0.8)))
    index = recorder.organisation.days.index(day)
    is_boot = not host.always_on or index in (0, _UPDATE_NIGHT)
    boot = start - timedelta(minutes=2)

    def unseen(image: str, arguments: str = "", parent: Process | None = None) -> Process:
        return recorder.process(host, boot, _SYSTEM32 + image, arguments, parent, logged=False)

    services = unseen("services.exe")
    userinit = recorder.process(
        host,
        start,
        _SYSTEM32 + "userinit.exe",
        parent=unseen("winlogon.exe"),
        user=host.person.user,
        logged=is_boot,
    )
    explorer = recorder.process(
        host, start + seconds(1.2), "C:\\Windows\\explorer.exe", parent=userinit, logged=is_boot
    )
    mail_at = start + seconds(random.uniform(60, 400))
    browser_at = start + seconds(random.uniform(90, 900))
    return Session(
        host=host,
        day=day,
        start=start,
        end=end,
        is_boot=is_boot,
        services=services,
        scheduler=unseen("svchost.exe", "-k netsvcs -p -s Schedule", services),
        resolver_client=unseen("svchost.exe", "-k NetworkService -p -s Dnscache", services),
        userinit=userinit,
        explorer=explorer,
        outlook=recorder.process(host, mail_at, _OFFICE + "OUTLOOK.EXE", parent=explorer),
        browser=recorder.process(host, browser_at, CHROME, parent=explorer),
    )
