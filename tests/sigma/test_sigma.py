"""Sigma rules: what each modifier means, what cannot run, and real recordings."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from kizashi import config, query, sigma
from kizashi.detectors.cases import connect
from kizashi.errors import KizashiError
from kizashi.schema import quoted
from kizashi.sigma import sql
from kizashi.sigma.events import Group, Place, flattened
from kizashi.sources import InputFile, windows

SCHEMA = Path(sigma.__file__).parents[1] / "schema" / "tables"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "sigma"
CHANNEL = "Microsoft-Windows-Sysmon/Operational"
HEAD = """title: t
id: 5f1abf38-0000-4000-8000-000000000000
status: test
level: high
logsource: {product: windows, category: process_creation}
"""
EVENT = {
    "Image": r"C:\Windows\System32\cmd.exe",
    "CommandLine": r'cmd.exe /c "whoami" -Enc SQBFAFgA',
    "ParentImage": r"C:\Office\EXCEL.EXE",
    "User": "EX\\alice",
    "ProcessId": 4711,
    "IpAddress": "198.51.100.7",
    "Empty": "",
}


def rules(tmp_path: Path, detection: str, head: str = HEAD) -> sigma.Rules:
    path = tmp_path / "rule.yml"
    path.write_text(f"{head}detection:\n{detection}", "utf-8")
    return sigma.load([path])


def run(found: sigma.Rules, log: Path, tmp_path: Path) -> list[query.SigmaHit]:
    running = query.sigma_run(found, tmp_path / "scratch", lambda _l, _n: None)
    return [hit for hit in running.over([log]) if isinstance(hit, query.SigmaHit)]


def meets(tmp_path: Path, selection: str, event: dict[str, Any] | None = None) -> bool:
    found = rules(tmp_path, f"  s:\n{selection}\n  condition: s\n")
    assert found.broken == (), found.broken
    group = Group(
        CHANNEL.lower(), 1, [Place("f", 1), Place("f", 2)], [{"Image": "other"}, event or EVENT]
    )
    return [hit.place.line for hit in sigma.hits([group], found.rules)] == [2]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (r"    Image: 'c:\windows\system32\CMD.exe'", True),
        (r"    Image: 'cmd.exe'", False),
        (r"    Image|endswith: '\cmd.exe'", True),
        (r"    Image|startswith: 'C:\Windows'", True),
        (r"    CommandLine|contains: 'WHOAMI'", True),
        (r"    CommandLine|contains|cased: 'WHOAMI'", False),
        (r"    CommandLine|contains|all: ['whoami', '/c']", True),
        (r"    CommandLine|contains|all: ['whoami', '/k']", False),
        (r"    CommandLine|contains|windash: ' -c '", True),
        (r"    Image: 'C:\\*\cmd.???'", True),
        (r"    Image: 'C:\\*\cmd.??'", False),
        (r"    CommandLine|re: '(?i)WHO.MI'", True),
        (r"    CommandLine|re: 'WHO.MI'", False),
        (r"    CommandLine|re|i: 'WHO.MI'", True),
        (r"    IpAddress|cidr: '198.51.100.0/24'", True),
        (r"    IpAddress|cidr: '203.0.113.0/24'", False),
        (r"    ProcessId|gte: 4711", True),
        (r"    ProcessId|lt: 4711", False),
        (r"    ProcessId: 4711", True),
        (r"    Absent: null", False),
        (r"    Empty: ''", True),
        (r"    ParentImage|exists: true", True),
        (r"    CommandLine|wide|base64offset|contains: 'IEX'", True),
        (r"    User|contains: 'alice'", True),
        (r"    image: 'C:\Windows\System32\cmd.exe'", True),
    ],
)
def test_a_modifier_means_what_the_specification_says(
    tmp_path: Path, selection: str, expected: bool
) -> None:
    assert meets(tmp_path, selection) is expected


def places(tmp_path: Path, detection: str, rows: list[dict[str, Any]]) -> list[int]:
    found = rules(tmp_path, detection)
    assert found.broken == (), found.broken
    placed = [Place("f", line) for line in range(1, len(rows) + 1)]
    group = Group(CHANNEL.lower(), 1, placed, rows)
    return [hit.place.line for hit in sigma.hits([group], found.rules)]


def test_a_filter_on_an_absent_field_excludes_nothing(tmp_path: Path) -> None:
    detection = "  s: {Image: a}\n  f: {User: b}\n  condition: s and not f\n"
    rows = [{"Image": "a"}, {"Image": "a", "User": "b"}, {"Image": "a", "User": "c"}]
    assert places(tmp_path, detection, rows) == [1, 3]


def test_null_is_absent_or_empty(tmp_path: Path) -> None:
    detection = "  s: {Image: a}\n  n: {User: null}\n  condition: s and n\n"
    rows = [{"Image": "a"}, {"Image": "a", "User": "b"}, {"Image": "a", "User": ""}]
    assert places(tmp_path, detection, rows) == [1, 3]


def test_one_of_them_and_keywords(tmp_path: Path) -> None:
    detection = "  k: ['mimikatz', 'lsadump*all']\n  s_a: {Image: a}\n  condition: k or 1 of s_*\n"
    rows = [{"X": "runs MimiKatz now"}, {"Image": "a"}, {"X": "lsadump::all"}, {"Image": "b"}]
    assert places(tmp_path, detection, rows) == [1, 2, 3]


def test_a_field_may_be_compared_with_another(tmp_path: Path) -> None:
    detection = "  s: {SubjectUserName|fieldref: TargetUserName}\n  condition: s\n"
    rows = [
        {"SubjectUserName": "a", "TargetUserName": "A"},
        {"SubjectUserName": "a", "TargetUserName": "b"},
        {"SubjectUserName": "a"},
    ]
    assert places(tmp_path, detection, rows) == [1]


def test_security_4688_is_known_by_sysmons_names(tmp_path: Path) -> None:
    found = rules(tmp_path, "  s: {Image|endswith: '\\cmd.exe'}\n  condition: s\n")
    group = Group("security", 4688, [Place("f", 9)], [{"NewProcessName": r"C:\cmd.exe"}])
    assert [hit.place.line for hit in sigma.hits([group], found.rules)] == [9]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "not YAML"),
        (HEAD + "detection:\n  s: {A: b}\n  condition: t\n", "Sigma"),
        (HEAD + "detection:\n  s: {A|nonsense: b}\n  condition: s\n", "Sigma"),
        (HEAD + "detection:\n  s: {A|re: '('}\n  condition: s\n", ""),
        (HEAD + "detection: {s: 5}\n", "Sigma"),
        (HEAD + "x: &a [1]\ny: *a\ndetection:\n  s: {A: b}\n  condition: s\n", "aliases"),
        (HEAD.replace("process_creation", "weather") + "detection:\n  s: {A: b}\n  condition: s\n",
         "no log here"),
        ("a: " + "x" * (1 << 20), "more than"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_run_says_why_and_stops_nothing(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "a.yml").write_text(text, "utf-8")
    (tmp_path / "b.yml").write_text(HEAD + "detection:\n  s: {A: b}\n  condition: s\n", "utf-8")
    found = sigma.load([tmp_path])
    assert len(found.rules) == 1
    assert [reason in broken.reason for broken in found.broken] == [True]


def test_a_catastrophic_pattern_takes_linear_time(tmp_path: Path) -> None:
    event = {"CommandLine": "a" * 100_000 + "!"}
    assert not meets(tmp_path, "    CommandLine|re: '^(a+)+$'", event)


def test_ten_thousand_conditions_are_read_and_run(tmp_path: Path) -> None:
    values = ", ".join(f"'w{n}'" for n in range(10_000))
    assert meets(tmp_path, f"    CommandLine|contains: [{values}, 'whoami']")


def test_a_bomb_of_aliases_ends_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    (tmp_path / "a.yml").write_text("\n".join(lines) + "\ndetection: *a39\n", "utf-8")
    found = sigma.load([tmp_path])
    assert "aliases" in found.broken[0].reason


def test_every_form_of_a_windows_record_gives_the_same_fields() -> None:
    evtx = {"Event": {"System": {"EventID": 1, "Channel": CHANNEL,
                                 "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}}},
                      "EventData": {"Image": "a"}}}  # fmt: skip
    beat = {"winlog": {"event_id": "1", "channel": CHANNEL, "event_data": {"Image": "a"},
                       "provider_name": "Microsoft-Windows-Sysmon"}}  # fmt: skip
    flat = {"EventID": 1, "Channel": CHANNEL, "SourceName": "Microsoft-Windows-Sysmon",
            "Image": "a", "Hostname": "pc"}  # fmt: skip
    for record in (evtx, beat, flat):
        fields = flattened(record)
        told = (str(fields["EventID"]), fields["Channel"], fields["Provider_Name"])
        assert (*told, fields["Image"]) == ("1", CHANNEL, "Microsoft-Windows-Sysmon", "a")


def test_logs_without_a_windows_channel_are_matched_by_our_tables(tmp_path: Path) -> None:
    log = tmp_path / "dns.log"
    log.write_text(
        "#separator \\x09\n#path\tdns\n"
        "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\n"
        "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\n"
        "1767225600.0\tC1\t10.0.0.7\t50000\t10.0.0.1\t53\tudp\tbad.example\n"
    )
    head = HEAD.replace("product: windows, category: process_creation", "category: dns")
    found = rules(tmp_path, "  s: {query|endswith: bad.example}\n  condition: s\n", head)
    hits = run(found, log, tmp_path)
    assert [(hit.file, hit.line, hit.host) for hit in hits] == [("dns.log", 5, "/10.0.0.7")]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data/sigma beside the checkout")
    root = tmp_path_factory.mktemp("sigma")
    for name in ("sigmahq-rules.tar.gz", "regression.tar.gz"):
        with tarfile.open(fileobj=io.BytesIO((SHARED / name).read_bytes())) as archive:
            archive.extractall(root, filter="data")
    return root


@pytest.fixture(scope="module")
def sigmahq(unpacked: Path) -> sigma.Rules:
    return sigma.load(p for p in sorted(unpacked.iterdir()) if p.name.startswith("rules"))


@pytest.mark.real_data
def test_every_windows_rule_of_sigmahq_can_run(sigmahq: sigma.Rules) -> None:
    assert [b for b in sigmahq.broken if "/windows/" in b.path] == []
    # Two rules wait for names that only their user knows.
    wrong = {b.reason for b in sigmahq.broken if not b.is_unserved}
    assert all("[sigma.placeholders]" in reason for reason in wrong)
    assert sum(rule.product == "windows" for rule in sigmahq.rules) > 2800


@pytest.mark.real_data
def test_every_recording_is_hit_by_its_rule(unpacked: Path, sigmahq: sigma.Rules) -> None:
    missed = []
    for info in sorted(unpacked.rglob("info.yml")):
        wanted = {rule["id"] for rule in yaml.safe_load(info.read_text())["rule_metadata"]}
        for path in info.parent.glob("*.evtx"):
            head = path.read_bytes()[:65536]
            file = InputFile(path.name, path, 0, head, path.stat().st_size, 0)
            own = [rule for rule in sigmahq.rules if rule.id in wanted]
            gathering = sigma.Gathering()
            groups = [*gathering.add(path.name, windows.texts(file)), gathering.rest()]
            met = {hit.rule.id for group in groups for hit in sigma.hits(group, own)}
            missed += sorted(wanted - met)
    assert missed == []


def test_the_hits_name_file_and_record(tmp_path: Path) -> None:
    log = tmp_path / "events.json"
    event = {"EventID": 1, "Channel": CHANNEL, "Hostname": "pc-07", "SourceName": "Sysmon",
             "UtcTime": "2026-03-02 09:00:00", "Image": r"C:\a\cmd.exe"}  # fmt: skip
    log.write_text(json.dumps({**event, "Image": "x"}) + "\n" + json.dumps(event) + "\n")
    found = rules(tmp_path, "  s: {Image|endswith: '\\cmd.exe'}\n  condition: s\n")
    (hit,) = run(found, log, tmp_path)
    assert (hit.file, hit.line, hit.host, hit.time) == (
        "events.json",
        2,
        "pc-07",
        "2026-03-02 09:00:00.000",
    )


SQL_SELECTIONS = [
    r"    Image: 'c:\windows\system32\CMD.exe'",
    r"    CommandLine|contains|all: ['whoami', '/c']",
    r"    CommandLine|contains|cased: 'WHOAMI'",
    r"    CommandLine|contains|windash: ' -c '",
    r"    Image: 'C:\\*\cmd.???'",
    r"    Image: 'C:\\*\cmd.??'",
    r"    CommandLine|re: '(?i)WHO.MI'",
    r"    CommandLine|re: 'WHO.MI'",
    r"    CommandLine|re|i: 'WHO.MI'",
    r"    ProcessId|gte: 4711",
    r"    ProcessId: 4711",
    r"    ParentCommandLine: null",
    r"    ParentCommandLine|exists: false",
    r"    ParentImage|fieldref: Image",
    r"    ParentImage|fieldref: CommandLine",
    r"    CommandLine|wide|base64offset|contains: 'IEX'",
    r"    CommandLine|contains: '%'",
    r"    CommandLine: '*''quoted''*'",
    r"    Image|startswith: ['D:', 'C:\']",
    r"    User|endswith: '\alice'",
]


@pytest.mark.parametrize("negated", ["s", "not s"])
@pytest.mark.parametrize("selection", SQL_SELECTIONS)
def test_sql_says_of_a_row_what_matching_says(tmp_path: Path, selection: str, negated: str) -> None:
    found = rules(tmp_path, f"  s:\n{selection}\n  condition: {negated}\n")
    assert found.broken == (), found.broken
    (rule,) = found.rules
    own = sigma.view("table:process_creation.windows")
    con = duckdb.connect()
    columns = ", ".join(f"{v} AS {quoted(k)}" for k, v in {**own.fields, **own.placed}.items())
    con.execute((SCHEMA / "process_activity.sql").read_text("utf-8"))
    for name in ("file_id", "record_no"):
        con.execute(f"ALTER TABLE process_activity ADD COLUMN {name} UBIGINT DEFAULT 1")
    con.execute("ALTER TABLE process_activity ADD COLUMN time TIMESTAMP")
    con.execute("ALTER TABLE process_activity ADD COLUMN host_id VARCHAR")
    for command in (EVENT["CommandLine"], "100 % it's 'quoted'", None):
        con.execute(
            "INSERT INTO process_activity BY NAME SELECT 'start' AS activity, ? AS image, "
            "? AS command_line, ? AS parent_image, 4711 AS process_id, 'EX\\alice' AS user",
            [EVENT["Image"], command, EVENT["Image"]],
        )
    condition = sql.condition(rule.node, own)
    told = con.execute(f"SELECT command_line FROM process_activity WHERE {condition}").fetchall()
    group = Group("table:process_creation.windows", 0)
    for row in con.execute(f"SELECT {columns} FROM process_activity").fetchall():
        group.places.append(Place("f", len(group.rows)))
        group.rows.append(dict(zip([*own.fields, *own.placed], row, strict=True)))
    met = [(hit.fields["CommandLine"],) for hit in sigma.hits([group], [rule])]
    assert told == met


EXPAND = "  s: {Attributes|contains: 'cdc:'}\n  f: {Attributes|contains|expand: '%known_dcs%'}\n"


def test_a_placeholder_takes_what_the_organisation_gives(tmp_path: Path) -> None:
    given = {"known_dcs": ["dc-0*.corp", "10.0.0.1"]}
    text = f"{HEAD}detection:\n{EXPAND}  condition: s and not f\n"
    (rule,) = sigma.parse([("r.yml", text)], given).rules
    rows = [{"Attributes": f"cdc:{name}"} for name in ("dc-01.corp", "evil.example", "10.0.0.1")]
    group = Group(CHANNEL.lower(), 1, [Place("f", n) for n in range(3)], rows)
    assert [hit.place.line for hit in sigma.hits([group], [rule])] == [1]


def test_a_placeholder_without_values_says_where_to_give_them(tmp_path: Path) -> None:
    found = rules(tmp_path, EXPAND + "  condition: s and not f\n")
    (broken,) = found.broken
    assert (broken.line, "[sigma.placeholders]: known_dcs = [...]" in broken.reason) == (8, True)


def test_kizashi_toml_gives_placeholders(tmp_path: Path) -> None:
    path = tmp_path / "kizashi.toml"
    path.write_text('[sigma.placeholders]\nknown_dcs = ["dc-01"]\n', "utf-8")
    assert config.load(path).placeholders == {"known_dcs": ("dc-01",)}
    path.write_text('[sigma.placeholders]\nknown_dcs = "dc-01"\n', "utf-8")
    with pytest.raises(KizashiError, match="known_dcs must be a list"):
        config.load(path)


@pytest.mark.parametrize(
    ("product", "met"), [("windows", ["C:\\x"]), ("linux", ["/bin/x"]), ("macos", ["/bin/x"])]
)
def test_a_rule_of_one_system_leaves_rows_of_the_other_alone(
    tmp_path: Path, product: str, met: list[str]
) -> None:
    head = HEAD.replace("product: windows", f"product: {product}")
    (rule,) = rules(tmp_path, "  s: {CommandLine|contains: x}\n  condition: s\n", head).rules
    start = {"time": "2026-03-02T09:00:00", "host_id": "/pc", "activity": "start"}
    rows = [{**start, "image": image, "command_line": "x"} for image in ("C:\\x", "/bin/x")]
    con = connect({"process_activity": rows}, (), lambda _con: None)
    wanted = {channel for channel, _ids in rule.records if channel.startswith(sigma.TABLE)}
    groups = list(sigma.table_events(con, str, wanted))
    assert [hit.fields["Image"] for hit in sigma.hits(groups, [rule])] == met


FILTER = """---
title: Administrators work here
logsource: {product: windows, category: process_creation}
filter:
  rules: RULES
  s: {User|endswith: 'alice'}
  condition: not s
