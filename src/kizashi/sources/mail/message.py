"""One raw message to one row of email_activity."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import orjson

from kizashi.attachments import look
from kizashi.sources.mail import limits
from kizashi.sources.mail.fields import (
    Address,
    Header,
    addresses,
    header_end,
    parse_date,
    parse_header,
    unfold,
)
from kizashi.sources.mail.hops import Path, is_internal, read_path
from kizashi.sources.mail.links import find_links, misleading_links
from kizashi.sources.mail.mailbox import RawMessage
from kizashi.sources.mail.parts import Leaf, Tree, decoded, walk_parts
from kizashi.sources.mail.verdicts import Verdicts, read_verdicts

RECIPIENTS = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc", "bcc")
SENDERS = ("from", "sender", "reply-to", "return-path")
_BODIES = ("text/plain", "text/html", "text/enriched", "text/richtext", "text/x-amp-html")
_CHARSET = re.compile(rb"charset\s{0,10}=\s{0,10}\"?([A-Za-z0-9_.:-]{1,40})", re.I)
# An SMTP dialogue kept as a file: the message begins behind DATA.
_DIALOGUE = re.compile(
    rb"\s*(?:EHLO|HELO|LHLO) [^\n]{0,500}\n(?:[^\n]{0,1000}\n){0,200}?DATA\r?\n", re.I
)
_KEPT = {
    "sender": "sender",
    "list-id": "list_id",
    "in-reply-to": "in_reply_to",
    "x-mailer": "mailer",
    "user-agent": "mailer",
    "x-originating-ip": "originating_ip",
    "auto-submitted": "auto_submitted",
    "precedence": "precedence",
}


class NotAMessageError(ValueError):
    """The bytes hold no header field that mail has."""


class _Content(NamedTuple):
    links: list[str]
    attachments: list[dict[str, Any]]
    findings: list[str]
    members: list[str]
    truncated: bool


def to_row(message: RawMessage) -> dict[str, Any]:
    """Columns of one message; NotAMessageError when it has no header."""
    if message.is_rest:
        raise NotAMessageError("the rest of a message that was read while it was being written")
    raw, start = message.raw, message_start(message.raw)
    body = header_end(raw, start, len(raw))
    header = parse_header(raw[start:body], limits.HEADER_BYTES, limits.FIELDS)
    if not any(name in ("from", "to", "subject", "date", "received") for name, _ in header.fields):
        raise NotAMessageError("no From, To, Subject, Date or Received field")
    charset = _usual_charset(raw)
    path = read_path(header)
    tree = walk_parts(raw, body, header, message.whole)
    content = _read_content(raw, tree)
    recipients, too_many = _recipients(header, path, charset)
    truncated = header.truncated or tree.truncated or content.truncated or too_many
    return {
        "record_no": message.record_no,
        "natural_key": natural_key(raw),
        **_times(header, path),
        **_senders(header, path, charset, message.envelope),
        "message_id": _message_id(header),
        "subject": (header.text("subject", charset) or "")[: limits.SUBJECT_CHARACTERS] or None,
        "to_addresses": recipients,
        "received_hops": min(path.count, 65_535),
        "links": content.links,
        "attachments": content.attachments,
        "findings": content.findings,
        "members": content.members,
        "bytes": message.size,
        "truncated": truncated,
    }


def message_start(raw: bytes) -> int:
    """Where the header begins: behind a byte order mark, empty lines, or an SMTP dialogue."""
    start = 3 if raw.startswith(b"\xef\xbb\xbf") else 0
    start += len(raw[start : start + 64]) - len(raw[start : start + 64].lstrip())
    dialogue = _DIALOGUE.match(raw, start, start + 65_536)
    return dialogue.end() if dialogue else start


def natural_key(raw: bytes) -> int:
    """The message's own identity: the same bytes in another file or another box add nothing."""
    same = raw.replace(b"\r\n", b"\n").rstrip(b"\n")
    return int.from_bytes(hashlib.blake2b(same, digest_size=8).digest(), "big")


def _usual_charset(raw: bytes) -> str | None:
    # Raw 8-bit headers are in the character set of the body, when they are in any.
    found = _CHARSET.search(raw, 0, 65_536)
    return found[1].decode("ascii") if found else None


