"""Policies on made-up history: what they would have stopped, for whom, and what to enter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from kizashi import cli, pipeline, policies
from kizashi.config import Config
from kizashi.detectors.cases import Row, connect
from kizashi.errors import UsageError

Events = dict[str, list[Row]]
OFFICE = "C:\\Program Files\\Microsoft Office\\root\\Office16\\"
DAY = "2026-03-{day:02d}T09:00:00"
POLICIES = ("direct-egress", "dmarc", "doh", "new-domains", "office-children")


@contextmanager
def history(events: Events) -> Iterator[duckdb.DuckDBPyConnection]:
    con = connect(events, (), pipeline.derive)
    try:
        yield con
    finally:
        con.close()


def tried(name: str, events: Events, days: int = 30) -> set[tuple[Any, ...]]:
    with history(events) as con:
        trial = policies.try_policy(policies.named(name), con, days, ("own.example",))
        rows = [dict(zip(trial.names, row, strict=True)) for row in trial.rows]
    keys = ("user", "program", "partner", "reason", "times")
    return {tuple(row[key] for key in keys) for row in rows}


def entered(name: str, events: Events, mode: str = "auto") -> list[dict[str, Any]]:
    with history(events) as con:
        policy = policies.named(name)
        trial = policies.try_policy(policy, con, 30, ("own.example",))
        names, rows = policies.export(policy, con, trial, mode)
    return [dict(zip(names, row, strict=True)) for row in rows]


def start(parent: str, image: str, command: str = "", day: int = 20, **more: Any) -> Row:
    return {
        "time": DAY.format(day=day),
        "host_id": "/pc-07",
        "user": "aoki",
        "activity": "start",
        "image": image,
        "parent_image": OFFICE + parent,
        "command_line": command,
        **more,
    }


CMD = r"C:\Windows\System32\cmd.exe"
OFFICE_EVENTS: Events = {
    "process_activity": [
        *(start("EXCEL.EXE", CMD, "cmd /c s:\\close.bat", day) for day in range(10, 20)),
        start("EXCEL.EXE", r"C:\Windows\splwow64.exe"),
        start("WINWORD.EXE", r"C:\Program Files\Mozilla Firefox\firefox.exe"),
        start("WINWORD.EXE", r"C:\Program Files\Add In\addin.exe"),
        start("WINWORD.EXE", CMD, "cmd /c powershell -w hidden -enc AAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        start("WINWORD.EXE", r"C:\Windows\System32\wscript.exe", r"wscript C:\Users\a\Temp\x.vbs"),
        start("WINWORD.EXE", r"C:\Windows\System32\calc.exe"),
        start("OUTLOOK.EXE", CMD, "cmd /c https://x.example"),
        start("OUTLOOK.EXE", OFFICE + "EXCEL.EXE", 'excel.exe "C:\\Users\\a\\Temp\\list.xlsx"'),
        start("..\\..\\..\\Vim\\gvim.exe", CMD),
    ],
    "alert": [
        {"time": DAY.format(day=20), "host_id": "/pc-08", "user": "baba", "file_name": CMD,
         "image": OFFICE + "POWERPNT.EXE", "category": "AsrOfficeChildProcessAudited",
         "rule": "AsrOfficeChildProcessAudited", "disposition": "allowed"},
    ],
}  # fmt: skip


def test_office_children_are_told_with_their_honest_uses() -> None:
    assert tried("office-children", OFFICE_EVENTS) == {
        ("aoki", "cmd.exe", "excel.exe", "habit", 10),
        ("aoki", "splwow64.exe", "excel.exe", "printing", 1),
        ("aoki", "firefox.exe", "winword.exe", "link", 1),
        ("aoki", "addin.exe", "winword.exe", "installed", 1),
        ("aoki", "cmd.exe", "winword.exe", "hostile", 1),
        ("aoki", "wscript.exe", "winword.exe", "hostile", 1),
        ("aoki", "calc.exe", "winword.exe", "unclear", 1),
        ("aoki", "cmd.exe", "outlook.exe", "hostile", 1),
        ("aoki", "excel.exe", "outlook.exe", "document", 1),
        ("baba", "cmd.exe", "powerpnt.exe", "unclear", 1),
    }


def test_a_rule_that_stops_nothing_honest_may_block() -> None:
    rules = {
        row["rule"][:8]: (row["mode"], row["value"])
        for row in entered("office-children", OFFICE_EVENTS)
    }
    assert rules == {"d4f940ab": ("audit", 2), "26190899": ("audit", 2), "7674ba52": ("block", 1)}
    told = entered("office-children", OFFICE_EVENTS, "block")
    assert {row["mode"] for row in told} == {"block"}


def test_events_before_the_days_asked_for_do_not_count() -> None:
    assert tried("office-children", OFFICE_EVENTS, days=3) >= {
        ("aoki", "cmd.exe", "excel.exe", "unclear", 2)
    }


def mail(sender: str, day: int = 20, **more: Any) -> Row:
    return {
        "time": DAY.format(day=day),
        "from_address": sender,
        "to_addresses": ["aoki@own.example"],
        "message_id": f"{sender}{day}{len(more)}",
        "sender_ip": "192.0.2.9",
        "spf": "fail",
        "dkim": "none",
        **more,
    }


MAIL_EVENTS: Events = {
    "email_activity": [
        mail("a@good.example", spf="pass", spf_domain="mail.good.example"),
        mail("b@good.example", dkim="pass", dkim_domain="good.example"),
        mail("c@good.example", dmarc="pass"),
        *(mail("n@partner.example", day) for day in (18, 19, 20)),
        mail("x@list.example", unmapped='{"list_id": "l.list.example"}'),
        mail("y@forward.example", arc="pass"),
        mail("boss@own.example"),
        mail("scan@own.example", sender_ip="10.0.0.9"),
        mail("z@trick.example", reply_to="z@elsewhere.example"),
        mail("once@odd.example"),
        mail("gone@odd.example", disposition="blocked"),
        mail("s@borrowed.example", spf="pass", spf_domain="bulk.example"),
    ]
}


def test_mail_without_proof_is_told_by_sender_and_reason() -> None:
    assert {(row[2], row[3], row[4]) for row in tried("dmarc", MAIL_EVENTS)} == {
        ("n@partner.example", "regular", 3),
        ("x@list.example", "list", 1),
        ("y@forward.example", "forwarded", 1),
        ("boss@own.example", "hostile", 1),
        ("scan@own.example", "own", 1),
        ("z@trick.example", "hostile", 1),
        ("once@odd.example", "unclear", 1),
        ("s@borrowed.example", "unclear", 1),
    }


def test_each_domain_gets_the_step_that_its_mail_bears() -> None:
    many = [mail("m@trick.example", 20, message_id=f"m{n}", dmarc="pass") for n in range(30)]
    steps = {
        row["domain"]: (row["action"], row["step"])
        for row in entered("dmarc", {"email_activity": [*MAIL_EVENTS["email_activity"], *many]})
    }
    assert steps["trick.example"] == ("enforce", "reject")
    assert steps["own.example"] == ("publish", "none")
    assert "good.example" not in steps


def flow(client: str, server: str, port: int, **more: Any) -> Row:
    return {
        "time": DAY.format(day=20),
        "host_id": f"/{client}",
        "client_ip": client,
        "server_ip": server,
        "server_port": port,
        **more,
    }


EGRESS_EVENTS: Events = {
    "dns_activity": [
        {"time": DAY.format(day=20), "host_id": f"/pc-{n}", "client_ip": f"10.0.0.{n}",
         "server_ip": "10.0.0.53", "query": "a.example", "vantage": "sensor"}
        for n in range(3)
    ],
    "network_activity": [
        flow("10.0.0.53", "198.51.100.53", 53),
        flow("10.0.0.7", "198.51.100.53", 53, user="aoki", image=r"C:\Users\a\Temp\x.exe"),
        flow("10.0.0.8", "198.51.100.53", 853, server_name="dns.vendor.example"),
        flow("10.0.0.8", "10.0.0.53", 53),
        flow("10.0.0.8", "198.51.100.80", 443),
        flow("10.0.0.8", "198.51.100.54", 53, disposition="blocked"),
        flow("10.0.0.8", "198.51.100.54", 53, state="S0"),
    ],
}  # fmt: skip
PROXY_EVENTS: Events = {
    "http_activity": [
        flow(f"10.0.0.{n}", "10.0.0.80", 8080, proxied=True, host="a.example") for n in range(3)
    ],
    "network_activity": [
        flow("10.0.0.80", "198.51.100.80", 443),
        flow("10.0.0.8", "198.51.100.80", 443, server_name="a.example"),
        flow("10.0.0.8", "198.51.100.81", 443, image=r"C:\Program Files\Zoom\zoom.exe"),
    ],
}


def test_egress_past_resolvers_is_told_and_web_only_where_a_proxy_is() -> None:
    assert tried("direct-egress", EGRESS_EVENTS) == {
        (None, None, "198.51.100.53", "resolver", 1),
        ("aoki", "x.exe", "198.51.100.53", "hostile", 1),
        (None, None, "dns.vendor.example", "unclear", 1),
    }
    assert tried("direct-egress", PROXY_EVENTS) == {
        (None, None, "198.51.100.80", "proxy", 1),
        (None, None, "a.example", "unclear", 1),
        (None, "zoom.exe", "198.51.100.81", "meeting", 1),
    }


def test_the_firewall_lets_the_resolver_ask_and_logs_what_is_unclear() -> None:
    told = [
        (r["action"], r["source"], r["ports"][:6]) for r in entered("direct-egress", EGRESS_EVENTS)
    ]
    assert told == [("allow", "10.0.0.53", "udp/53"), ("log", "any", "udp/53")]


def test_nothing_is_denied_to_web_without_a_proxy_or_to_names_without_a_resolver() -> None:
    flows = [flow("10.0.0.8", "198.51.100.80", 443)]
    told = entered("direct-egress", {"network_activity": flows})
    assert [(row["action"], row["ports"][:6]) for row in told] == [("log", "udp/53")]
    with_proxy = {**PROXY_EVENTS, "dns_activity": EGRESS_EVENTS["dns_activity"]}
    denied = {row["ports"][:6]: row["action"] for row in entered("direct-egress", with_proxy)
              if row["why"] == "policy"}  # fmt: skip
    assert denied == {"tcp/80": "log", "udp/53": "deny"}


@pytest.mark.parametrize("name", POLICIES)
def test_what_could_not_be_looked_at_is_never_blocked(name: str) -> None:
    told = entered(name, {})
    assert {row.get("mode", row.get("action")) for row in told} <= {"audit", "log", "publish"}


def test_names_by_https_are_known_by_name_address_and_form() -> None:
    chrome = r"C:\Program Files\Google\Chrome\Application\chrome.exe"
    events: Events = {
        "tls_activity": [flow("10.0.0.8", "198.51.100.9", 443, sni="chrome.cloudflare-dns.com")],
        "http_activity": [
            flow(
                "10.0.0.8",
                "198.51.100.8",
                443,
                host="r.example",
                uri="/dns-query?dns=AA",
                image=chrome,
            ),
            flow("10.0.0.8", "198.51.100.8", 443, host="r.example", uri="/index.html"),
        ],
        "network_activity": [
            flow("10.0.0.9", "9.9.9.9", 853, image=r"C:\Users\a\x.exe", user="baba"),
            flow("10.0.0.9", "9.9.9.9", 53),
        ],
    }
    assert tried("doh", events) == {
        (None, None, "chrome.cloudflare-dns.com", "unclear", 1),
        (None, "chrome.exe", "r.example", "browser", 1),
        ("baba", "x.exe", "9.9.9.9", "hostile", 1),
    }
    told = {
        r["destination"]: (r["kind"], r["action"], r["would_stop"]) for r in entered("doh", events)
    }
    assert told["r.example"] == ("proxy", "log", 1)
    assert told["9.9.9.9"] == ("firewall", "deny", 1)
    assert told["dns.google"] == ("proxy", "deny", 0)


def visit(host: str, name: str, day: int, **more: Any) -> Row:
    return {"time": DAY.format(day=day), "host_id": f"/{host}", "client_ip": "10.0.0.7",
            "host": name, **more}  # fmt: skip


def test_new_domains_need_a_history_and_end_when_they_have_become_business() -> None:
    events: Events = {
        "http_activity": [
            *(visit("pc-1", "www.old.example.com", day) for day in range(1, 21)),
            *(visit(f"pc-{n}", "app.shared-tool.com", 15) for n in range(3)),
            *(visit("pc-2", "portal.habit-site.com", day) for day in (15, 16, 17, 25)),
            visit("pc-2", "x.correspondent.org", 15),
            visit("pc-3", "qzxkvw.net", 18, image=r"C:\Users\a\AppData\Roaming\u.exe", user="aoki"),
            visit("pc-3", "odd-site.net", 18),
        ],
        "email_activity": [mail("a@correspondent.org")],
    }
    assert tried("new-domains", events) == {
        (None, None, "app.shared-tool.com", "shared", 3),
        (None, None, "portal.habit-site.com", "regular", 3),
        (None, None, "x.correspondent.org", "correspondent", 1),
        ("aoki", "u.exe", "qzxkvw.net", "hostile", 1),
        (None, None, "odd-site.net", "unclear", 1),
    }
    told = {row["destination"]: row["action"] for row in entered("new-domains", events)}
    assert told == {
        "shared-tool.com": "allow",
        "habit-site.com": "allow",
        "correspondent.org": "allow",
        "qzxkvw.net": "deny",
        "odd-site.net": "log",
    }


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_that_could_not_look_says_so(name: str) -> None:
    with history({}) as con:
        trial = policies.try_policy(policies.named(name), con, 30)
    assert trial.rows == ()
    assert trial.missing != ()


def unjudged(name: str, events: Events) -> list[str]:
    with history(events) as con:
        return [text.en for text in policies.try_policy(policies.named(name), con, 30).unjudged]


def test_a_history_too_short_to_call_a_domain_new_is_said() -> None:
    days = {"http_activity": [visit("pc-1", "www.old.example.com", day) for day in range(1, 6)]}
    (said,) = unjudged("new-domains", days)
    assert said.startswith("nothing could be judged") and said.endswith("hold 4")
    longer = [visit("pc-1", "www.old.example.com", day) for day in range(1, 21)]
    assert unjudged("new-domains", {"http_activity": longer}) == []


def test_a_site_without_a_known_proxy_or_resolver_is_said() -> None:
    flows = [{**row, "site": "tokyo"} for row in EGRESS_EVENTS["network_activity"]]
    assert [
        said.partition(":")[0] for said in unjudged("direct-egress", {"network_activity": flows})
    ] == [
        'at site "tokyo" no resolver is known',
        'web past the proxy was not judged at site "tokyo"',
    ]
    assert [said[:8] for said in unjudged("direct-egress", PROXY_EVENTS)] == ["here no "]


def test_the_time_told_begins_with_the_logs() -> None:
    with history(OFFICE_EVENTS) as con:
        trial = policies.try_policy(policies.named("office-children"), con, 365)
    assert f"{trial.since:%Y-%m-%d}" == "2026-03-10"


def test_every_policy_folder_is_whole() -> None:
    assert tuple(policies.policies()) == POLICIES
    for policy in policies.policies().values():
        assert {"hostile", "unclear"} <= set(policy.reasons)
        assert policy.honest and not policy.honest & {"hostile", "unclear"}
        told = [policy.title, policy.blocks, *policy.reasons.values()]
        assert all(text.en.isascii() and not text.ja.isascii() for text in told)
        for name in policy.settings:
            assert f"getvariable('{name}')" in policy.try_sql + policy.export_sql, name


def test_an_unknown_policy_or_mode_names_the_valid_ones() -> None:
    with pytest.raises(UsageError, match='Did you mean "office-children"'):
        policies.named("office-child")
    with history({}) as con, pytest.raises(UsageError, match="One of: auto, audit, block"):
        policy = policies.named("doh")
        policies.export(policy, con, policies.try_policy(policy, con, 30), "deny")


def test_the_command_line_tells_rows_and_that_nothing_was_applied(tmp_path: Path) -> None:
    lake, log = tmp_path / "lake", tmp_path / "log.json"
    event = {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": "pc",
             "SourceName": "Microsoft-Windows-Sysmon", "EventTime": "2026-03-02 09:00:00",
             "Image": CMD, "ParentImage": OFFICE + "EXCEL.EXE", "User": "CORP\\aoki"}  # fmt: skip
    asr = {"EventID": 1122, "Channel": "Microsoft-Windows-Windows Defender/Operational",
           "Hostname": "pc", "EventTime": "2026-03-02 09:00:00", "Path": CMD,
           "User": "CORP\\aoki", "Process Name": OFFICE + "EXCEL.EXE",
           "ID": "D4F940AB-401B-4EFC-AADC-AD5F3C50688A"}  # fmt: skip
    log.write_text(json.dumps(event) + "\n" + json.dumps(asr) + "\n")
    list(pipeline.read(lake, [log], Config()))
    words = ["policy", "try", "office-children", "--lake", str(lake), "--json"]
    done = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert {(row["program"], row["partner"], row["told_by"]) for row in rows} == {
        ("cmd.exe", "excel.exe", "process starts"),
        ("cmd.exe", "excel.exe", "Defender, audited"),
    }
    assert "Nothing was applied" in done.output.replace("\n", " ")
    words = ["policy", "export", "office-children", "--lake", str(lake), "--json", "--lang", "ja"]
    done = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert '"mode": "audit"' in done.stdout
    assert "何も適用していない" in done.output.replace("\n", "")
