"""The records inside a JSON document that holds several: a list, a collector's batch, a page of an
API, a report of several events, a log of flows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

# A collector's batch: the records lie in one of these.
BATCHES = ("records", "events", "value", "Records", "logs")
# A page of an API holds its records in one of these, with nothing but its own business beside.
PAGES = ("data", "response", "results", "items")
PAGE_KEYS = frozenset(
    {"meta", "metadata", "pagination", "paging", "links", "_links", "errors", "error", "version",
     "stat", "status", "code", "total", "count", "size", "next", "next_key", "offset", "limit",
     "has_more", "nextPageToken", "kind", "etag", "success", "message", "@odata.context",
     "@odata.nextLink", "nextLink"}
)  # fmt: skip
FLOWS = "flowTuples"
_DEEPEST = 8
_MOST_BESIDE = 6  # what collectors write beside a batch: its id, time, source


def items(document: object, *, has_flows: bool = True) -> Iterator[object]:
    """The records of a parsed JSON text, one by one; a record as it is where it holds none.
    `has_flows` is false where its text holds no FLOWS: looking for them walks through all of it."""
    inner: Iterable[object] | None = None
    if isinstance(document, list):
        inner = document
    elif isinstance(document, dict):
        inner = _batch(document, has_flows)
    if inner is None:
        yield document
        return
    for item in inner:
        yield from items(item, has_flows=has_flows)


def _batch(document: dict[str, object], has_flows: bool) -> Iterable[object] | None:
    for name in (*BATCHES, *PAGES):
        held = document.get(name)
        if not isinstance(held, list) or not all(isinstance(item, dict) for item in held):
            continue
        if document.keys() - {name} <= PAGE_KEYS:
            return held
        if name in PAGES or not held:
            continue
        # A record that holds a list of this name says many other things too.
        is_record = len(document) > _MOST_BESIDE + 1
        if not is_record and not any(isinstance(value, dict) for value in document.values()):
            return held
        # Google tells of several events at once.
        if name == "events" and str(document.get("kind")).endswith("#activity"):
            return [document | {"events": item} for item in held]
    return _flows(document) if has_flows and FLOWS in _keys(document) else None


def _keys(value: object, depth: int = 0) -> Iterator[str]:
    """Keys of an object and of the first items of its lists."""
    if isinstance(value, dict) and depth < _DEEPEST:
        for key, inner in value.items():
            yield key
            yield from _keys(inner, depth + 1)
    elif isinstance(value, list) and value:
        yield from _keys(value[0], depth)


def _flows(value: object, said: dict[str, object] | None = None) -> Iterator[dict[str, object]]:
    """A record for each flow of an Azure flow log, with what stands around it on every level."""
    if isinstance(value, list):
        for item in value:
            yield from _flows(item, said)
    if not isinstance(value, dict):
        return
    known = (said or {}) | {k: v for k, v in value.items() if not isinstance(v, dict | list)}
    for key, inner in value.items():
        if key == FLOWS and isinstance(inner, list):
            yield from (known | {"flow": flow} for flow in inner)
        elif isinstance(inner, dict | list):
            yield from _flows(inner, known)
