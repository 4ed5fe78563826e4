"""What an intruder does at the keyboard: looks around, collects, and moves to other machines.

Each act writes its traces from a moment on and gives the last one and the names to find it by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kizashi.measure import remote
from kizashi.measure.campaign import Campaign
from kizashi.measure.events import SYSTEM, Process, seconds
from kizashi.measure.organisation import DOMAIN, Host
from kizashi.measure.recorder import Recorder
from kizashi.measure.workday import Session

_SYSTEM32 = "C:\\Windows\\System32\\"
Done = tuple[datetime, tuple[str, ...]]
OnHost = Callable[[Recorder, Process, Session, datetime], Done]


@dataclass(slots=True)
class Way:
    """From where an intruder moves on: the implant, the machines ahead, and the address of a VPN
    session once there is one."""

    implant: Process
    others: tuple[Host, ...]
    campaign: Campaign
    tunnel_ip: str | None = None

    def source(self, recorder: Recorder, at: datetime) -> str:
        """The address that others see."""
        return self.tunnel_ip or recorder.address(self.implant.host, at)


Elsewhere = Callable[[Recorder, Way, datetime], Done]


def _commands(recorder: Recorder, shell: Process, at: datetime, commands: Sequence[str]) -> Done:
    for number, command in enumerate(commands):
        program, arguments = (command + " ").split(" ", 1)
        moment = at + seconds(7.0 + 11.5 * number)
        ran = recorder.process(shell.host, moment, _SYSTEM32 + program, arguments.strip(), shell)
        recorder.stop(ran, moment + seconds(0.6))
        last = moment
    return last, tuple(commands)


def _sign_in(
    recorder: Recorder, implant: Process, target: Host, at: datetime, logon_type: int, source: str
) -> None:
    """The implant's account signs in to another machine from an address."""
    # Of a remote desktop Windows writes the machine signed in to, of the rest the caller.
    caller = implant.host.name.upper() if logon_type == 3 else None
    recorder.signed_in(target, at, implant.user, logon_type, from_ip=source, workstation=caller)


def _shell(recorder: Recorder, parent: Process, at: datetime) -> Process:
    return recorder.process(parent.host, at, _SYSTEM32 + "cmd.exe", "/q", parent)


def looking(recorder: Recorder, implant: Process, session: Session, at: datetime) -> Done:
    """The machine, its domain and its neighbours (T1082, T1018)."""
    asked = ("systeminfo.exe", "whoami.exe /all", "net.exe view", f"nltest.exe /dclist:{DOMAIN}",
             "ipconfig.exe /all", "net.exe group \"domain admins\" /domain")  # fmt: skip
    return _commands(recorder, _shell(recorder, implant, at), at, asked)


def processes(recorder: Recorder, implant: Process, session: Session, at: datetime) -> Done:
    """What runs here (T1057)."""
    asked = ("tasklist.exe /v", "systeminfo.exe", "whoami.exe")
    return _commands(recorder, _shell(recorder, implant, at), at, asked)


def credentials(recorder: Recorder, implant: Process, session: Session, at: datetime) -> Done:
    """Stored credentials listed (T1555, hypothesis)."""
    shell = _shell(recorder, implant, at)
    return _commands(recorder, shell, at, ("cmdkey.exe /list", "vaultcmd.exe /list"))


def keys(recorder: Recorder, implant: Process, session: Session, at: datetime) -> Done:
    """A log of keys grows in the implant's folder (T1056.001, hypothesis)."""
    return _files(recorder, implant, at, f"{session.home}\\AppData\\Local\\Temp\\~k{{n}}.tmp", 3)


def screens(recorder: Recorder, implant: Process, session: Session, at: datetime) -> Done:
    """Pictures of the screen, one after another (T1113, hypothesis)."""
    return _files(recorder, implant, at, f"{session.home}\\AppData\\Local\\Temp\\~s{{n}}.jpg", 5)


def mailbox(recorder: Recorder, implant: Process, session: Session, at: datetime) -> Done:
    """The mailbox copied into a file (T1114, hypothesis)."""
    return _files(recorder, implant, at, f"{session.home}\\AppData\\Local\\Temp\\mail{{n}}.pst", 1)


def _files(recorder: Recorder, process: Process, at: datetime, path: str, count: int) -> Done:
    paths = tuple(path.format(n=number) for number in range(1, count + 1))
    for number, made in enumerate(paths):
        recorder.file_made(process, at + seconds(30.0 * number), made)
    return at + seconds(30.0 * (count - 1)), paths


