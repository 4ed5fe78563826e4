"""The forms that indicators are passed around in: text, CSV, STIX 2.1 bundles, MISP JSON."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from kizashi.errors import KizashiError

# Column of a CSV that holds the indicator, and those beside it; lower case.
VALUES = ("indicator", "value", "ioc", "observable", "indicator_value", "指標", "値")
TITLES = ("description", "title", "comment", "name", "malware", "family", "threat", "説明", "備考")
FROM = ("first_seen", "valid_from", "date", "created", "firstseen", "公開日")
UNTIL = ("valid_until", "expires", "expiration", "last_seen", "失効日")
_STIX_TEST = re.compile(
    r"([a-z0-9-]+):([\w.'\-\[\]]+)\s*(=|IN|LIKE|MATCHES|ISSUBSET|!=|NOT)\s*'((?:[^'\\]|\\.)*)'"
)
_STIX_KINDS = {
    "domain-name": "name", "ipv4-addr": "", "ipv6-addr": "", "url": "url", "email-addr": "mail",
    "email-message": "mail", "file": "hash", "artifact": "hash",
}  # fmt: skip
_MISP_KINDS = {
    "domain": "name", "hostname": "name", "ip-dst": "", "ip-src": "", "ip-dst|port": "",
    "ip-src|port": "", "url": "url", "uri": "url", "link": "url", "md5": "hash", "sha1": "hash",
    "sha256": "hash", "email": "mail", "email-src": "mail", "email-dst": "mail",
    "email-reply-to": "mail", "filename": "file", "email-attachment": "file",
}  # fmt: skip


class Raw(NamedTuple):
    """An indicator as its file wrote it. `place` is the line or object; no `kind` where none is
    said."""

    said: str
    place: str
    kind: str = ""
    title: str = ""
    known_from: datetime | None = None
    known_until: datetime | None = None


def raw_indicators(data: bytes, label: str) -> Iterator[Raw]:
    """The indicators of a file in any of the forms; KizashiError when JSON is broken."""
    text = _decoded(data)
    if text.lstrip()[:1] in "{[" and not text.lstrip().startswith("[."):
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise KizashiError(f"{label}: not valid JSON: {error}") from error
        yield from _json(document, label)
        return
    lines = text.splitlines()
    columns = _header(lines)
    if columns is None:
        yield from _text(lines)
    else:
        yield from _table(text, columns)


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp932", "replace")


def _text(lines: list[str]) -> Iterator[Raw]:
    """One a line; what follows a space, a comma or a hash sign is a remark."""
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        if not bare or bare[0] in "#;/":
            continue
        said, _space, remark = re.sub(r"[,\t|]", " ", bare, count=1).partition(" ")
        # A defanged dot may stand between spaces: `evil [.] example`.
        if re.match(r"\s*[\[({]\s*(\.|dot|@|at)\s*[\])}]", remark, re.IGNORECASE):
            said, remark = bare, ""
        yield Raw(said, f"line {number}", title=remark.lstrip("#;/ ").strip())


def _header(lines: list[str]) -> list[str] | None:
    first = next((line for line in lines if line.strip()), "")
    cells = [cell.strip().lower() for cell in next(csv.reader([first]), [])]
    return cells if any(cell in VALUES for cell in cells) else None


def _table(text: str, columns: list[str]) -> Iterator[Raw]:
    rows = csv.reader(io.StringIO(text))
    for number, cells in enumerate(rows, 1):
        row = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
        said = _first(row, VALUES)
        if said and number > 1:
            yield Raw(
                said,
                f"row {number}",
                title=_first(row, TITLES),
                known_from=_moment(_first(row, FROM)),
                known_until=_moment(_first(row, UNTIL)),
            )


def _first(row: dict[str, str], names: tuple[str, ...]) -> str:
    return next((row[name] for name in names if row.get(name)), "")


def _json(document: Any, label: str) -> Iterator[Raw]:
    items = document if isinstance(document, list) else [document]
    for item in items:
        if not isinstance(item, dict):
            yield Raw(str(item), "list")
        elif item.get("type") == "bundle" or "spec_version" in item:
            yield from _stix(item)
        elif "Event" in item or "Attribute" in item:
            yield from _misp(item.get("Event", item))
        elif isinstance(item.get("response"), list | dict):
            inner = item["response"]
            yield from _json(inner if isinstance(inner, list) else [inner], label)
        else:
            raise KizashiError(f"{label}: JSON that is neither a STIX 2.1 bundle nor a MISP event")


def _stix(bundle: dict[str, Any]) -> Iterator[Raw]:
    objects = bundle.get("objects", [bundle])
    for thing in objects if isinstance(objects, list) else []:
        if not isinstance(thing, dict):
            continue
        place = str(thing.get("id", thing.get("type", "object")))[:100]
        if thing.get("type") == "indicator" and not thing.get("revoked"):
            yield from _stix_indicator(thing, place)
        elif thing.get("type") in _STIX_KINDS:
            kind = _STIX_KINDS[thing["type"]]
            values = [thing.get("value"), *dict(thing.get("hashes") or {}).values()]
            yield from (Raw(str(v), place, kind) for v in values if v)


def _stix_indicator(thing: dict[str, Any], place: str) -> Iterator[Raw]:
    title = str(thing.get("name") or thing.get("description") or "")
    moments = (_moment(thing.get("valid_from")), _moment(thing.get("valid_until")))
    pattern = str(thing.get("pattern", ""))
    tests = _STIX_TEST.findall(pattern)
    if not tests:
        yield Raw(pattern, place, "unsupported pattern", title, *moments)
    for what, path, operator, value in tests:
        kind = "file" if what == "file" and path == "name" else _STIX_KINDS.get(what)
        if kind is None or operator not in ("=", "ISSUBSET"):
            continue
        said = re.sub(r"\\(.)", r"\1", value)
        yield Raw(said, place, kind, title, *moments)


def _misp(event: dict[str, Any]) -> Iterator[Raw]:
    title = str(event.get("info", ""))
    known_from = _moment(event.get("date"))
    parts = [event, *(o for o in event.get("Object") or [] if isinstance(o, dict))]
    for attribute in (a for part in parts for a in part.get("Attribute") or []):
        if not isinstance(attribute, dict) or attribute.get("to_ids") is False:
            continue
        place = f"attribute {attribute.get('uuid', attribute.get('id', '?'))}"
        kinds = str(attribute.get("type", ""))
        value = str(attribute.get("value", ""))
        if kinds.endswith("|port") or "|" not in kinds:
            pairs = [(kinds, value.partition("|")[0] if "|" in kinds else value)]
        else:
            pairs = list(zip(kinds.split("|"), value.split("|"), strict=False))
        for kind, said in pairs:
            if kind in _MISP_KINDS or kind == "ip":
                yield Raw(said, place, _MISP_KINDS.get(kind, ""), title, known_from)


def _moment(said: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(said).replace("/", "-"))
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
