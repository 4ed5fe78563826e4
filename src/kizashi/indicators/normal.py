"""One indicator as logs would write it: refanged, width and case folded, its kind told. Or refused,
with the reason.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Collection

KINDS = ("name", "address", "network", "url", "hash", "mail", "file")
_DOT = re.compile(r"\s*[\[({<]\s*(?:\.|dot)\s*[\])}>]\s*|\\\.|[。．｡]", re.IGNORECASE)
_AT = re.compile(r"\s*[\[({<]\s*(?:@|at)\s*[\])}>]\s*", re.IGNORECASE)
_COLON = re.compile(r"[\[({](?::|://)[\])}]")
_SCHEME = re.compile(r"^(?:h[tx]{2}ps?|meow|f[tx]p)(?=:)", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff]")
_HASH_DIGITS = (32, 40, 64)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_MAIL = re.compile(r"[^@\s/]+@[^@\s/]+")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+")
_FEWEST_ADDRESSES_KEPT = {4: 8, 6: 24}  # prefix lengths: a wider network is most of the internet


class Refused(Exception):
    """Why an indicator is not looked for."""


def refanged(text: str) -> str:
    """The text without the marks that keep people from clicking it; width and case folded."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).strip().strip("'\"`,;")
    text = _COLON.sub(lambda m: m[0].strip("[](){}"), text)
    text = _AT.sub("@", _DOT.sub(".", text))
    return _SCHEME.sub(lambda m: "https" if m[0].lower().endswith("s") else "http", text).strip()


def normalised(
    said: str, kind: str, suffixes: Collection[str], own: Collection[str]
) -> tuple[str, str]:
    """(kind, value). `kind` is what the file calls it, or '' to tell from the value. Refused says
    why it would match everything, nothing, or the organisation itself."""
    text = refanged(said)
    if not text:
        raise Refused("it is empty")
    if kind == "file":
        return "file", text.replace("/", "\\").rsplit("\\", 1)[-1].lower()
    lowered = text.lower()
    if re.fullmatch(r"[0-9a-f]+", lowered) and len(lowered) in _HASH_DIGITS:
        return "hash", lowered
    if kind == "hash":
        raise Refused("neither MD5, SHA-1 nor SHA-256: 32, 40 or 64 hex digits")
    address = _address(lowered)
    if address:
        return address
    if kind in ("address", "network"):
        raise Refused("no address and no network")
    if _MAIL.fullmatch(lowered) and kind in ("", "mail"):
        return "mail", lowered
    if _URL.fullmatch(lowered) or kind == "url" or ("/" in lowered and "." in lowered):
        return _url(text, suffixes, own)
    return "name", _name(lowered, suffixes, own)


def _address(text: str) -> tuple[str, str] | None:
    bare = text.strip("[]")
    try:
        if "/" in bare:
            net = ipaddress.ip_network(bare, strict=False)
            if net.num_addresses == 1:
                return "address", _public(str(net.network_address))
            if net.prefixlen < _FEWEST_ADDRESSES_KEPT[net.version]:
                raise Refused(f"/{net.prefixlen} is too wide: it would match honest traffic")
            _public(str(net.network_address))
            return "network", str(net)
        host, colon, port = bare.rpartition(":")
        if colon and port.isdecimal() and host.count(":") == 0:
            bare = host
        return "address", _public(str(ipaddress.ip_address(bare)))
    except ValueError:
        return None


def _public(text: str) -> str:
    address = ipaddress.ip_address(text)
    if address.is_private and not _is_documentation(address):
        raise Refused("a private address: every organisation has one")
    if address.is_loopback or address.is_link_local or address.is_multicast:
        raise Refused("an address that belongs to every machine")
    if address.is_unspecified:
        raise Refused("no machine's address")
    return text


def _is_documentation(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Examples and exercises use them; nobody's network does."""
    nets = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
    return any(
        address in net for net in map(ipaddress.ip_network, nets) if net.version == address.version
    )


def _url(text: str, suffixes: Collection[str], own: Collection[str]) -> tuple[str, str]:
    """A URL as host and path, lower-case host, without scheme, port, account and fragment."""
    rest = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://", "", text)
    place, slash, path = rest.partition("/")
    host = re.sub(r":\d+$", "", place.rpartition("@")[2]).lower()
    path = path.partition("#")[0]
    address = _address(host)
    if address is None:
        host = _name(host, suffixes, own)
        if not path.strip("/"):
            return "name", host
    elif not path.strip("/"):
        return address
    return "url", f"{host}{slash}{path}"


def _name(text: str, suffixes: Collection[str], own: Collection[str]) -> str:
    name = text.strip(".").removeprefix("*.")
    if not name.isascii():
        try:
            name = name.encode("idna").decode()
        except UnicodeError as error:
            raise Refused("a name that DNS cannot hold") from error
    labels = name.split(".")
    if len(labels) < 2 and name not in suffixes:
        raise Refused("neither a name with a dot, an address, a URL, a hash nor a mail address")
    if name in suffixes:
        raise Refused("a public suffix: everybody's names end so")
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdecimal():
        raise Refused("not a name that DNS can hold")
    for domain in own:
        if name == domain or name.endswith("." + domain):
            raise Refused("the organisation's own domain")
    return name
