"""Writes messages as .eml and mbox, by hand, so that no library version changes a byte."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kizashi.measure.events import Event, Value, digest
from kizashi.measure.organisation import DOMAIN, Person, Site
from kizashi.measure.recorder import Recorder

_DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
GATEWAY = f"tk-mail-01.{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file name and type; the content is a line that says what it stands for."""

    name: str
    mime_type: str

    @property
    def content(self) -> bytes:
        return f"Kizashi emulated attachment, no content: {self.name}\n".encode()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its sender wrote it."""

    sender: str
    sender_name: str
    subject: str
    body: str
    attachments: tuple[Attachment, ...] = ()
    spf: str = "pass"
    dkim: str = "pass"
    dmarc: str = "pass"
    return_path: str | None = None
    reply_to: str | None = None
    sender_ip: str | None = None
    links: tuple[str, ...] = ()


def deliver(recorder: Recorder, at: datetime, site: Site, person: Person, message: Message) -> str:
    """The gateway took the message in; gives its Message-ID."""
    # Mail headers know whole seconds only.
    at = at.replace(microsecond=0)
    domain = message.sender.rsplit("@", 1)[1]
    number = digest(f"{message.sender}/{person.account}/{at.isoformat()}", 12)
    message_id = f"{number}@mx.{domain}"
    envelope = message.return_path or message.sender
    text = _text(at, site, person, message, message_id, envelope)
    values: dict[str, Value] = {
        "time_alt": at,
        "message_id": message_id,
        "subject": message.subject,
        "from_address": message.sender,
        "from_name": message.sender_name,
        "reply_to": message.reply_to,
        "return_path": envelope,
        "to_addresses": [person.mail],
        "spf": message.spf,
        "spf_domain": envelope.rsplit("@", 1)[1],
        "dkim": message.dkim,
        "dkim_domain": domain if message.dkim != "none" else None,
        "dmarc": message.dmarc,
        "sender_ip": _sender_ip(message),
        "received_hops": 1,
        "links": list(message.links),
        "attachments": [_described(a) for a in message.attachments],
        "findings": [],
        "members": [],
        "bytes": len(text.encode()),
        "truncated": False,
    }
    recorder.mail(at, site, values, text=text, recipient=person.account)
    return message_id


def _sender_ip(message: Message) -> str:
    domain = message.sender.rsplit("@", 1)[1]
    return message.sender_ip or f"203.0.113.{20 + int(digest(domain, 4), 16) % 30}"


def _described(attachment: Attachment) -> dict[str, object]:
    return {
        "name": attachment.name,
        "mime_type": attachment.mime_type.lower(),
        "bytes": len(attachment.content),
        "md5": hashlib.md5(attachment.content).hexdigest(),
        "sha256": attachment.sha256,
    }


def _encoded(words: str) -> str:
    """A header text, as an RFC 2047 word where it is not plain ASCII."""
    if words.isascii():
        return words
    return f"=?utf-8?B?{base64.b64encode(words.encode()).decode()}?="


def _wrapped(data: bytes) -> str:
    whole = base64.b64encode(data).decode()
    return "\n".join(whole[i : i + 76] for i in range(0, len(whole), 76))


def _date(at: datetime, site: Site) -> str:
    local = at.astimezone(site.zone)
    offset = local.utcoffset() or timedelta()
    return (
        f"{_DAYS[local.weekday()]}, {local.day} {_MONTHS[local.month - 1]} {local.year} "
        f"{local:%H:%M:%S} +{offset.seconds // 3600:02d}00"
    )


def _text(
    at: datetime, site: Site, person: Person, message: Message, message_id: str, envelope: str
) -> str:
    domain = message.sender.rsplit("@", 1)[1]
    dkim = f"dkim={message.dkim}" + (f" header.d={domain}" if message.dkim != "none" else "")
    head = [
        f"Return-Path: <{envelope}>",
        f"Received: from mx.{domain} (mx.{domain} [{_sender_ip(message)}])\n"
        f"\tby {GATEWAY} with ESMTPS id {digest(message_id, 10)}\n"
        f"\tfor <{person.mail}>; {_date(at, site)}",
        f"Authentication-Results: {GATEWAY};\n"
        f"\tspf={message.spf} smtp.mailfrom={envelope};\n\t{dkim};\n"
        f"\tdmarc={message.dmarc} header.from={domain}",
        f"From: {_encoded(message.sender_name)} <{message.sender}>",
        f"To: {_encoded(person.name)} <{person.mail}>",
        f"Subject: {_encoded(message.subject)}",
        f"Date: {_date(at, site)}",
        f"Message-ID: <{message_id}>",
        "MIME-Version: 1.0",
    ]
    if message.reply_to:
        head.append(f"Reply-To: <{message.reply_to}>")
    body = "\n".join([message.body, *message.links])
    part = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
    part += _wrapped(body.encode())
    if not message.attachments:
        return "\n".join(head) + "\n" + part + "\n"
    return "\n".join(head) + "\n" + _multipart(part, message.attachments, message_id)


def _multipart(part: str, attachments: Sequence[Attachment], message_id: str) -> str:
    boundary = f"=_{digest(message_id, 16)}"
    parts = [part]
    for attachment in attachments:
        name = _encoded(attachment.name)
        parts.append(
            f'Content-Type: {attachment.mime_type}; name="{name}"\n'
            f'Content-Disposition: attachment; filename="{name}"\n'
            f"Content-Transfer-Encoding: base64\n\n{_wrapped(attachment.content)}"
        )
    joined = "".join(f"--{boundary}\n{text}\n" for text in parts)
    return f'Content-Type: multipart/mixed; boundary="{boundary}"\n\n{joined}--{boundary}--\n'


def eml_files(events: Iterable[Event]) -> dict[str, str]:
    """File name and text of each message, numbered in order of arrival."""
    return {f"{i:04d}.eml": str(event.extra["text"]) for i, event in enumerate(events, 1)}


def mbox(events: Iterable[Event]) -> str:
    """All messages in one mbox (mboxrd quoting)."""
    parts = []
    for event in events:
        stamp = (
            f"{_DAYS[event.time.weekday()]} {_MONTHS[event.time.month - 1]} {event.time.day:2d} "
            f"{event.time:%H:%M:%S %Y}"
        )
        text = str(event.extra["text"])
        quoted = "\n".join(
            ">" + line if line.lstrip(">").startswith("From ") else line
            for line in text.split("\n")
        )
        parts.append(f"From {event.values['return_path']} {stamp}\n{quoted}\n")
    return "".join(parts)