def service(recorder: Recorder, way: Way, at: datetime) -> Done:
    """A program copied to another machine's ADMIN$ and started there as a service (T1021.002)."""
    implant, campaign, target = way.implant, way.campaign, way.others[0]
    source = recorder.address(implant.host, at)
    address, program = recorder.address(target, at), f"{campaign.short}rs.exe"
    recorder.connect(implant.host, at, address, 445, "smb", 310_000, 4_100, 6.0, process=implant)
    _sign_in(recorder, implant, target, at + seconds(0.4), 3, source)
    recorder.share_read(
        target, at + seconds(0.9), implant.user, "\\\\*\\ADMIN$", program, source, write=True
    )
    services = recorder.process(target, at, _SYSTEM32 + "services.exe", logged=False)
    path = f"C:\\Windows\\{program}"
    recorder.service_made(
        services, at + seconds(2.2), campaign.product, path, session_of=implant.user
    )
    started = recorder.process(target, at + seconds(3.1), path, parent=services, user=SYSTEM)
    name = f"u.{campaign.product.lower()}.{campaign.parents[0]}"
    found = recorder.lookup(
        target, at + seconds(40), name, started, ttl_s=300, answer=campaign.control_address
    )
    recorder.http(
        target, at + seconds(40.4), name, found or campaign.control_address, "POST", "/1/",
        campaign.agent, campaign.post_bytes[0], 20, request_mime="application/octet-stream",
        response_mime="text/plain", process=started,
    )  # fmt: skip
    asked = ("whoami.exe", "systeminfo.exe", "net.exe share", "tasklist.exe")
    last, _ = _commands(
        recorder, _shell(recorder, started, at + seconds(55)), at + seconds(55), asked
    )
    return last, (target.name, path)


def desktop(recorder: Recorder, way: Way, at: datetime) -> Done:
    """A remote desktop on the file server, from which it looks around (T1021.001)."""
    implant, target = way.implant, way.others[-1]
    address = recorder.address(target, at)
    if way.tunnel_ip is None:
        recorder.connect(
            implant.host, at, address, 3389, "rdp", 90_000, 2_400_000, 900.0, process=implant
        )
    _sign_in(recorder, implant, target, at + seconds(1.5), 10, way.source(recorder, at))
    explorer = recorder.process(
        target, at + seconds(6), "C:\\Windows\\explorer.exe", user=implant.user
    )
    asked = (
        "whoami.exe /groups",
        "net.exe share",
        "quser.exe",
        "net.exe view",
        "ipconfig.exe /all",
    )
    last, _ = _commands(
        recorder, _shell(recorder, explorer, at + seconds(50)), at + seconds(50), asked
    )
    return last, (target.name,)


def shares(recorder: Recorder, way: Way, at: datetime) -> Done:
    """Project files read from the file server's share, one after another (T1039)."""
    implant, target, source = way.implant, way.others[-1], way.source(recorder, at)
    address = recorder.address(target, at)
    if way.tunnel_ip is None:
        recorder.connect(
            implant.host, at, address, 445, "smb", 40_000, 9_800_000, 240.0, process=implant
        )
    _sign_in(recorder, implant, target, at + seconds(0.3), 3, source)
    files = tuple(f"Projects\\P-{number:03d}\\schedule.xlsx" for number in range(1, 41))
    for number, file in enumerate(files):
        moment = at + seconds(2 + 4.0 * number)
        recorder.share_read(target, moment, implant.user, "\\\\*\\Projects", file, source)
    return at + timedelta(seconds=2 + 4 * len(files)), (target.name, *files[:2])


def vpn(recorder: Recorder, way: Way, at: datetime) -> Done:
    """The account signs in at the other site's VPN gateway (T1133, hypothesis); what follows comes
    from the address that it is given."""
    target = way.others[-1].site
    way.tunnel_ip = remote.intrude(recorder, way.implant.host, target, at)
    return at, (way.tunnel_ip, way.implant.user)


def cloud(recorder: Recorder, way: Way, at: datetime) -> Done:
    """Project files fetched from the cloud with the account (T1530)."""
    last, first_name = remote.steal(recorder, way.implant.host, at, 160)
    return last, (way.implant.user, first_name)


ON_HOST: Mapping[str, tuple[str, OnHost]] = {
    "looking": ("the machine, its domain and its neighbours asked for", looking),
    "processes": ("running programs listed", processes),
    "credentials": ("stored credentials listed", credentials),
    "keys": ("keys logged to a file", keys),
    "screens": ("pictures of the screen taken", screens),
    "mailbox": ("the mailbox copied to a file", mailbox),
}
ELSEWHERE: Mapping[str, tuple[str, Elsewhere]] = {
    "service": ("a program copied to another machine and started as a service", service),
    "vpn": ("a VPN session of the account at the other site", vpn),
    "desktop": ("a remote desktop on the file server", desktop),
    "shares": ("project files read from a share", shares),
    "cloud": ("project files fetched from the cloud", cloud),
}
