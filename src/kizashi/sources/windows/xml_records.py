"""Events as XML: exports of wevtutil and Event Viewer, Splunk's XmlWinEventLog, Azure's RawXml; one
element a line or over many, bare or as a string in JSON or CSV.

Each becomes the JSON that the evtx library makes of the same event, so that one road leads on. Only
`<Event>` elements are parsed, never the text around them, so no document type can define entities.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import islice
from xml.etree import ElementTree

import pyarrow as pa

from kizashi.sources import InputFile, Reject
from kizashi.sources.windows.raw import SCHEMA, Raw

NAMESPACE = "schemas.microsoft.com/win/2004/08/events/event"
_EVENT = re.compile(r"<Event[ >].*?</Event>", re.DOTALL)
_OPENS = re.compile(r"<Event[ >]")
_BATCH_RECORDS = 20_000
_LONGEST_EVENT = 4 << 20  # characters
_EXCERPT_LENGTH = 200
_HEAD_LINES = 20


def looks_like_xml(head: bytes) -> bool:
    """True where the file is XML of events, or JSON or CSV of which most rows hold one."""
    text = head.decode(_encoding(head), "replace")
    if NAMESPACE not in _unescaped(text):
        return False
    lines = list(islice(filter(str.strip, text.splitlines()), _HEAD_LINES))
    objects = [line for line in lines if line.lstrip()[:1] == "{"]
    held = sum(NAMESPACE in _unescaped(line) for line in objects)
    return 2 * held >= len(objects)


def batches(file: InputFile) -> Iterator[Raw]:
    """Events as JSON texts, numbered by the line they begin on."""
    found = _events(file)
    while part := list(islice(found, _BATCH_RECORDS)):
        made = [item for item in part if not isinstance(item, Reject)]
        numbers = pa.array([number for number, _text in made], pa.uint64())
        lines = pa.array([text for _number, text in made], pa.large_string())
        texts = {"": pa.table([numbers, lines], schema=SCHEMA)} if made else {}
        yield Raw(texts, tuple(item for item in part if isinstance(item, Reject)))


def _encoding(head: bytes) -> str:
    return "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _unescaped(text: str) -> str:
    return text.replace("\\/", "/").replace("\\u003c", "<")


def _events(file: InputFile) -> Iterator[tuple[int, str] | Reject]:
    for number, text in _texts(file):
        try:
            yield number, json.dumps(_event(ElementTree.fromstring(text)), ensure_ascii=False)
        except ElementTree.ParseError as error:
            yield Reject(number, f"not valid XML: {error}", text[:_EXCERPT_LENGTH])


def _texts(file: InputFile) -> Iterator[tuple[int, str]]:
    """Number and text of each element; what does not end is given as it is, to be set aside."""
    held, begun = "", 0
    with file.plain.open("rb") as under:
        stream = TextIOWrapper(under, _encoding(file.head), "replace", newline="\n")
        for number, line in enumerate(stream, file.first_record + 1):
            if not held and line.lstrip()[:1] == "{":
                yield from ((number, text) for text in _in_json(line))
                continue
            if not held and not _OPENS.search(line):
                continue
            begun = begun if held else number
            held += line
            if "</Event>" in line or len(held) > _LONGEST_EVENT:
                last = 0
                for match in _EVENT.finditer(held):
                    yield begun + held.count("\n", 0, match.start()), match[0]
                    last = match.end()
                rest = held[last:]
                begun += held.count("\n", 0, last)
                held = rest if _OPENS.search(rest) and len(rest) <= _LONGEST_EVENT else ""
    if held:
        yield begun, held


def _in_json(line: str) -> Iterator[str]:
    """The elements that an object's strings hold; the line itself where there is none."""
    try:
        strings = list(_strings(json.loads(line)))
    except (ValueError, RecursionError):
        strings = []
    found = [match[0] for text in strings for match in _EVENT.finditer(text)]
    yield from found or [line]


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _event(element: ElementTree.Element) -> dict[str, object]:
    parts: dict[str, object] = {}
    for part in element:
        name = _name(part)
        if name == "System":
            parts[name] = {_name(child): _system(child) for child in part}
        elif name == "EventData":
            parts[name] = _data(part)
        elif name == "UserData":
            parts[name] = {_name(child): _data(child) for child in part}
    return {"Event": parts}


def _system(element: ElementTree.Element) -> object:
    text = (element.text or "").strip()
    return text or {"#attributes": dict(element.attrib)}


def _data(element: ElementTree.Element) -> dict[str, object]:
    """Fields by name; values without a name as a list, as the evtx library gives them."""
    named: dict[str, object] = {}
    nameless: list[str] = []
    for child in element:
        key = child.get("Name") or (None if _name(child) == "Data" else _name(child))
        if key is None:
            nameless.append(child.text or "")
        else:
            named.setdefault(key, child.text)
    return named | ({"Data": {"#text": nameless}} if nameless else {})


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
