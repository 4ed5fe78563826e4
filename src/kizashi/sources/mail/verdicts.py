"""What the gateway found out about the sender: Authentication-Results, Received-SPF and ARC.

Anyone can write such a field into a message. Trusted are those that stand where only the gateway
could put them: above the hop by which the message came in, or right below it under its own name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from kizashi.sources.mail import limits
from kizashi.sources.mail.fields import Header, unfold
from kizashi.sources.mail.hops import Path, organisation, valid_address

_RESULT = re.compile(r"\s*([A-Za-z][\w-]{0,40})(?:\s*/\s*\d+)?\s*=\s*([A-Za-z]\w{0,20})")
_PROPERTY = re.compile(r'([A-Za-z][\w.-]{0,60})\s*=\s*("[^"]*"|[^\s;]+)')
_SPF = re.compile(r"\s*([A-Za-z]+)")
_SENDER_IP = re.compile(
    r"(?:sender ip is|client-ip=|remote-ip=|designates?)\s*<?([0-9a-f:.]{3,45})", re.I
)
_DOMAIN_OF = re.compile(r"domain of (?:transitioning )?([^\s;:,()]{1,320})", re.I)
_MOST = 4_096


@dataclass(frozen=True, slots=True)
class Result:
    """One verdict: method, result, its properties and the comment beside it."""

    method: str
    result: str
    properties: dict[str, str]
    comment: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts of the trusted gateway; None where it gave none."""

    authserv_id: str | None = None
    spf: str | None = None
    spf_domain: str | None = None
    dkim: str | None = None
    dkim_domain: str | None = None
    dmarc: str | None = None
    dmarc_policy: str | None = None
    compauth: str | None = None
    compauth_reason: str | None = None
    arc: str | None = None
    sender_ip: str | None = None


def read_verdicts(header: Header, path: Path, from_domain: str | None) -> Verdicts:
    """The verdicts on a message whose From names `from_domain`."""
    trusted = _trusted(header, path, "authentication-results")
    authserv_id, results = _merge(trusted)
    if not results:
        arc = _trusted(header, path, "arc-authentication-results")
        authserv_id, results = _merge(
            [re.sub(r"^\s*i\s*=\s*\d+\s*;", "", text) for text in arc[:1]]
        )
    received_spf = next(iter(_trusted(header, path, "received-spf")), "")
    spf = _first(results, "spf") or _received_spf(received_spf)
    dkim = _dkim(results, from_domain)
    dmarc, compauth, arc_seal = (_first(results, m) for m in ("dmarc", "compauth", "arc"))
    return Verdicts(
        authserv_id=authserv_id or None,
        spf=spf.result if spf else None,
        spf_domain=_spf_domain(spf) or _spf_domain(_received_spf(received_spf)),
        dkim=dkim.result if dkim else None,
        dkim_domain=_dkim_domain(dkim),
        dmarc=dmarc.result if dmarc else None,
        dmarc_policy=_policy(dmarc),
        compauth=compauth.result if compauth else None,
        compauth_reason=compauth.properties.get("reason") if compauth else None,
        arc=arc_seal.result if arc_seal else None,
        sender_ip=_sender_ip([received_spf, *trusted]),
    )


def split_comments(text: str) -> tuple[str, str]:
    """The text without its comments, and the comments; parentheses nest, quotes hide them."""
    bare: list[str] = []
    comments: list[str] = []
    depth = 0
    for piece in re.findall(r'"[^"]*"|[()]|[^()"]+|"', text):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
            comments.append(" ")
        else:
            (comments if depth else bare).append(piece)
    return "".join(bare), "".join(comments)


def parse_results(text: str) -> tuple[str, list[Result]]:
    """The authserv-id ('' when left out, as Microsoft does) and the results in order."""
    items = _split_items(text)
    authserv_id = ""
    if items and not _RESULT.match(items[0][0]):
        named = items.pop(0)[0].split()
        authserv_id = named[0].lower().strip('"') if named else ""
    results = []
    for bare, comment in items:
        match = _RESULT.match(bare)
        if match is not None:
            properties = {
                name.lower(): value.strip('"')
                for name, value in _PROPERTY.findall(bare[match.end() :])
            }
            results.append(Result(match[1].lower(), match[2].lower(), properties, comment))
    return authserv_id, results


