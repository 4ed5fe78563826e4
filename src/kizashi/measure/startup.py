"""A machine starts and somebody signs in: much fails here by design, and scripts run at nine."""

from __future__ import annotations

from datetime import timedelta

from kizashi.measure.events import seconds
from kizashi.measure.organisation import DOMAIN
from kizashi.measure.recorder import Recorder
from kizashi.measure.workday import Session

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SYSTEM32 = "C:\\Windows\\System32\\"
_NETLOGON = f"\\\\{DOMAIN}\\netlogon\\"


def begin(recorder: Recorder, session: Session) -> None:
    """The first minutes of a working day."""
    host, start = session.host, session.start
    if session.is_boot:
        hours = int((session.end - start).total_seconds() / 3600)
        for renewal in range(0, hours + 1, recorder.LEASE_HOURS // 2):
            recorder.lease(host, start - seconds(95) + timedelta(hours=renewal))
        if recorder.swaps:
            recorder.lease(host, host.site.utc(session.day, 12))
        _find_domain(recorder, session)
        _devolve(recorder, session)
        _logon_scripts(recorder, session)
    assert host.person is not None
    _sign_in(recorder, session, host.person.user)
    _browser_probes(recorder, session)
    recorder.signed_out(host, session.end, host.person.user, 2)


def _find_domain(recorder: Recorder, session: Session) -> None:
    """AD looks for a controller of its own site first; nobody ever made records for Ankara."""
    host, at = session.host, session.start - seconds(90)
    site, controller = (
        host.site.name,
        recorder.organisation.server(host.site.name, "domain_controller"),
    )
    has_records = site == "tokyo"
    for i, service in enumerate(("_ldap._tcp", "_kerberos._tcp")):
        name = f"{service}.{site}._sites.dc._msdcs.{DOMAIN}"
        recorder.lookup(
            host,
            at + seconds(0.1 * i),
            name,
            session.resolver_client,
            types=("SRV",),
            rcode="NOERROR" if has_records else "NXDOMAIN",
            answer=f"{controller.name}.{DOMAIN}",
        )
    recorder.lookup(
        host,
        at + seconds(0.4),
        f"_ldap._tcp.dc._msdcs.{DOMAIN}",
        session.resolver_client,
        types=("SRV",),
        answer=f"{controller.name}.{DOMAIN}",
    )
    address = controller.fixed_ip or ""
    recorder.lookup(
        host,
        at + seconds(0.6),
        f"{controller.name}.{DOMAIN}",
        session.resolver_client,
        answer=address,
        ttl_s=3600,
    )
    for port, service, out, back in (
        (88, "krb_tcp", 1460, 1620),
        (389, "ldap", 2900, 4800),
        (445, "smb", 5200, 7100),
    ):
        recorder.connect(host, at + seconds(1 + port / 500), address, port, service, out, back, 0.4)


def _devolve(recorder: Recorder, session: Session) -> None:
    """Proxy discovery and a random probe: under the search suffix, then under its parent."""
    host, at = session.host, session.start - seconds(60)
    random = recorder.random("devolution", host.name, session.day)
    probe = "".join(random.choices(_LETTERS, k=14))
    parent = DOMAIN.split(".", 1)[1]
    for i, label in enumerate(("wpad", probe)):
        for j, suffix in enumerate((DOMAIN, parent)):
            recorder.lookup(
                host,
                at + seconds(i * 0.9 + j * 0.2),
                f"{label}.{suffix}",
                session.resolver_client,
                rcode="NXDOMAIN",
            )


def _sign_in(recorder: Recorder, session: Session, user: str) -> None:
    host, at = session.host, session.start - seconds(2)
    random = recorder.random("typo", host.name, session.day)
    if random.random() < 0.12:
        recorder.signed_in(host, at - seconds(9), user, 2, success=False)
    recorder.signed_in(host, at, user, 2 if session.is_boot else 7)
    controller = recorder.organisation.server(host.site.name, "domain_controller")
    recorder.ticket(controller, at + seconds(0.3), user, recorder.address(host, at))
    recorder.signed_in(
        controller,
        at + seconds(0.7),
        user,
        3,
        from_ip=recorder.address(host, at),
        workstation=host.name.upper(),
    )


def _logon_scripts(recorder: Recorder, session: Session) -> None:
    """userinit runs the batch file, the policy client runs the PowerShell one."""
    host, at = session.host, session.start + seconds(2.5)
    batch = recorder.process(
        host, at, _SYSTEM32 + "cmd.exe", f'/c "{_NETLOGON}logon.bat"', session.userinit
    )
    share = f"\\\\{recorder.organisation.server(host.site.name, 'file').name}\\share"
    net = recorder.process(
        host, at + seconds(0.4), _SYSTEM32 + "net.exe", f"use S: {share} /persistent:no", batch
    )
    recorder.stop(net, at + seconds(1.2))
    recorder.stop(batch, at + seconds(1.4))
    if recorder.random("policy", host.name).random() < 0.5:
        policy = recorder.process(
            host,
            at + seconds(1),
            _SYSTEM32 + "gpscript.exe",
            "/Logon",
            session.services,
            user=session.userinit.user,
        )
        script = f"{_NETLOGON}Set-Printers.ps1"
        shell = recorder.process(
            host,
            at + seconds(1.6),
            _SYSTEM32 + "WindowsPowerShell\\v1.0\\powershell.exe",
            f'-NoProfile -ExecutionPolicy Bypass -File "{script}"',
            policy,
        )
        text = "Get-Printer | Where-Object Type -eq Connection | Remove-Printer"
        recorder.script_run(shell, at + seconds(2.1), script, text)


def _browser_probes(recorder: Recorder, session: Session) -> None:
    """Three random labels tell the browser whether the network answers for names that fail."""
    random = recorder.random("probes", session.host.name, session.day)
    at = session.start + seconds(random.uniform(900, 1500))
    for i in range(3):
        label = "".join(random.choices(_LETTERS, k=random.randint(7, 15)))
        recorder.lookup(
            session.host,
            at + seconds(i * 0.004),
            f"{label}.{DOMAIN}",
            session.browser,
            rcode="NXDOMAIN",
            types=("A",),
        )
        if not session.host.asks_ipv6:
            recorder.lookup(
                session.host,
                at + seconds(0.05 + i * 0.004),
                label,
                session.browser,
                rcode="NXDOMAIN",
                types=("A",),
            )
