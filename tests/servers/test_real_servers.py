"""Logs written by real servers on loopback: unbound, BIND, dnsmasq, Squid, NetFlow (Debian's).

`make servers` installs them; without one of them its test is skipped, with the reason.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from kizashi import pipeline
from kizashi.config import Config
from kizashi.schema import tables

NAMES = ("www.example", "missing.example")


def _needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"{program} is not installed: make servers"
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(*command: str) -> Iterator[None]:
    """The server in the foreground, ended at the end."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def question(name: str, number: int) -> bytes:
    """A DNS query for an A record."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    head = number.to_bytes(2, "big") + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    return head + labels + b"\x00\x00\x01\x00\x01"


def ask(port: int) -> None:
    """Both names once, waiting for the server to come up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        for number, name in enumerate(NAMES, 1):
            for _attempt in range(40):
                client.sendto(question(name, number), ("127.0.0.1", port))
                try:
                    client.recv(512)
                    break
                except (TimeoutError, ConnectionRefusedError):
                    time.sleep(0.2)
            else:
                raise AssertionError(f"no answer on port {port}")


def rows(log: Path, table: str, columns: str, lake: Path) -> list[tuple[object, ...]]:
    """The file's source, then what it says in one table, each line once."""
    (line,) = pipeline.read(lake, [log], Config())
    assert (line.rejected, line.read) == (0, line.stored), line
    with pipeline.open_settled(lake) as con:
        assert table in tables()
        found = con.execute(f"SELECT DISTINCT source, {columns} FROM {table} ORDER BY ALL")
        return [tuple(row) for row in found.fetchall()]


@_needs("unbound")
def test_unbound_logs_who_asked_and_what_failed(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "queries.log"
    config = tmp_path / "unbound.conf"
    config.write_text(
        f"""server:
  interface: 127.0.0.1
  port: {port}
  username: ""
  chroot: ""
  directory: "{tmp_path}"
  pidfile: "{tmp_path}/pid"
  use-syslog: no
  logfile: "{log}"
  log-replies: yes
  local-zone: "example." static
  local-data: "www.example. IN A 192.0.2.80"
  trust-anchor-file: ""
  module-config: "iterator"
remote-control:
  control-enable: no
"""
    )
    with running("unbound", "-d", "-c", str(config)):
        ask(port)
    assert rows(log, "dns_activity", "client_ip, query, rcode", tmp_path / "lake") == [
        ("unbound", "127.0.0.1", "missing.example", "NXDOMAIN"),
        ("unbound", "127.0.0.1", "www.example", "NOERROR"),
    ]


@_needs("named")
def test_bind_logs_questions_only(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "queries.log"
    (tmp_path / "zone").write_text(
        "$TTL 60\n@ IN SOA ns.example. root.example. 1 60 60 60 60\n@ IN NS ns.example.\n"
        "ns IN A 127.0.0.1\nwww IN A 192.0.2.80\n"
    )
    config = tmp_path / "named.conf"
    config.write_text(
        f"""options {{ directory "{tmp_path}"; listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }}; pid-file "{tmp_path}/pid"; session-keyfile "{tmp_path}/key";
  recursion no; querylog yes; dnssec-validation no; }};
logging {{ channel q {{ file "{log}"; print-time yes; print-category yes; print-severity yes; }};
  category queries {{ q; }}; category query-errors {{ q; }}; }};
zone "example" {{ type master; file "{tmp_path}/zone"; }};
"""
    )
    with running("named", "-f", "-c", str(config)):
        ask(port)
    assert rows(log, "dns_activity", "client_ip, query, query_type, rcode", tmp_path / "lake") == [
        ("named", "127.0.0.1", "missing.example", "A", None),
        ("named", "127.0.0.1", "www.example", "A", None),
    ]


@_needs("dnsmasq")
def test_dnsmasq_logs_questions_and_answers_of_a_client(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "queries.log"
    empty = tmp_path / "empty"
    empty.touch()
    with running(
        "dnsmasq", "--no-daemon", f"--port={port}", "--no-resolv", "--no-hosts",
        "--listen-address=127.0.0.1", "--bind-interfaces", "--log-queries=extra",
        f"--log-facility={log}", "--address=/www.example/192.0.2.80", "--local=/example/",
        f"--conf-file={empty}", f"--pid-file={tmp_path}/pid",
        f"--user={os.environ.get('USER', 'root')}",
    ):  # fmt: skip
        ask(port)
    found = rows(log, "dns_activity", "client_ip, query, rcode, answers", tmp_path / "lake")
    assert ("dnsmasq", "127.0.0.1", "missing.example", "NXDOMAIN", None) in found
    assert ("dnsmasq", "127.0.0.1", "www.example", "NOERROR", ["192.0.2.80"]) in found
    assert ("dnsmasq", "127.0.0.1", "www.example", None, None) in found


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_said: object) -> None:
        pass


@_needs("squid")
def test_squid_logs_get_and_post_in_both_forms(tmp_path: Path) -> None:
    port = free_port()
    # Squid gives up root's rights, so its logs lie where every account may write.
    own = Path(tempfile.mkdtemp(prefix="kizashi-squid-", dir="/tmp"))
    own.chmod(0o777)
    native, combined = own / "access.log", own / "combined.log"
    for log in (native, combined, own / "cache.log"):
        log.touch()
        log.chmod(0o666)
    config = tmp_path / "squid.conf"
    config.write_text(
        f"""http_port 127.0.0.1:{port}
pid_filename none
cache_log {own}/cache.log
access_log stdio:{native} squid
access_log stdio:{combined} combined
cache deny all
http_access allow all
coredump_dir {own}
shutdown_lifetime 0 seconds
pinger_enable off
"""
    )
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{site.server_port}/a"
    proxy = urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{port}"})
    opener = urllib.request.build_opener(proxy)
    with running("squid", "-N", "-f", str(config)):
        for _attempt in range(60):
            try:
                opener.open(url, timeout=2).close()
                break
            except OSError:
                time.sleep(0.25)
        opener.open(url, data=b"x=1", timeout=5).close()
    site.shutdown()
    site.server_close()
    for log, source in ((native, "squid"), (combined, "squid_combined")):
        lake = tmp_path / f"lake-{source}"
        found = rows(log, "http_activity", "client_ip, method, host, uri, status_code", lake)
        assert found == [
            (source, "127.0.0.1", "GET", "127.0.0.1", "/a", 200),
            (source, "127.0.0.1", "POST", "127.0.0.1", "/a", 200),
        ]
    shutil.rmtree(own)


FLOW_TOOLS = ("nfcapd", "softflowd", "nfdump")


def packet(client: str, server: str, transport: int, ports: tuple[int, int], data: bytes) -> bytes:
    """An IPv4 packet with TCP (17: UDP) inside; nobody checks the sums."""
    source, target = (bytes(map(int, ip.split("."))) for ip in (client, server))
    if transport == 17:
        inner = struct.pack(">HHHH", *ports, 8 + len(data), 0) + data
    else:
        inner = struct.pack(">HHIIBBHHH", *ports, 1, 1, 0x50, 0x18, 1000, 0, 0) + data
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(inner), 1, 0, 64, transport, 0, source, target
    )
    return head + inner


def capture(path: Path) -> None:
    """A look-up and a POST, each answered, as raw IP in the classic capture format."""
    begin, client = 1772409600, "192.0.2.10"
    said = [
        packet(client, "192.0.2.1", 17, (40000, 53), b"q" * 30),
        packet("192.0.2.1", client, 17, (53, 40000), b"r" * 60),
        packet(client, "198.51.100.7", 6, (50000, 443), b"x" * 700),
        packet("198.51.100.7", client, 6, (443, 50000), b"y" * 100),
    ]
    records = b"".join(
        struct.pack("<IIII", begin + n, 0, len(one), len(one)) + one for n, one in enumerate(said)
    )
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101) + records)