def _split_items(text: str) -> list[tuple[str, str]]:
    items: list[tuple[list[str], list[str]]] = [([], [])]
    depth = 0
    for piece in re.findall(r'"[^"]*"|[();]|[^();"]+|"', text[:_MOST]):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif piece == ";" and depth == 0:
            items.append(([], []))
        else:
            items[-1][1 if depth else 0].append(piece)
    return [(" ".join(bare), " ".join(comment)) for bare, comment in items]


def _trusted(header: Header, path: Path, name: str) -> list[str]:
    """Fields of that name that the gateway wrote, topmost first."""
    # With no hop from outside the message never left the organisation.
    entry = path.entry or (path.hops[-1] if path.hops else None)
    places = ((i, value) for i, (field, value) in enumerate(header.fields) if field == name)
    texts = [
        (place, unfold(value[: limits.FIELD_BYTES]))
        for place, value in islice(places, limits.VERDICT_FIELDS)
    ]
    if entry is None:
        return [text for _place, text in texts]
    below = next((hop.place for hop in path.hops if hop.place > entry.place), len(header.fields))
    own = {organisation(hop.by) for hop in path.hops if hop.by and hop.place <= entry.place}
    return [
        text
        for place, text in texts
        if place < entry.place or (place < below and _named_by(text, name) & own)
    ]


def _named_by(text: str, name: str) -> set[str]:
    if name == "received-spf":
        receiver = re.search(r"(?:receiver=|\()([\w.-]+)", text)
        return {organisation(receiver[1])} if receiver else set()
    text = re.sub(r"^\s*i\s*=\s*\d+\s*;", "", text)
    return {organisation(parse_results(text)[0])} - {""}


def _merge(texts: list[str]) -> tuple[str, list[Result]]:
    # Several filters of one gateway write a field each; for one method the topmost writer counts.
    first_id = ""
    merged: list[Result] = []
    writer: dict[str, str] = {}
    for text in texts:
        authserv_id, results = parse_results(text)
        first_id = first_id or (authserv_id if results else "")
        for result in results:
            if writer.setdefault(result.method, authserv_id) == authserv_id:
                merged.append(result)
    return first_id, merged


def _first(results: list[Result], method: str) -> Result | None:
    return next((r for r in results if r.method == method), None)


def _dkim(results: list[Result], from_domain: str | None) -> Result | None:
    signed = [r for r in results if r.method == "dkim"]
    passed = [r for r in signed if r.result == "pass"]
    own = organisation(from_domain) if from_domain else None
    aligned = [r for r in passed if organisation(_dkim_domain(r) or "") == own]
    return next(iter([*aligned, *passed, *signed]), None)


def _dkim_domain(result: Result | None) -> str | None:
    if result is None:
        return None
    domain = result.properties.get("header.d") or result.properties.get("header.i") or ""
    return _domain(domain)


def _spf_domain(result: Result | None) -> str | None:
    if result is None:
        return None
    found = _DOMAIN_OF.search(result.comment)
    by_name = result.properties.get("smtp.mailfrom") or result.properties.get("envelope-from")
    helo = result.properties.get("smtp.helo")
    return _domain(by_name or (found[1] if found else "") or helo or "")


def _domain(text: str) -> str | None:
    domain = text.strip("<>\"'").rpartition("@")[2].strip(". ").lower()
    return domain[:255] if domain and domain != "none" else None


def _received_spf(text: str) -> Result | None:
    match = _SPF.match(text[:_MOST])
    if match is None:
        return None
    bare, comment = split_comments(text[match.end() : _MOST])
    properties = {name.lower(): value.strip('"') for name, value in _PROPERTY.findall(bare)}
    return Result("spf", match[1].lower(), properties, comment)


def _policy(dmarc: Result | None) -> str | None:
    if dmarc is None:
        return None
    found = re.search(r"\bp=(\w+)", dmarc.comment, re.I)
    named = dmarc.properties.get("policy.published-domain-policy")
    return (found[1].lower() if found else None) or named


def _sender_ip(texts: list[str]) -> str | None:
    for text in texts:
        for match in _SENDER_IP.finditer(text[:_MOST]):
            address = valid_address(match[1])
            if address is not None:
                return address
    return None
