"""The path of a message: Received fields, the address that handed it to the gateway, and when.

Fields are put on top as a message travels, so the topmost ones were written here and the lower ones
by whoever sent it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime

from kizashi.sources.mail import limits
from kizashi.sources.mail.fields import Header, parse_date, unfold

_INTERNAL = tuple(
    ipaddress.ip_network(net)
    for net in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "0.0.0.0/8",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
_BY = re.compile(r"(?:^|\s)by\s+([^\s;()]+)", re.I)
_FOR = re.compile(r"\sfor\s+<([^\s<>]{1,320}@[^\s<>]{1,320})>", re.I)
_HELO = re.compile(r"\bhelo[ =]\S*", re.I)
_ADDRESS = re.compile(
    r"(?<![\w.:-])(?:IPv6:)?(\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}:[0-9a-f:.]{2,45})", re.I
)
_COMMENT = re.compile(r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?", re.I)
_SECOND_LEVEL = frozenset(
    [
        "ac",
        "ad",
        "co",
        "com",
        "ed",
        "edu",
        "go",
        "gob",
        "gov",
        "gr",
        "lg",
        "mil",
        "ne",
        "net",
        "or",
        "org",
    ]
)
# Exchange Online writes all three into the path of one message.
_SAME_PROVIDER = {"office365.com": "outlook.com", "exchangelabs.com": "outlook.com"}


@dataclass(frozen=True, slots=True)
class Hop:
    """One Received field: its place among all fields, who took the message from where, and when."""

    place: int
    by: str
    from_host: str
    from_ip: str | None
    recipient: str | None
    time: datetime | None


@dataclass(frozen=True, slots=True)
class Path:
    """The hops, topmost first, and the place of the one where the message came from outside."""

    hops: tuple[Hop, ...]
    count: int
    entry: Hop | None

    @property
    def arrival(self) -> Hop | None:
        """The topmost dated hop of the organisation's own servers."""
        own = self.hops[: self.hops.index(self.entry) + 1] if self.entry else self.hops
        return next((hop for hop in own if hop.time), None)


def organisation(host: str) -> str:
    """The part of a name that an organisation owns, by its shape: two labels, three below co.jp."""
    labels = host.lower().strip(".").split(".")
    deep = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    name = ".".join(labels[-3:] if deep else labels[-2:])
    return _SAME_PROVIDER.get(name, name)


def is_internal(address: str) -> bool:
    """True for an address that only the organisation itself can use."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in net for net in _INTERNAL if net.version == parsed.version)


def valid_address(text: str) -> str | None:
    """The address in its usual spelling, IPv4 inside IPv6 as IPv4; None when it is none."""
    try:
        parsed = ipaddress.ip_address(text.rstrip(".:"))
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def read_path(header: Header) -> Path:
    """The hops of a message; the entry is the first whose sender is outside by best reading."""
    places = [place for place, (name, _value) in enumerate(header.fields) if name == "received"]
    hops = tuple(_read_hop(place, header.fields[place][1]) for place in places[: limits.HOPS])
    return Path(hops, len(places), _find_entry(hops))


def _find_entry(hops: tuple[Hop, ...]) -> Hop | None:
    own: set[str] = set()
    for hop in hops:
        own |= {organisation(hop.by)} if hop.by else set()
        # Inside a large provider hops have public addresses and names of one organisation.
        outside = organisation(hop.from_host) not in own
        if hop.from_ip is not None and not is_internal(hop.from_ip) and outside:
            return hop
    return None


def _read_hop(place: int, raw: bytes) -> Hop:
    text = unfold(raw[: limits.FIELD_BYTES])[:4_096]
    trace, _, date = text.rpartition(";")
    bare = _COMMENT.sub(" ", trace or text)
    by = _BY.search(bare)
    sender = _sender_part(trace or text)
    recipient = _FOR.search(bare)
    return Hop(
        place,
        by[1].lower() if by else "",
        _sender_host(sender),
        _sender_address(sender),
        recipient[1].lower() if recipient else None,
        parse_date(_COMMENT.sub(" ", date)),
    )


def _sender_part(trace: str) -> str:
    if not trace.lower().startswith("from "):
        return ""
    by = _BY.search(trace, 5)
    return trace[5 : by.start()] if by else trace[5:]


def _sender_host(sender: str) -> str:
    # Postfix and Sendmail write: helo (verified-name [address]); only the second is checked.
    verified = re.search(r"\(([a-z0-9_.-]{1,255}) \[", sender, re.I)
    named = verified or _HOST.match(sender)
    return (named[1] if verified and named else named[0] if named else "").lower()


def _sender_address(sender: str) -> str | None:
    inside = " ".join(_COMMENT.findall(sender))
    bracketed = re.findall(r"\[([^\[\]\s]{2,60})\]", inside)
    outside = _COMMENT.sub(" ", sender)
    texts = (" ".join(bracketed), _HELO.sub(" ", inside), outside)
    for text in texts:
        for match in _ADDRESS.finditer(text):
            address = valid_address(match[1])
            if address is not None:
                return address
    return None