@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in FLOW_TOOLS),
    reason=f"one of {', '.join(FLOW_TOOLS)} is not installed: make servers",
)
@pytest.mark.parametrize("version", ["5", "9", "10"])
@pytest.mark.parametrize("options", [["-B", "-o", "csv"], ["-o", "csv"], ["-o", "json"]])
def test_flows_keep_who_asked_whichever_way_they_are_told(
    tmp_path: Path, version: str, options: list[str]
) -> None:
    port, flows = free_port(), tmp_path / "flows"
    flows.mkdir()
    capture(tmp_path / "some.pcap")
    exporter = ["softflowd", "-r", str(tmp_path / "some.pcap"), "-v", version]
    with running("nfcapd", "-w", str(flows), "-p", str(port), "-b", "127.0.0.1"):
        time.sleep(1)
        to = ["-n", f"127.0.0.1:{port}"]
        subprocess.run([*exporter, *to], check=True, capture_output=True, timeout=60)
        time.sleep(1)
    log = tmp_path / f"flows.{options[-1]}"
    told = subprocess.run(["nfdump", "-R", str(flows), *options], check=True, capture_output=True)
    log.write_bytes(told.stdout)
    found = rows(
        log,
        "network_activity",
        "client_ip, server_ip, server_port, transport, nullif(bytes_out, 0), nullif(bytes_in, 0)",
        tmp_path / "lake",
    )
    ask, answer = (58, 88), (740, 140)
    ways = [("192.0.2.1", 53, "udp", ask), ("198.51.100.7", 443, "tcp", answer)]
    both = [("nfdump", "192.0.2.10", *way[:3], *way[3]) for way in ways]
    each = [
        ("nfdump", "192.0.2.10", *way[:3], *sizes)
        for way in ways
        for sizes in ((way[3][0], None), (None, way[3][1]))
    ]
    assert found == (both if "-B" in options else each)
