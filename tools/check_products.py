"""How much of the product samples is read right: time, addresses, ports, user, names, per product.

    python -m tools.check_products ../shared/data/products fortinet_fortigate squid [--misses 5]

Samples with expected documents only. A record is right when it landed in a table of its own and
each expected value that our tables have a column for is there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kizashi import pipeline
from kizashi.config import Config
from kizashi.schema import tables

# Expected ECS field -> columns of ours that may hold it.
FIELDS = {
    "source.ip": ("client_ip",),
    "destination.ip": ("server_ip", "answers"),
    "source.port": ("client_port",),
    "destination.port": ("server_port",),
    "user.name": ("user",),
    "dns.question.name": ("query",),
    "url.domain": ("host", "sni", "server_name"),
    "user_agent.original": ("user_agent",),
    "process.executable": ("image",),
    "process.command_line": ("command_line",),
    "source.mac": ("client_mac", "mac"),
}

# Categories of ECS that have tables of ours; what else there is may land in other_activity.
WITH_TABLE = {
    "authentication", "dns", "email", "file", "intrusion_detection", "malware", "network",
    "process", "registry", "web",
}  # fmt: skip


def samples(folder: Path) -> Iterator[tuple[str, list[str], list[dict[str, Any]]]]:
    """(label, native records, expected documents) of each sample file that has them."""
    for path in sorted(folder.rglob("*")):
        expected = path.with_name(path.name + "-expected.json")
        if path.name.endswith(".cases.jsonl"):
            cases = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            yield path.name, [_line(c["message"]) for c in cases], [c["expected"] for c in cases]
        elif expected.is_file():
            documents = json.loads(expected.read_text("utf-8"))["expected"]
            text = path.read_text("utf-8")
            if path.suffix == ".json":
                events = json.loads(text)["events"]
                found = [_line(e.get("message") or json.dumps(e)) for e in events]
            else:
                found = [line for line in text.splitlines() if line.strip()]
                if found[0].strip() in "{[":
                    found = [json.dumps(item) for item in _documents(text)]
            yield path.name, found, documents


def _documents(text: str) -> Iterator[object]:
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        item, end = decoder.raw_decode(text)
        yield from item if isinstance(item, list) else [item]
        text = text[end:].lstrip().removeprefix(",")


def _line(message: str) -> str:
    try:
        return json.dumps(json.loads(message), ensure_ascii=False)
    except ValueError:
        return message.strip().replace("\r", "").replace("\n", " ")


def landed(lines: list[str]) -> dict[int, tuple[str, dict[str, Any]]]:
    """Table and row of each record by its line."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "sample.log")
        log.write_text("\n".join(lines) + "\n", "utf-8")
        lake = Path(folder, "lake")
        list(pipeline.read(lake, [log], Config()))
        found: dict[int, tuple[str, dict[str, Any]]] = {}
        with pipeline.open_settled(lake) as con:
            for name in tables():
                rows = con.execute(f"SELECT * FROM {name}")
                names = [column[0] for column in rows.description or []]
                for row in rows.fetchall():
                    values = dict(zip(names, row, strict=True))
                    found.setdefault(int(values["record_no"]), (name, values))
    return found


def faults(expected: Mapping[str, Any], table: str, row: Mapping[str, Any]) -> list[str]:
    """Expected values that the row lacks, as `field: wanted != ours`."""
    kinds = _at(expected, "event.category") or []
    told = {str(kind) for kind in (kinds if isinstance(kinds, list) else [kinds])} & WITH_TABLE
    if told == {"network"} and not (_at(expected, "source.ip") and _at(expected, "destination.ip")):
        told = set()
    if not _at(expected, "url.domain"):
        told.discard("web")
    wrong = []
    if table == "other_activity" and told:
        wrong.append(f"table: other_activity for {sorted(told)} {_at(expected, 'event.action')}")
    # An answer, and a connection built outwards, are told from the client's side here.
    turned = {"client": "server", "server": "client"} if _is_turned(expected, row) else {}
    for name, said in FIELDS.items():
        columns = tuple(f"{turned.get(c[:6], c[:6])}{c[6:]}" for c in said)
        wanted = _at(expected, name)
        held = [c for c in columns if c in row]
        if wanted in (None, "0.0.0.0", "0") or not held:
            continue
        options = {str(w).lower() for w in (wanted if isinstance(wanted, list) else [wanted])}
        ours = " ".join(str(row[c]).lower() for c in held)
        if not any(option.rstrip(".") in ours for option in options):
            wrong.append(f"{name}: {wanted} != {[row[c] for c in held]}")
    moment = _at(expected, "@timestamp")
    moments = [str(m) for m in (moment, _at(expected, "event.start")) if m]
    if moment and row["time"] and not any(_same_time(m, row["time"]) for m in moments):
        wrong.append(f"@timestamp: {moment} != {row['time']}")
    return wrong


def _is_turned(expected: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    ours = (row.get("client_ip"), row.get("server_ip"))
    return (
        None not in ours
        and ours[0] != ours[1]
        and ours
        == (
            _at(expected, "destination.ip"),
            _at(expected, "source.ip"),
        )
    )


def _same_time(wanted: str, ours: datetime) -> bool:
    said = datetime.fromisoformat(wanted)
    utc = (said - (said.utcoffset() or timedelta())).replace(tzinfo=None)
    # Their pipelines set a zone for logs without one; a date without a year takes another year.
    options = [utc, said.replace(tzinfo=None)]
    years = [o.replace(year=ours.year) for o in options if (o.month, o.day) != (2, 29)]
    return any(abs((option - ours).total_seconds()) < 2 for option in (*options, *years))


def _at(document: Mapping[str, Any], path: str) -> Any:
    if path in document:
        return document[path]
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def main() -> None:
    """Prints the share of right records per product and the commonest misses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("products", nargs="*")
    parser.add_argument("--misses", type=int, default=4)
    arguments = parser.parse_args()
    names = arguments.products or sorted(p.name for p in arguments.folder.iterdir() if p.is_dir())
    for product in names:
        seen: Counter[str] = Counter()
        misses: dict[str, list[str]] = defaultdict(list)
        for label, lines, expected in samples(arguments.folder / product):
            found = landed(lines)
            for number, (line, document) in enumerate(zip(lines, expected, strict=False), 1):
                seen["records"] += 1
                if number not in found:
                    misses["not read"].append(f"{label}: {line[:200]}")
                    continue
                seen["read"] += 1
                wrong = faults(document or {}, *found[number])
                seen["right"] += not wrong
                for fault in wrong:
                    misses[fault.split(":")[0]].append(f"{label}:{number} {fault[:160]}")
        share = seen["right"] / seen["records"] if seen["records"] else 0
        print(f"{product:34} {seen['records']:5} read {seen['read']:5} right {share:6.1%}")
        for kind, examples in sorted(misses.items(), key=lambda item: -len(item[1])):
            print(f"    {kind}: {len(examples)}")
            for example in examples[: arguments.misses]:
                print(f"        {example}")


if __name__ == "__main__":
    main()