def _times(header: Header, path: Path) -> dict[str, Any]:
    sent = parse_date(unfold(next(header.raw("date"), b"")[:400]))
    arrival = path.arrival
    clock = (arrival.by if arrival else header.text("from") and "sender") or "unknown"
    return {
        "time": arrival.time if arrival else sent,
        "time_alt": sent,
        "clock_id": f"mail:{clock[:255]}",
    }


def _senders(
    header: Header, path: Path, charset: str | None, envelope: str | None
) -> dict[str, Any]:
    sender = _first_address(header, "from", charset)
    from_address = sender.address if sender else None
    verdicts = read_verdicts(header, path, _domain_of(from_address))
    reply_to = _first_address(header, "reply-to", charset)
    return_path = _first_address(header, "return-path", charset)
    return {
        "from_address": from_address,
        "from_name": (sender.name or None) if sender else header.text("from", charset),
        "reply_to": reply_to.address if reply_to else None,
        "return_path": return_path.address if return_path else envelope,
        "spf": verdicts.spf,
        "spf_domain": verdicts.spf_domain,
        "dkim": verdicts.dkim,
        "dkim_domain": verdicts.dkim_domain,
        "dmarc": verdicts.dmarc,
        "compauth": verdicts.compauth,
        "arc": verdicts.arc,
        "sender_ip": _sender_ip(verdicts, path),
        "unmapped": _unmapped(header, charset, verdicts, _domain_of(from_address)),
    }


def _sender_ip(verdicts: Verdicts, path: Path) -> str | None:
    # The gateway's own statement beats our reading of the path.
    if verdicts.sender_ip is not None and not is_internal(verdicts.sender_ip):
        return verdicts.sender_ip
    hops = [hop.from_ip for hop in path.hops if hop.from_ip]
    return path.entry.from_ip if path.entry else next(iter(hops), None)


def _unmapped(
    header: Header, charset: str | None, verdicts: Verdicts, from_domain: str | None
) -> str:
    kept: dict[str, str] = {}
    for name, key in _KEPT.items():
        text = header.text(name, charset)
        if text:
            kept.setdefault(key, text[: limits.SUBJECT_CHARACTERS])
    found = {
        "authserv_id": verdicts.authserv_id,
        "dmarc_policy": verdicts.dmarc_policy,
        "compauth_reason": verdicts.compauth_reason,
        "from_unicode": _shown(from_domain) if from_domain and "xn--" in from_domain else None,
    }
    kept |= {key: value for key, value in found.items() if value}
    return orjson.dumps(kept).decode()


def _shown(domain: str) -> str | None:
    """An internationalised domain as a mail program shows it."""
    try:
        labels = (
            part.encode("ascii")[4:].decode("punycode") if part.startswith("xn--") else part
            for part in domain.split(".")
        )
        return ".".join(labels)[: limits.NAME_CHARACTERS]
    except (UnicodeError, ValueError):
        return None


def _domain_of(address: str | None) -> str | None:
    return address.rpartition("@")[2] or None if address else None


def _message_id(header: Header) -> str | None:
    text = header.text("message-id") or ""
    inside = re.search(r"<([^<>]+)>", text)
    return (inside[1] if inside else text).strip()[: limits.SUBJECT_CHARACTERS] or None


def _first_address(header: Header, name: str, charset: str | None) -> Address | None:
    for value in islice(header.raw(name), 3):
        found = next(addresses(unfold(value[: limits.FIELD_BYTES], charset)), None)
        if found is not None and found.address:
            return found
    return None


def _recipients(header: Header, path: Path, charset: str | None) -> tuple[list[str], bool]:
    """Recipients without repeats, those of the envelope first, and whether some were left out."""
    envelope = (hop.recipient for hop in path.hops[:1] if hop.recipient)
    found: dict[str, None] = dict.fromkeys(envelope)
    for box in _boxes(header, charset):
        if box is None or (len(found) == limits.ADDRESSES and box.address not in found):
            return list(found), True
        if box.address.find("@") > 0:
            found[box.address] = None
    return list(found), False


