"""The recorder: activities tell it what happens, and it keeps what each observer would have seen.

The endpoint part writes what a machine logs about itself, the network part what the site's sensor
sees; both keep the little state that machines have: leases, caches, ports and process ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import date, datetime, timedelta
from random import Random

from kizashi.measure.events import (
    CONTROL_ADDRESSES,
    SYSTEM,
    UPSTREAM_RESOLVER,
    Event,
    Process,
    Value,
    address6_of,
    address_of,
    digest,
    logon_id,
)
from kizashi.measure.organisation import DHCP_FIRST, DOMAIN, NT_DOMAIN, Host, Organisation, Site

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BROWSERS = ("chrome.exe", "msedge.exe")


class Recorder:
    """Keeps the events, and the little state that machines have: leases, caches, ports and pids."""

    LEASE_HOURS = 8

    def __init__(self, organisation: Organisation, swaps: bool = False) -> None:
        """With `swaps`, laptops change addresses among themselves at noon."""
        self.organisation = organisation
        self.swaps = swaps
        self.events: list[Event] = []
        self._counts: Counter[str] = Counter()
        self._known_names: dict[str, tuple[datetime, datetime]] = {}
        self._leased: dict[tuple[str, date], dict[str, str]] = {}
        self._clock_lag = {
            h.name: self.random("clock", h.name).uniform(-0.4, 0.4) for h in organisation.hosts
        }

    def branch(self) -> Recorder:
        """A recorder that goes on from here: its events are its own, its state a copy."""
        other = copy(self)
        other.events = []
        other._counts = self._counts.copy()
        other._known_names = self._known_names.copy()
        return other

    def random(self, *about: object) -> Random:
        """A generator of its own for each purpose, so that one activity never shifts another."""
        return Random("/".join(map(str, (self.organisation.seed, *about))))

    def _next(self, kind: str) -> int:
        self._counts[kind] += 1
        return self._counts[kind]

    def address(self, host: Host, at: datetime) -> str:
        """The host's address at that time; a laptop gets another lease each day."""
        if host.fixed_ip:
            return host.fixed_ip
        local = at.astimezone(host.site.zone)
        return self._leases(host.site, local.date(), self.swaps and local.hour >= 12)[host.name]

    def _leases(self, site: Site, day: date, afternoon: bool) -> dict[str, str]:
        """The day's address of each laptop: from a small pool, so addresses move about."""
        if afternoon:
            morning = self._leases(site, day, False)
            names = sorted(morning)
            return dict(zip(names, [morning[n] for n in (*names[1:], *names[:1])], strict=True))
        if (site.name, day) not in self._leased:
            laptops = [h.name for h in self.organisation.workstations(site.name) if not h.fixed_ip]
            pool = [f"{site.prefix}{DHCP_FIRST + i}" for i in range(len(laptops))]
            self.random("leases", site.name, day).shuffle(pool)
            self._leased[site.name, day] = dict(zip(laptops, pool, strict=True))
        return self._leased[site.name, day]

    def resolver(self, site: Site) -> str:
        return site.prefix + "10"

    def sensor(
        self,
        table: str,
        at: datetime,
        site: Site,
        client_ip: str,
        values: Mapping[str, Value],
        **extra: Value,
    ) -> None:
        """Record what the site's network sensor sees, on its own clock."""
        seen = at + timedelta(seconds=site.sensor_ahead_s)
        self.events.append(
            Event(table, "zeek", seen, site.name, "sensor", None, client_ip, values, extra)
        )

    def endpoint(
        self,
        table: str,
        code: int,
        at: datetime,
        host: Host,
        values: Mapping[str, Value],
        **extra: Value,
    ) -> None:
        """Record what the machine itself logs, on its own clock, as event `code`."""
        if not host.is_observed:
            return
        seen = at + timedelta(seconds=self._clock_lag[host.name])
        # The collector writes milliseconds.
        seen = seen.replace(microsecond=seen.microsecond // 1000 * 1000)
        client_ip = extra.pop("client_ip", None)
        if code < 100:
            # Sysmon's events carry its own clock beside the log's.
            values = {"time_alt": seen, **values}
        self.events.append(
            Event(
                table,
                "windows",
                seen,
                host.site.name,
                "endpoint",
                host.name,
                client_ip if isinstance(client_ip, str) else None,
                values,
                {"code": code, **extra},
            )
        )

    def uid(self, letter: str, at: datetime) -> str:
        """A sensor's id: a prefix of the day and a running number, so that logs compress well."""
        number, text = self._next("uid"), ""
        for _ in range(4):
            number, rest = divmod(number, 62)
            text = _BASE62[rest] + text
        prefix = int(digest(f"{self.organisation.seed}/{at:%Y%m%d}", 16), 16)
        for _ in range(9):
            prefix, rest = divmod(prefix, 62)
            text = _BASE62[rest] + text
        return f"{letter}{text}"

    def port(self, host_name: str) -> int:
        return 49152 + self._next(f"port/{host_name}") * 3 % 16000

    # Processes and what they do on their machine.

    def process(
        self,
        host: Host,
        at: datetime,
        image: str,
        arguments: str = "",
        parent: Process | None = None,
        user: str | None = None,
        logged: bool = True,
        integrity: str | None = None,
    ) -> Process:
        """Start a program. With `logged` false it runs, but started where nobody looked."""
        number = self._next(f"pid/{host.name}")
        owner = user or (parent.user if parent else SYSTEM)
        started = int(at.timestamp())
        guid = (
            f"{digest(host.name, 8)}-{started >> 16 & 0xFFFF:04x}-{started & 0xFFFF:04x}"
            f"-{number:04x}-00000000{0x1000 + number & 0xFFFF:04x}"
        ).upper()
        quoted = f'"{image}"' if " " in image else image
        command_line = f"{quoted} {arguments}".strip()
        new = Process(
            host, guid, 1000 + number * 4 % 64000, image, command_line, owner, logon_id(host, owner)
        )
        if logged:
            level = integrity or ("System" if owner == SYSTEM else "Medium")
            self._process_started(new, at, parent, level)
        return new

    def _process_started(
        self, new: Process, at: datetime, parent: Process | None, integrity: str
    ) -> None:
        is_system = new.user == SYSTEM
        home = "C:\\Windows\\system32\\" if is_system else f"C:\\Users\\{new.user[8:]}\\"
        values: dict[str, Value] = {
            "activity": "start",
            "process_guid": new.guid,
            "process_id": new.pid,
            "image": new.image,
            "original_file_name": new.image.rsplit("\\", 1)[-1],
            "command_line": new.command_line,
            "working_dir": home,
            "user": new.user,
            "logon_id": new.logon_id,
            "integrity": integrity,
            "parent_guid": parent.guid if parent else None,
            "parent_id": parent.pid if parent else None,
            "parent_image": parent.image if parent else None,
            "parent_command_line": parent.command_line if parent else None,
            "sha256": digest(new.image.lower(), 64),
        }
        self.endpoint("process_activity", 1, at, new.host, values)

    def _acting(self, process: Process) -> dict[str, Value]:
        return {
            "process_guid": process.guid,
            "process_id": process.pid,
            "image": process.image,
            "user": process.user,
        }

    def stop(self, process: Process, at: datetime) -> None:
        """The program ended."""
        values: dict[str, Value] = {"activity": "stop", **self._acting(process)}
        self.endpoint("process_activity", 5, at, process.host, values)

    def file_made(self, process: Process, at: datetime, path: str) -> None:
        """The program created a file."""
        values: dict[str, Value] = {"activity": "create", **self._acting(process), "path": path}
        self.endpoint("file_activity", 11, at, process.host, values)

    def stream_made(
        self, process: Process, at: datetime, path: str, sha256: str, content: str
    ) -> None:
        """The program marked a file as come from elsewhere (Zone.Identifier)."""
        values: dict[str, Value] = {
            "activity": "stream",
            **self._acting(process),
            "path": f"{path}:Zone.Identifier",
            "sha256": sha256,
            "content": content,
        }
        self.endpoint("file_activity", 15, at, process.host, values)

    def value_set(self, process: Process, at: datetime, key_path: str, data: str) -> None:
        """The program set a registry value."""
        values: dict[str, Value] = {
            "activity": "set",
            **self._acting(process),
            "key_path": key_path,
            "value_data": data,
        }
        self.endpoint("registry_activity", 13, at, process.host, values)

    def module_loaded(self, process: Process, at: datetime, path: str, signed: bool = True) -> None:
        """The program loaded a library."""
        values: dict[str, Value] = {
            **self._acting(process),
            "module_path": path,
            "signed": signed,
            "signature": "Microsoft Windows" if signed else None,
            "sha256": digest(path.lower(), 64),
        }
        self.endpoint("module_activity", 7, at, process.host, values)

    def task_made(
        self,
        process: Process,
        at: datetime,
        task_name: str,
        command: str,
        arguments: str,
        trigger: str = "<LogonTrigger><Enabled>true</Enabled></LogonTrigger>",
    ) -> None:
        """The program registered a scheduled task: Security 4698 with its client process."""
        definition = (
            '<?xml version="1.0" encoding="UTF-16"?>\r\n<Task version="1.2" xmlns='
            '"http://schemas.microsoft.com/windows/2004/02/mit/task">\r\n'
            f"  <Triggers>{trigger}</Triggers>\r\n"
            f"  <Actions><Exec><Command>{command}</Command>"
            f"<Arguments>{arguments}</Arguments></Exec></Actions>\r\n</Task>"
        )
        values: dict[str, Value] = {
            "activity": "create",
            "task_name": task_name,
            "command": command,
            "arguments": arguments,
            "content": definition,
            "process_id": process.pid,
            "logon_id": process.logon_id,
            "user": process.user,
        }
        self.endpoint("scheduled_job_activity", 4698, at, process.host, values)

    def service_made(
        self, process: Process, at: datetime, name: str, image_path: str, session_of: str = ""
    ) -> None:
        """The program installed a service, for another account's session where `session_of` names
        it: Security 4697."""
        caller = session_of or process.user
        values: dict[str, Value] = {
            "activity": "create",
            "service_name": name,
            "image_path": image_path,
            "start_type": "2",
            "account": "LocalSystem",
            "process_id": process.pid,
            "logon_id": logon_id(process.host, caller),
            "user": caller,
        }
        self.endpoint("service_activity", 4697, at, process.host, values)

    def signed_in(
        self,
        host: Host,
        at: datetime,
        user: str,
        logon_type: int,
        success: bool = True,
        from_ip: str | None = None,
        workstation: str | None = None,
    ) -> None:
        """Somebody signed in to the machine, or failed to: Security 4624 or 4625."""
        domain, account = user.split("\\")
        values: dict[str, Value] = {
            "activity": "logon",
            "success": success,
            "user": user,
            "domain": domain,
            "logon_type": logon_type,
            "logon_id": logon_id(host, user) if success else None,
            "protocol": "Kerberos" if logon_type == 3 else "Negotiate",
            "status": None if success else "0xc000006a",
            "workstation": workstation or host.name.upper(),
            "caller_user": f"{NT_DOMAIN}\\{host.name.upper()}$",
            "process_id": 752,
            "image": "C:\\Windows\\System32\\svchost.exe",
        }
        code = 4624 if success else 4625
        self.endpoint("authentication", code, at, host, values, account=account, client_ip=from_ip)

    def signed_out(self, host: Host, at: datetime, user: str, logon_type: int) -> None:
        """Somebody left: Security 4634."""
        domain, account = user.split("\\")
        values: dict[str, Value] = {
            "activity": "logoff",
            "success": True,
            "user": user,
            "domain": domain,
            "logon_type": logon_type,
            "logon_id": logon_id(host, user),
        }
        self.endpoint("authentication", 4634, at, host, values, account=account)

    def share_read(
        self,
        server: Host,
        at: datetime,
        user: str,
        share: str,
        path: str,
        from_ip: str,
        write: bool = False,
    ) -> None:
        """Somebody opened a file of a share from another machine: Security 5145."""
        values: dict[str, Value] = {
            "activity": "write" if write else "read",
            "user": user,
            "resource": path,
            "share": share,
            "service": "smb",
        }
        extra: dict[str, Value] = {"logon_id": logon_id(server, user)}
        self.endpoint("web_resource_activity", 5145, at, server, values, client_ip=from_ip, **extra)

    def ticket(self, controller: Host, at: datetime, user: str, from_ip: str) -> None:
        """The controller gave out a ticket: Security 4768."""
        domain, account = user.split("\\")
        values: dict[str, Value] = {
            "activity": "ticket",
            "success": True,
            "user": user,
            "domain": domain,
            "protocol": "Kerberos",
            "status": "0x0",
            "target_server": "krbtgt",
        }
        self.endpoint(
            "authentication", 4768, at, controller, values, account=account, client_ip=from_ip
        )

    def account_made(self, controller: Host, at: datetime, user: str, actor: str) -> None:
        """An administrator made an account: Security 4720."""
        values: dict[str, Value] = {
            "activity": "create",
            "user": user,
            "actor": actor,
            "logon_id": logon_id(controller, actor),
        }
        self.endpoint("account_change", 4720, at, controller, values)

    def script_run(self, process: Process, at: datetime, path: str, text: str) -> None:
        """PowerShell logged the script that it ran: 4104."""
        values: dict[str, Value] = {
            "engine": "powershell",
            "script_id": f"{digest(path, 8)}-0000-4000-8000-{digest(text, 12)}".upper(),
            "part": 1,
            "parts": 1,
            "path": path,
            "text": text,
            "process_id": process.pid,
            "user": process.user,
        }
        self.endpoint("script_activity", 4104, at, process.host, values)

    # The network, as the sensor and the machine see it.

    def lease(self, host: Host, at: datetime) -> None:
        """The machine asked for its address and got it."""
        address = self.address(host, at)
        values: dict[str, Value] = {
            "activity": "lease",
            "mac": host.mac,
            "host_name": host.name,
            "domain": DOMAIN,
            "server_ip": self.resolver(host.site),
            "lease_s": self.LEASE_HOURS * 3600,
        }
        self.sensor("dhcp_activity", at, host.site, address, values, uid=self.uid("C", at))

    def lookup(
        self,
        host: Host,
        at: datetime,
        name: str,
        process: Process | None = None,
        rcode: str = "NOERROR",
        types: Sequence[str] | None = None,
        ttl_s: int = 600,
        answer: str | None = None,
    ) -> str | None:
        """Ask the site's resolver for a name; gives the address, or None when there is none.

        A name that this host got a short while ago is answered from its own cache and leaves no
        trace.
        """
        found = None if rcode != "NOERROR" else answer or address_of(name)
        if self._cached(f"{host.name}/{name}", at, ttl_s if found else 0):
            return found
        asked = types or (("A", "AAAA") if host.asks_ipv6 else ("A",))
        answers: list[str] = []
        for i, query_type in enumerate(asked):
            given = self._answers(name, query_type, found)
            answers += given
            moment = at + timedelta(microseconds=i * 310)
            self._sensor_lookup(
                host.site, self.address(host, at), moment, name, query_type, rcode, given, ttl_s
            )
        if process and (rcode != "NOERROR" or process.file_name not in _BROWSERS):
            self._endpoint_lookup(process, at, name, rcode, answers)
        return found

    def _cached(self, key: str, at: datetime, ttl_s: int) -> bool:
        # Activities are not told in order of time: an answer of later serves nothing now.
        since, until = self._known_names.get(key, (at, at))
        if since <= at < until:
            return True
        self._known_names[key] = (at, at + timedelta(seconds=ttl_s))
        return False

    def _answers(self, name: str, query_type: str, found: str | None) -> list[str]:
        if found is None:
            return []
        if query_type == "AAAA":
            # Half of the outside has no IPv6, which is an answer without records, not a failure.
            has_ipv6 = int(digest(name, 2), 16) % 2 and not found.startswith("192.")
            return [address6_of(name)] if has_ipv6 and found not in CONTROL_ADDRESSES else []
        return [found]

    def _sensor_lookup(
        self,
        site: Site,
        client_ip: str,
        at: datetime,
        name: str,
        query_type: str,
        rcode: str,
        answers: Sequence[str],
        ttl_s: int,
    ) -> None:
        random = self.random("dns", site.name, name, at)
        outside = not name.endswith(f".{DOMAIN}")
        misses = outside and not self._cached(f"{site.name}/{name}/{query_type}", at, ttl_s)
        rtt_ms = round(random.uniform(8, 60) if misses else random.uniform(0.3, 1.5), 1)
        values: dict[str, Value] = {
            "uid": self.uid("C", at),
            "client_port": self.port(client_ip),
            "server_ip": self.resolver(site),
            "server_port": 53,
            "transport": "udp",
            "transaction_id": random.randrange(65536),
            "query": name,
            "query_type": query_type,
            "rcode": rcode,
            "answers": list(answers) or None,
            "ttl_s": [ttl_s] * len(answers) or None,
            "rtt_ms": rtt_ms,
        }
        self.sensor("dns_activity", at, site, client_ip, values)
        if misses and site.sees_forwarding:
            forwarded = {
                **values,
                "uid": self.uid("C", at),
                "client_port": self.port(self.resolver(site)),
                "server_ip": UPSTREAM_RESOLVER,
                "rtt_ms": round(rtt_ms - 0.4, 1),
                "transaction_id": random.randrange(65536),
            }
            later = at + timedelta(microseconds=420)
            self.sensor("dns_activity", later, site, self.resolver(site), forwarded)

    def _endpoint_lookup(
        self, process: Process, at: datetime, name: str, rcode: str, answers: Sequence[str]
    ) -> None:
        values: dict[str, Value] = {
            **self._acting(process),
            "query": name,
            "rcode": rcode,
            "answers": list(answers) or None,
        }
        self.endpoint("dns_activity", 22, at, process.host, values)

    def connect(
        self,
        host: Host,
        at: datetime,
        server_ip: str,
        server_port: int,
        service: str | None,
        bytes_out: int,
        bytes_in: int,
        duration_s: float,
        transport: str = "tcp",
        process: Process | None = None,
        server_name: str | None = None,
    ) -> tuple[str, int]:
        """One connection as the sensor sees it; with `process`, as the endpoint does too."""
        uid, port, client_ip = self.uid("C", at), self.port(host.name), self.address(host, at)
        values: dict[str, Value] = {
            "uid": uid,
            "client_port": port,
            "server_ip": server_ip,
            "server_port": server_port,
            "transport": transport,
            "service": service,
            "duration_s": round(duration_s, 3),
            "bytes_out": bytes_out,
            "bytes_in": bytes_in,
            "packets_out": 5 + bytes_out // 1200 + bytes_in // 4000,
            "packets_in": 4 + bytes_in // 1400,
            "state": "SF",
            "history": "Dd" if transport == "udp" else "ShADadFf",
            "is_open": False,
        }
        self.sensor("network_activity", at, host.site, client_ip, values)
        if process:
            seen: dict[str, Value] = {
                **self._acting(process),
                "client_port": port,
                "server_ip": server_ip,
                "server_port": server_port,
                "server_name": server_name,
                "transport": transport,
                "initiated": True,
            }
            self.endpoint("network_activity", 3, at, host, seen, client_ip=client_ip)
        return uid, port

    def http(
        self,
        host: Host,
        at: datetime,
        name: str,
        server_ip: str,
        method: str,
        uri: str,
        user_agent: str,
        request_bytes: int,
        response_bytes: int,
        status: int = 200,
        request_mime: str | None = None,
        response_mime: str | None = None,
        process: Process | None = None,
        file_name: str | None = None,
    ) -> None:
        """One plain HTTP exchange: connection, request and the files that it carried."""
        random = self.random("http", host.name, name, at)
        duration_s = random.uniform(0.05, 0.6) + response_bytes / 2e6
        uid, port = self.connect(
            host,
            at,
            server_ip,
            80,
            "http",
            request_bytes + 180 + len(uri),
            response_bytes + 240,
            duration_s,
            process=process,
            server_name=name,
        )
        moment = at + timedelta(milliseconds=random.randrange(5, 40))
        sizes = ((request_bytes, request_mime, True), (response_bytes, response_mime, False))
        file_uids = [
            self._file_seen(host, moment, uid, server_ip, mime, size, is_upload, name, file_name)
            for size, mime, is_upload in sizes
            if size and mime
        ]
        values: dict[str, Value] = {
            "uid": uid,
            "client_port": port,
            "server_ip": server_ip,
            "server_port": 80,
            "method": method,
            "host": name,
            "uri": uri,
            "user_agent": user_agent,
            "request_body_bytes": request_bytes,
            "response_body_bytes": response_bytes,
            "status_code": status,
            "request_mime": request_mime if request_bytes else None,
            "response_mime": response_mime if response_bytes else None,
            "file_uids": file_uids or None,
            "is_open": False,
        }
        self.sensor("http_activity", moment, host.site, self.address(host, at), values)

    def _file_seen(
        self,
        host: Host,
        at: datetime,
        uid: str,
        server_ip: str,
        mime: str,
        size: int,
        is_upload: bool,
        name: str,
        file_name: str | None,
    ) -> str:
        file_uid = self.uid("F", at)
        values: dict[str, Value] = {
            "uid": uid,
            "file_uid": file_uid,
            "server_ip": server_ip,
            "protocol": "http",
            "mime_type": mime,
            "file_name": None if is_upload else file_name,
            "bytes": size,
            "is_upload": is_upload,
            "sha256": digest(f"{name}/{file_name}", 64) if file_name and not is_upload else None,
        }
        self.sensor("network_file_activity", at, host.site, self.address(host, at), values)
        return file_uid

    def tls(
        self,
        host: Host,
        at: datetime,
        name: str,
        server_ip: str,
        bytes_out: int,
        bytes_in: int,
        client: str = "browser",
        process: Process | None = None,
        duration_s: float | None = None,
    ) -> None:
        """One TLS connection; `client` names the program whose fingerprint the sensor sees."""
        random = self.random("tls", host.name, name, at)
        lasted = duration_s if duration_s is not None else random.uniform(0.2, 90)
        uid, port = self.connect(
            host,
            at,
            server_ip,
            443,
            "ssl",
            bytes_out,
            bytes_in,
            lasted,
            process=process,
            server_name=name,
        )
        values: dict[str, Value] = {
            "uid": uid,
            "client_port": port,
            "server_ip": server_ip,
            "server_port": 443,
            "version": "TLSv13" if client == "browser" else "TLSv12",
            "cipher": "TLS_AES_128_GCM_SHA256"
            if client == "browser"
            else "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "sni": name,
            "established": True,
            "resumed": random.random() < 0.2,
            "alpn": "h2" if client == "browser" else None,
            "ja3": digest(f"ja3/{client}", 32),
            "ja3s": digest(f"ja3s/{name[-12:]}", 32),
            "is_open": False,
        }
        moment = at + timedelta(milliseconds=random.randrange(8, 50))
        self.sensor("tls_activity", moment, host.site, self.address(host, at), values)

    def mail(self, at: datetime, site: Site, values: Mapping[str, Value], **extra: Value) -> None:
        """One message that reached the gateway."""
        self.events.append(
            Event("email_activity", "mail", at, site.name, "gateway", None, None, values, extra)
        )
