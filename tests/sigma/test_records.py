"""Rules over whole records: cloud services, auditd and devices, by the product's own fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kizashi import query, sigma
from kizashi.sigma.events import Group, Place
from kizashi.sigma.records import read

TRAIL = {
    "eventVersion": "1.08", "eventTime": "2026-03-02T00:00:01Z", "awsRegion": "ap-northeast-1",
    "eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "sourceIPAddress": "203.0.113.9",
    "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/admin/hana"},
    "requestParameters": {"userName": "backup", "policy": {"Effect": "Allow"}},
    "resources": [{"type": "AWS::S3::Bucket", "name": "b-1"}, {"type": "AWS::KMS::Key"}],
    "errorCode": None,
}  # fmt: skip
SIGN_IN = {
    "time": "2026-03-02T00:00:02Z", "category": "SignInLogs", "resultType": "50126",
    "operationName": "Sign-in activity",
    "properties": {
        "createdDateTime": "2026-03-02T00:00:02Z", "userPrincipalName": "hana@example.co.jp",
        "ipAddress": "203.0.113.9", "authenticationRequirement": "singleFactorAuthentication",
        "status": {"errorCode": 50126, "failureReason": "Invalid password"},
    },
}  # fmt: skip
AUDIT = {
    "time": "2026-03-02T00:00:03Z", "category": "AuditLogs", "operationName": "Add member to role",
    "properties": {
        "activityDateTime": "2026-03-02T00:00:03Z", "loggedByService": "Core Directory",
        "initiatedBy": {"user": {"userPrincipalName": "hana@example.co.jp"}},
        "targetResources": [{"modifiedProperties": [{"displayName": "Role.DisplayName"}]}],
    },
}  # fmt: skip
ACTIVITY = {
    "time": "2026-03-02T00:00:04Z", "resourceId": "/subscriptions/1/resourceGroups/x",
    "operationName": "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/WRITE", "category": "Administrative",
    "identity": {"claims": {"name": "Hana"}},
}  # fmt: skip
GCP = {
    "timestamp": "2026-03-02T00:00:05Z", "insertId": "1", "logName": "projects/p/logs/audit",
    "protoPayload": {"methodName": "storage.buckets.delete", "serviceName": "s.example"},
}  # fmt: skip
OKTA = {
    "published": "2026-03-02T00:00:06Z", "eventType": "user.session.start", "actor": {"id": "1"},
    "target": [{"displayName": "A"}, {"displayName": "Okta Admin Console"}],
}  # fmt: skip
M365 = {
    "CreationTime": "2026-03-02T00:00:07", "RecordType": 40, "Workload": "SecurityComplianceCenter",
    "Operation": "AlertTriggered", "Name": "Elevation of Exchange admin privilege",
    "Status": "Active", "UserId": "SecurityComplianceAlerts",
}  # fmt: skip
KUBERNETES = {
    "kind": "Event", "auditID": "1", "stage": "ResponseComplete", "verb": "create",
    "objectRef": {"resource": "pods", "subresource": "exec"}, "user": {"username": "hana"},
    "requestReceivedTimestamp": "2026-03-02T00:00:08.000000Z",
}  # fmt: skip
BITBUCKET = {
    "auditType": {"category": "Projects", "action": "Project deleted"}, "author": {"name": "hana"},
    "affectedObjects": [], "timestamp": {"epochSecond": 1772409609, "nano": 0},
}  # fmt: skip
CANARY = {
    "logtype": 4002, "node_id": "d", "src_host": "192.0.2.10", "dst_host": "192.0.2.80",
    "utc_time": "2026-03-02 00:00:10.000000", "logdata": {"USERNAME": "root"},
}  # fmt: skip
GITHUB = {"action": "repo.access", "actor": "hana", "org": "x", "@timestamp": 1772409611000}
AUDITD = (
    "type=EXECVE msg=audit(1772409612.1:1): argc=4 a0=bash a1=-c a2=63617420 "
    "a3=2F6574632F736861646F77"
)
# What no mapping knows is read where it stands beside what one does.
SYSLOG = """Mar  2 00:00:13 web-1 sudo:     hana : TTY=pts/0 ; PWD=/ ; USER=#-1 ; COMMAND=/bin/id
Mar  2 00:00:14 web-1 guacd[7]: Creating new client for protocol rdp, joined 2 times
Mar  2 00:00:17 web-1 django[9]: ERROR SuspiciousOperation: bad host header"""
FORTIGATE = (
    'date=2026-03-02 time=00:00:15 logid="0100044547" type="event" subtype="system"'
    ' vd="root" user="admin" ui="GUI" action="Add" cfgpath="system.admin" cfgobj="x"'
)
CISCO = (
    "<189>77: Mar  2 00:00:16: %PARSER-5-CFGLOG_LOGGEDCMD: User:x logged command:crypto pki export"
)

CASES: list[tuple[str, str | dict[str, Any], str]] = [
    (
        "product: aws, service: cloudtrail", TRAIL,
        "{eventName: createuser, userIdentity.type: AssumedRole}",
    ),
    (
        "product: azure, service: signinlogs", SIGN_IN,
        "{ResultType: 50126, AuthenticationRequirement: singleFactorAuthentication}",
    ),
    (
        "product: azure, service: auditlogs", AUDIT,
        "{properties.message: Add member to role, LoggedByService: core directory}",
    ),
    (
        "product: azure, service: activitylogs", ACTIVITY,
        "{OperationNameValue|startswith: Microsoft.Network/}",
    ),
    ("product: gcp, service: gcp.audit", GCP, "{gcp.audit.method_name: storage.buckets.delete}"),
    ("product: okta, service: okta", OKTA, "{target.displayName: Okta Admin Console}"),
    (
        "product: m365, service: threat_management", M365,
        "{eventSource: SecurityComplianceCenter, eventName|startswith: Elevation, status: success}",
    ),
    (
        "product: kubernetes, service: audit", KUBERNETES,
        "{verb: create, objectRef.subresource: exec}",
    ),
    (
        "product: bitbucket, service: audit", BITBUCKET,
        "{auditType.category: Projects, auditType.action: Project deleted}",
    ),
    ("product: opencanary, category: application", CANARY, "{logtype: 4002}"),
    ("product: github, service: audit", GITHUB, "{action: repo.access}"),
    ("product: linux, service: auditd", AUDITD, "{type: EXECVE, a0: bash, a3: /etc/shadow}"),
    ("product: linux, service: sudo", SYSLOG, "{USER: '#-1'}"),
    ("product: linux, service: guacamole", SYSLOG, "['joined 2 times']"),
    ("product: fortigate, service: event", FORTIGATE, "{action: Add, cfgpath: system.admin}"),
    ("product: cisco, service: aaa", CISCO, "['crypto pki export']"),
    ("product: django, category: application", SYSLOG, "[SuspiciousOperation]"),
]  # fmt: skip


def rule(number: int, source: str, selection: str) -> str:
    return (
        f"title: r{number}\nid: 00000000-0000-4000-8000-{number:012}\nlogsource: {{{source}}}\n"
        f"detection:\n  s: {selection}\n  condition: s\n"
    )


def test_each_log_source_is_matched_by_its_own_fields(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for number, (_source, record, _selection) in enumerate(CASES):
        text = record if isinstance(record, str) else json.dumps(record)
        (logs / f"{number:02}.log").write_text(f"{text}\n", "utf-8")
    texts = [rule(n, source, selection) for n, (source, _r, selection) in enumerate(CASES)]
    found = sigma.parse([("rules.yml", "---\n".join(texts))])
    assert found.broken == ()
    running = query.sigma_run(found, tmp_path / "scratch", lambda _l, _n: None)
    met = {(h.rule.title, h.file) for h in running.over([logs]) if isinstance(h, query.SigmaHit)}
    # Files of one content are one file.
    first = {str(record): n for n, (_s, record, _sel) in reversed([*enumerate(CASES)])}
    assert met == {
        (f"r{n}", f"{first[str(record)]:02}.log") for n, (_s, record, _sel) in enumerate(CASES)
    }


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ('{requestParameters|contains: \'"Effect":"Allow"\'}', True),  # an object is its JSON
        ("{requestParameters.policy.effect: allow}", True),
        ("{resources.type: AWS::KMS::Key}", True),  # one of a list is enough
        ("{resources.type: AWS::EC2}", False),
        ("{resources|contains: KMS}", True),
        ("{errorCode|exists: true}", False),
        ("{requestParameters.nothing: x}", False),
        ("{eventName|fieldref: userIdentity.type}", False),
    ],
)
def test_nested_records_answer_by_path(selection: str, expected: bool) -> None:
    found = sigma.parse([("r.yml", rule(1, "product: aws, service: cloudtrail", selection))])
    record = read(json.dumps(TRAIL), {"under": ["detail"]})
    group = Group("record:cloudtrail", 0, [Place("f", 1)], [record])
    assert [hit.place.line for hit in sigma.hits([group], found.rules)] == [1] * expected


def test_a_record_under_an_envelope_answers_as_itself() -> None:
    record = read(json.dumps({"detail-type": "x", "detail": TRAIL}), {"under": ["detail"]})
    assert (record.get("eventName"), record.get("detail.eventname")) == ("CreateUser", "CreateUser")


def test_numbers_of_a_system_call_stay_numbers_and_text_in_hex_is_read() -> None:
    call = "type=SYSCALL msg=audit(1.0:1): a0=7F00 a1=10 exe=2F746D702F612062 key=(null)"
    record = read(json.dumps({"message": call}), {"form": "auditd"})
    assert [record.get(n) for n in ("a0", "a1", "exe")] == ["7F00", "10", "/tmp/a b"]
    said = "type=USER_AUTH msg='op=PAM acct=\"root\" res=failed'"
    assert read(json.dumps({"message": said}), {"form": "auditd"}).get("acct") == "root"


def test_a_record_that_was_cut_still_serves_keywords() -> None:
    record = read('{"eventName": "PutUserPolicy", "requestParam', {})
    assert (record.get("eventName"), "PutUserPolicy" in str(record.get("message"))) == (None, True)


def test_a_rule_whose_field_no_column_holds_says_so() -> None:
    text = rule(1, "category: proxy", "{cs-cookie|contains: x}")
    (broken,) = sigma.parse([("r.yml", text)]).broken
    assert (broken.reason, broken.is_unserved, broken.logsource) == (
        "no column of http_activity holds cs-cookie", True, "proxy",
    )  # fmt: skip


def test_an_unknown_field_never_makes_a_rule_hold() -> None:
    text = rule(1, "category: proxy", "{cs-host: x}").replace(
        "condition: s", "f: {cs-cookie: y}\n  condition: s and not f"
    )
    assert [b.reason for b in sigma.parse([("r.yml", text)]).broken] == [
        "no column of http_activity holds cs-cookie"
    ]
    either = rule(1, "category: proxy", "[{cs-host: x}, {cs-cookie: y}]")
    (known,) = sigma.parse([("r.yml", either)]).rules
    rows = [{"cs-host": "x"}, {"cs-host": "z"}]
    group = Group("table:proxy", 0, [Place("f", 1), Place("f", 2)], rows)
    assert [hit.place.line for hit in sigma.hits([group], [known])] == [1]