"""


@pytest.mark.parametrize(
    ("of", "source", "met"),
    [
        ("any", "product: windows, category: process_creation", False),
        ("[5f1abf38-0000-4000-8000-000000000000]", "product: windows", False),
        ("[n]", "category: process_creation", False),
        ("[]", "product: windows", False),
        ("any", "product: linux", True),
        ("any", "product: windows, service: security", True),
    ],
)
def test_a_filter_narrows_the_rules_it_is_for(
    tmp_path: Path, of: str, source: str, met: bool
) -> None:
    head = HEAD.replace("title: t", "title: t\nname: n")
    narrowing = FILTER.replace("RULES", of).replace(
        "product: windows, category: process_creation", source
    )
    found = rules(tmp_path, "  s: {Image|endswith: cmd.exe}\n  condition: s\n" + narrowing, head)
    assert found.broken == (), found.broken
    group = Group(
        CHANNEL.lower(), 1, [Place("f", 1), Place("f", 2)], [EVENT, {**EVENT, "User": "b"}]
    )
    lines = [hit.place.line for hit in sigma.hits([group], found.rules)]
    assert lines == ([1, 2] if met else [2])


def test_a_filter_for_another_rule_leaves_this_one_alone(tmp_path: Path) -> None:
    body = "  s: {Image|endswith: cmd.exe}\n  condition: s\n" + FILTER.replace("RULES", "[other]")
    found = rules(tmp_path, body)
    assert [rule.node for rule in found.rules] == [
        sigma.parse([("r", HEAD + "detection:\n" + body.partition("---")[0])]).rules[0].node
    ]
    ((reason, line),) = [(b.reason, b.line) for b in found.broken]
    assert reason == "filter: refers to 'other', which no rule here that can run is called"
    assert line == 13


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("filter: [a]", "must be a mapping"),
        ("filter: {s: {a: b}, condition: not s}", "needs rules"),
        ("filter: {rules: any, s: {a: b}}", "condition"),
        ("filter: {rules: {a: b}, s: {a: b}, condition: s}", "must be a list"),
        ("filter: {rules: any, s: {a|re: '('}, condition: s}", "RE2"),
    ],
)
def test_a_filter_that_cannot_run_says_why(tmp_path: Path, said: str, reason: str) -> None:
    path = tmp_path / "filter.yml"
    path.write_text(f"title: f\nlogsource: {{product: windows}}\n{said}\n", "utf-8")
    assert [reason in broken.reason for broken in sigma.load([path]).broken] == [True]
