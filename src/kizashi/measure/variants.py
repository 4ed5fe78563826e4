"""How the same life looks to others: fewer logs, wrong clocks, shared addresses.

A variant changes each event as an observer would, or drops it. It is applied to ordinary life and
to attacks alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from kizashi.measure.events import Event, digest

Change = Callable[[Event], Event | None]
_SYSMON = {
    1: "sysmon processes", 5: "sysmon processes", 3: "sysmon network", 22: "sysmon network",
    7: "sysmon files", 11: "sysmon files", 15: "sysmon files", 13: "sysmon registry",
}  # fmt: skip
_OTHER = {"mail": "mail gateway", "o365": "cloud audit", "fortigate": "vpn gateway"}
LOGS = (
    "mail gateway", "sensor dns_activity", "sensor network_activity", "sensor http_activity",
    "sensor tls_activity", "sensor network_file_activity", "sensor dhcp_activity",
    "sysmon processes", "sysmon network", "sysmon files", "sysmon registry", "security log",
    "powershell log", "cloud audit", "vpn gateway",
)  # fmt: skip
GATEWAY = {"tokyo": "192.0.2.254", "ankara": "198.51.100.254"}
PROXY = {"tokyo": "192.0.2.30", "ankara": "198.51.100.30"}


@dataclass(frozen=True, slots=True)
class Variant:
    """A way of seeing. `swaps` has laptops change addresses at noon."""

    name: str
    change: Change
    swaps: bool = False


def log_of(event: Event) -> str:
    """Which log holds the event: what an organisation collects, or does not, as one."""
    if event.source in _OTHER:
        return _OTHER[event.source]
    if event.source == "zeek":
        return f"sensor {event.table}"
    code = int(str(event.extra["code"]))
    return _SYSMON.get(code, "powershell log" if code == 4104 else "security log")


def whole(event: Event) -> Event | None:
    """Everything that is logged."""
    return event


def half(number: int) -> Variant:
    """Half of the logs, drawn by number, are not collected."""
    kept = frozenset(Random(f"half/{number}").sample(LOGS, (len(LOGS) + number % 2) // 2))
    return Variant(f"half-{number}", _Keeps(kept))


@dataclass(frozen=True, slots=True)
class _Keeps:
    logs: frozenset[str]

    def __call__(self, event: Event) -> Event | None:
        return event if log_of(event) in self.logs else None


def _later(event: Event, by: timedelta) -> Event:
    values = dict(event.values)
    moment = values.get("time_alt")
    if moment is not None and event.source == "windows":
        values["time_alt"] = event.time + by
    return replace(event, time=event.time + by, values=values)


def endpoint_zone(event: Event) -> Event | None:
    """The endpoints of Ankara write the zone of Tokyo: six hours off."""
    if event.source == "windows" and event.site == "ankara":
        return _later(event, timedelta(hours=6))
    return event


def sensor_minutes(event: Event) -> Event | None:
    """Tokyo's sensor is seven minutes ahead, Ankara's eleven behind."""
    if event.source == "zeek":
        return _later(event, timedelta(minutes=7 if event.site == "tokyo" else -11))
    return event


def drift(event: Event) -> Event | None:
    """Every machine's clock drifts its own way, up to 20 seconds a day."""
    if event.source == "windows" and event.device:
        rate = (int(digest(event.device, 4), 16) % 41 - 20) / 86_400
        since = (event.time - event.time.replace(day=1, month=4, hour=0)).total_seconds()
        return _later(event, timedelta(milliseconds=round(since * rate * 1000)))
    return event


def behind_nat(event: Event) -> Event | None:
    """The sensor stands outside a translator: every client has the gateway's address."""
    if event.source == "zeek" and event.table != "dhcp_activity":
        return replace(event, client_ip=GATEWAY[event.site])
    return None if event.table == "dhcp_activity" else event


def behind_proxy(event: Event) -> Event | None:
    """The sensor stands outside a proxy that says whom it asks for (X-Forwarded-For)."""
    if event.source != "zeek" or event.table == "dhcp_activity":
        return event
    if event.table == "http_activity" and event.client_ip:
        extra = {**event.extra, "proxied": [f"X-FORWARDED-FOR -> {event.client_ip}"]}
        return replace(event, client_ip=PROXY[event.site], extra=extra)
    if event.table in ("network_activity", "network_file_activity", "tls_activity"):
        return replace(event, client_ip=PROXY[event.site])
    return event


def sensor_only(event: Event) -> Event | None:
    """No machine logs anything itself: addresses are all that names a host."""
    return event if event.source != "windows" else None


def proxy_only(event: Event) -> Event | None:
    """A proxy that says whom it asks for, and no machine that logs anything itself."""
    return behind_proxy(event) if event.source != "windows" else None


WHOLE = Variant("whole", whole)
CLOCKS = (
    Variant("zone", endpoint_zone),
    Variant("minutes", sensor_minutes),
    Variant("drift", drift),
)
ADDRESSES = (
    Variant("leases", sensor_only, swaps=True),
    Variant("nat", behind_nat),
    Variant("forwarded", behind_proxy),
    Variant("forwarded-alone", proxy_only),
)