def _boxes(header: Header, charset: str | None) -> Iterator[Address | None]:
    room = limits.ADDRESS_FIELD_BYTES
    for name in RECIPIENTS:
        for value in header.raw(name):
            if room <= 0:
                yield None
                return
            yield from addresses(unfold(value[:room], charset))
            room -= len(value)


def _read_content(raw: bytes, tree: Tree) -> _Content:
    links = _Links()
    attachments: list[dict[str, Any]] = []
    opened = _Opened()
    text_room, hash_room = limits.TEXT_BYTES, limits.HASHED_BYTES
    truncated = False
    for leaf in tree.leaves:
        attached, readable = is_attachment(leaf), is_text(leaf)
        if not attached and not readable:
            continue
        hash_room -= leaf.end - leaf.start
        content = decoded(raw, leaf) if hash_room >= 0 else b""
        truncated |= hash_room < 0
        if readable:
            body = bytes(content[: max(0, text_room)])
            truncated |= not links.add(leaf, body)
            if leaf.mime_type == "text/html":
                opened.findings |= dict.fromkeys(misleading_links(body, leaf.charset))
            text_room -= len(content)
            truncated |= text_room < 0
        if attached and len(attachments) == limits.ATTACHMENTS:
            truncated = True
        elif attached:
            whole = leaf.whole and hash_room >= 0
            attachments.append(_attachment(leaf, content, whole))
            truncated |= whole and not opened.add(leaf, content)
    findings = list(opened.findings)[: limits.FINDINGS]
    members = list(opened.members)[: limits.MEMBERS]
    return _Content(list(links.found), attachments, findings, members, truncated)


class _Links:
    """The links of one message, as far as they may be looked for."""

    def __init__(self) -> None:
        self.found: dict[str, None] = {}
        self._room = limits.LOOKED_LINKS

    def add(self, leaf: Leaf, body: bytes) -> bool:
        """Add the links of a body; False when a limit was reached."""
        for link in find_links(body, leaf.charset, leaf.mime_type == "text/html"):
            self._room -= 1
            if self._room < 0:
                return False
            if link is None or link in self.found:
                continue
            if len(self.found) == limits.LINKS:
                return False
            self.found[link] = None
        return True


class _Opened:
    """What the attachments of one message hold, as far as it may be looked into."""

    def __init__(self) -> None:
        self.findings: dict[str, None] = {}
        self.members: dict[str, None] = {}
        self._left = limits.OPENED
        self._room = limits.OPENED_BYTES

    def add(self, leaf: Leaf, content: bytes | memoryview) -> bool:
        """Look into one attachment; False when a limit left some of it unseen."""
        # Attached mail is walked as parts; pictures are looked at by eyes alone.
        if leaf.is_message or (leaf.mime_type.startswith("image/") and _is_picture(content)):
            return True
        self._left -= 1
        if self._left < 0 or self._room < 0:
            return False
        found = look(leaf.name, content)
        # After one that a limit ended nothing more is opened: a message may not cost it many times.
        self._room = self._room - found.seen_bytes if found.opened else -1
        self.findings |= dict.fromkeys(found.findings)
        self.members |= dict.fromkeys(found.members)
        return found.opened


def _is_picture(content: bytes | memoryview) -> bool:
    return bytes(content[:4]).startswith(
        (b"\xff\xd8", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II", b"MM")
    )


def is_text(leaf: Leaf) -> bool:
    """True for a part whose links count: text, and a multipart that names no boundary."""
    return leaf.mime_type.startswith(("text/", "multipart/")) or "/" not in leaf.mime_type


def is_attachment(leaf: Leaf) -> bool:
    """True for a part that a reader would see as a file."""
    if leaf.name or leaf.disposition == "attachment":
        return True
    if leaf.is_message:
        return True
    return not leaf.mime_type.startswith(("multipart/", "message/")) and not (
        leaf.mime_type in _BODIES or "/" not in leaf.mime_type
    )


def _attachment(leaf: Leaf, content: bytes | memoryview, whole: bool) -> dict[str, Any]:
    # A hash of half a file would name another file.
    return {
        "name": leaf.name,
        "mime_type": leaf.mime_type,
        "bytes": len(content) if whole else None,
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest() if whole else None,
        "sha256": hashlib.sha256(content).hexdigest() if whole else None,
    }
