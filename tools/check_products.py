"""How much of the product samples is read right: time, addresses, ports, user, names, per product.

    python -m tools.check_products ../shared/data/products fortinet_fortigate squid [--misses 5]

Samples with expected documents only. A record is right when it landed in a table of its own and
each expected value that our tables have a column for is there. Expected documents are other
people's choices (the samples' README); these rules, and no others, allow for them:

- A category counts where the document carries that category's own fields (FIELDS_OF); a state or a
  measurement is an inventory, which has no table.
- An account is told in several fields of theirs (name, e-mail, id; of both ends): one must be ours,
  as the one that acts or the one acted on. Addresses are compared as addresses, hardware addresses
  with any separator; a placeholder ("-", "Not Found") is no value, a number above 65,535 no port.
- Ends are crosswise where both addresses are, or one address and its ports; of who signs in, the
  only address is our client, whichever end theirs calls it.
- Their pipelines read a time without a zone as UTC. Where the record states its own offset as well,
  a time that differs by just that offset is the same.
- Of two moments in one record the earlier is when it happened, the later when it was received or
  updated: ours may be the earlier. 1 January 00:00 is a parser's default for a time not read.
- What became of it (VERDICTS): an action, type or outcome that says allowed or blocked must be our
  disposition, where the record's table has one and the product decides there; a word of neither
  kind (logged, detected, accepted for delivery) is no verdict, and words of both kinds are none.
  Where the documents copy the product's own word, that word counts as the product writes it.
- An empty document is a record that their pipeline drops.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kizashi import pipeline
from kizashi.config import Config
from kizashi.schema import tables

USER = "user.name"
# Where the documents put an account besides user.name.
ACCOUNTS = tuple(
    f"{end}user.{part}"
    for end in ("", "source.", "destination.")
    for part in ("name", "email", "id", "full_name")
)

# Expected ECS field -> columns of ours that may hold it.
FIELDS = {
    "source.ip": ("client_ip",),
    "destination.ip": ("server_ip", "answers"),
    "source.port": ("client_port",),
    "destination.port": ("server_port",),
    USER: ("user", "actor", "caller_user"),
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

# A document of a category tells of such a thing where it has one of these; others need none.
FIELDS_OF = {
    "dns": ("dns",),
    "email": ("email",),
    "file": ("file.path", "file.name"),
    "intrusion_detection": ("rule", "threat", "file", "process", "vulnerability", "source.ip"),
    "malware": ("rule", "threat", "file", "process", "vulnerability"),
    "process": ("process.executable", "process.name", "process.command_line"),
    "registry": ("registry",),
    "web": ("url.domain",),
}
INVENTORY = {"asset", "metric", "state"}
PLACEHOLDERS = (
    None, "", "-", "0", "0.0.0.0", "<unknown process>", "N/A", "Unknown", "none", "Not Found",
    "No Authentication Required",
)  # fmt: skip
# What became of it, by a word in event.action, event.type or the product's own action.
VERDICTS = {
    "allowed": {
        "accept", "accepted", "allow", "allowed", "pass", "passed", "permit", "permitted",
        "delivered", "access_allowed",
    },
    "blocked": {
        "block", "blocked", "deny", "denied", "drop", "dropped", "discard", "reject", "rejected",
        "quarantine", "quarantined", "reset", "access_denied", "prevented", "removed", "cleaned",
    },
}  # fmt: skip
VERDICT_FIELDS = ("event.action", "event.type", "rule.action", "network.action", "action.outcome")
# What became of it.
OUTCOMES = {"success": True, "failure": False}
MOST_PORT = 65_535
OFFSET = re.compile(r"\d([+-])(\d\d):?(\d\d)\b")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")
AMERICAN = re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d:\d\d [AP]M")
EPOCH = re.compile(r"\b(1\d{9})(\d{3})?(?:\.\d+)?\b")


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
                found = [_line(_native(e)) for e in json.loads(text)["events"]]
            else:
                found = [line for line in text.splitlines() if line.strip()]
                if found[0].strip() in "{[":
                    found = [json.dumps(item) for item in _documents(text)]
            yield path.name, found, documents


def _native(event: Mapping[str, Any]) -> str:
    """An agent's document holds the product's own text, but of Windows only a rendering of it."""
    return (None if "winlog" in event else event.get("message")) or json.dumps(event)


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


def faults(
    expected: Mapping[str, Any], table: str, row: Mapping[str, Any], line: str = ""
) -> list[str]:
    """Expected values that the row lacks, as `field: wanted != ours`."""
    wrong = []
    told = _categories(expected)
    if table == "other_activity" and told:
        wrong.append(f"table: other_activity for {sorted(told)} {_at(expected, 'event.action')}")
    wrong += _value_faults(expected, table, row)
    outcome = OUTCOMES.get(str(_at(expected, "event.outcome")))
    said = row["success"] if table == "authentication" else None
    if None not in (outcome, said) and outcome != said:
        wrong.append(f"event.outcome: {outcome} != {said}")
    verdict = _verdict(expected)
    if verdict and "disposition" in row and table != "authentication":
        held = {"sinkholed": "blocked"}.get(str(row["disposition"]), row["disposition"])
        if held != verdict:
            wrong.append(f"verdict: {verdict} != {row['disposition']}")
    host = str(_at(expected, "host.name") or "").lower().partition(".")[0]
    if row["device"] and row["vantage"] == "endpoint" and host not in row["device"]:
        wrong.append(f"host.name: {host} != {row['device']}")
    moments = [str(m) for m in (_at(expected, "@timestamp"), _at(expected, "event.start")) if m]
    ours = [moment for moment in (row["time"], row["time_alt"]) if moment]
    if moments and ours and not any(_is_right_time(moments, moment, line) for moment in ours):
        wrong.append(f"@timestamp: {moments[0]} != {row['time']}")
    return wrong


def _value_faults(expected: Mapping[str, Any], table: str, row: Mapping[str, Any]) -> Iterator[str]:
    # An answer, and a connection built outwards, are told from the client's side here.
    turned = {"client": "server", "server": "client"} if _is_turned(expected, table, row) else {}
    for name, said in FIELDS.items():
        columns = tuple(f"{turned.get(c[:6], c[:6])}{c[6:]}" for c in said)
        wanted = _at(expected, name)
        held = [c for c in columns if c in row]
        if wanted in PLACEHOLDERS or _is_no_port(name, wanted) or not held:
            continue
        told_in = ACCOUNTS if name == USER else (name,)
        options = {option for field in told_in for option in _plains(_at(expected, field))}
        ours = " ".join(_plain(row[c]) for c in held)
        if name == "source.mac":
            options = {option.replace("-", ":") for option in options}
        if not any(option.rstrip(".") in ours for option in options):
            yield f"{name}: {wanted} != {[row[c] for c in held]}"


def _categories(expected: Mapping[str, Any]) -> set[str]:
    """Categories that a record must have a table for."""
    kinds = _listed(_at(expected, "event.kind"))
    if kinds & INVENTORY:
        return set()
    told = _listed(_at(expected, "event.category")) & WITH_TABLE
    for category in sorted(told):
        needs = FIELDS_OF.get(category, ())
        if needs and "alert" not in kinds and not any(_at(expected, name) for name in needs):
            told.discard(category)
    ends = [_at(expected, name) for name in ("source.ip", "destination.ip")]
    if told == {"network"} and any(end in PLACEHOLDERS for end in ends):
        return set()
    return told


def _verdict(expected: Mapping[str, Any]) -> str | None:
    """Allowed or blocked, where a field of the document says it and none says the other."""
    words = {
        word.lower()
        for name in VERDICT_FIELDS
        for value in _listed(_at(expected, name))
        for word in re.split(r"[\s/-]+", value)
    }
    said = [verdict for verdict, own in VERDICTS.items() if words & own]
    return said[0] if len(said) == 1 else None


def _listed(value: object) -> set[str]:
    return set(map(str, value)) if isinstance(value, list) else {str(value)}


def _plain(value: object) -> str:
    text = str(value).lower()
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text


def _is_no_port(name: str, wanted: object) -> bool:
    return name.endswith(".port") and isinstance(wanted, int) and wanted > MOST_PORT


def _plains(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [_plain(item) for item in values if item not in PLACEHOLDERS]


def _is_right_time(moments: list[str], ours: datetime, line: str) -> bool:
    if any(_same_time(moment, ours, line) for moment in moments):
        return True
    return _is_earlier_of_two(moments[0], ours, line)


def _is_earlier_of_two(wanted: str, ours: datetime, line: str) -> bool:
    """Both moments stand in the record, and ours comes first; clocks may differ by a minute."""
    said = _moment(wanted)
    if (said.month, said.day, said.hour, said.minute, said.second) == (1, 1, 0, 0, 0):
        return True
    logged = [datetime.fromisoformat(text) for text in MOMENT.findall(line)]
    logged += [
        datetime.strptime(f"{t} +0000", "%m/%d/%Y %I:%M:%S %p %z") for t in AMERICAN.findall(line)
    ]
    logged += [datetime.fromtimestamp(int(text), UTC) for text, _ms in EPOCH.findall(line)]
    utc = [_utc(moment) for moment in logged]
    there = [any(abs((m - t).total_seconds()) < 1.1 for t in utc) for m in (_utc(said), ours)]
    return all(there) and ours <= _utc(said) + timedelta(minutes=1)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        # As asctime writes it; their pipelines take it as UTC.
        return datetime.strptime(f"{text} +0000", "%a %b %d %H:%M:%S %Y %z")


def _utc(moment: datetime) -> datetime:
    return (moment - (moment.utcoffset() or timedelta())).replace(tzinfo=None)


def _is_turned(expected: Mapping[str, Any], table: str, row: Mapping[str, Any]) -> bool:
    ends = ("client_ip", "server_ip", "client_port", "server_port")
    client, server, client_port, server_port = (row.get(end) for end in ends)
    fields = ("source.ip", "destination.ip", "source.port", "destination.port")
    source, target, source_port, target_port = (_at(expected, field) for field in fields)
    if (client, server) != (target, source) or client == server:
        return False
    ports = (client_port, server_port) == (target_port, source_port) != (None, None)
    return table == "authentication" or ports or None not in (client, server)


def _same_time(wanted: str, ours: datetime, line: str) -> bool:
    said = _moment(wanted)
    utc = _utc(said)
    # Their pipelines set a zone for logs without one; a date without a year takes another year.
    options = [utc, said.replace(tzinfo=None)]
    options += [o.replace(year=ours.year) for o in options if (o.month, o.day) != (2, 29)]
    for sign, hours, minutes in OFFSET.findall(line):
        east = timedelta(hours=int(hours), minutes=int(minutes))
        options.append(utc - (east if sign == "+" else -east))
    return any(abs((option - ours).total_seconds()) < 2 for option in options)


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
                if not document:
                    continue
                seen["records"] += 1
                if number not in found:
                    misses["not read"].append(f"{label}: {line[:200]}")
                    continue
                seen["read"] += 1
                wrong = faults(document, *found[number], line)
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
