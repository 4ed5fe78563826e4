"""One record in the shapes that exports give it: nested, flat, in an envelope, inside a string."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from kizashi.errors import KizashiError
from kizashi.sources.mapping import load
from tests.sources.test_mapped import plain, read, user_folder

AUDIT = {
    "CreationTime": "2026-03-02T00:00:01",
    "RecordType": 15,
    "Workload": "AzureActiveDirectory",
    "Operation": "UserLoginFailed",
    "UserId": "hana@example.co.jp",
    "ClientIP": "203.0.113.9",
    "ErrorNumber": "50126",
}
SIGNED_IN = {
    "table": "authentication",
    "time": "2026-03-02 00:00:01",
    "source": "o365",
    "client_ip": "203.0.113.9",
    "record_no": 1,
    "activity": "logon",
    "success": False,
    "user": "hana@example.co.jp",
    "status": "50126",
}
SENSOR = """
title = "A sensor that nobody knows"
format = "json"
under = ["payload"]
[match]
keys = ["eventKind|kind"]
any_case = true
[time]
from = ["eventTime"]
[[table]]
name = "alert"
when = { "eventKind" = { pattern = "^threat-" } }
[table.columns]
title = "details.0.ruleName"
device = "host.name"
[[table]]
name = "other_activity"
[table.columns]
user = "userName"
"""


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a CSV with a header; an object becomes JSON in its cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    for row in rows:
        writer.writerow({k: json.dumps(v) if isinstance(v, dict) else v for k, v in row.items()})
    return text.getvalue()


@pytest.mark.parametrize(
    "logged",
    [
        json.dumps(AUDIT),
        json.dumps({"value": [AUDIT]}),
        json.dumps([AUDIT], indent=1),
        json.dumps({"event": {"original": json.dumps(AUDIT)}}),
        json.dumps({"o365audit": AUDIT}),
        json.dumps({"_source": {"message": json.dumps(AUDIT)}}),
        json.dumps({"records": [{"message": json.dumps(AUDIT)}]}),
        json.dumps({"id": "r-1", "recordType": "x", "auditData": AUDIT}),
        json.dumps({key.lower(): value for key, value in AUDIT.items()}),
        table([{"RecordId": "r-1", "RecordType": "15", "UserIds": "x", "AuditData": AUDIT}]),
        table([{"time": "2026-03-02T00:00:02Z", "host": "siem-1", "_raw": AUDIT}]),
    ],
    ids=[
        "line", "Graph's page", "array", "Elastic's original", "named after the log", "search hit",
        "batch", "Graph's audit record", "lower case", "Purview's CSV", "search result as CSV",
    ],
)  # fmt: skip
def test_an_audit_record_is_the_same_however_it_was_exported(logged: str, tmp_path: Path) -> None:
    _line, rows = read(tmp_path, logged.encode())
    assert [plain(row) | {"record_no": 1} for row in rows] == [SIGNED_IN]


@pytest.mark.parametrize("between", [",", "", ", "])
def test_objects_one_after_another_on_a_line_are_each_read(between: str, tmp_path: Path) -> None:
    one = json.dumps(AUDIT)
    line, rows = read(tmp_path, f"{one}{between}{one.replace('01', '02')}\n".encode())
    assert (line.read, line.rejected) == (2, 0)
    assert [str(row["time"]) for row in rows] == ["2026-03-02 00:00:01", "2026-03-02 00:00:02"]


def test_a_record_that_holds_a_list_named_as_a_batch_stays_one_record(tmp_path: Path) -> None:
    record = AUDIT | {"events": [{"name": "a"}, {"name": "b"}], "actor": {"email": "x"}}
    _line, rows = read(tmp_path, json.dumps(record).encode())
    assert [plain(row) for row in rows] == [SIGNED_IN]


def test_an_empty_page_of_results_holds_no_record(tmp_path: Path) -> None:
    line, rows = read(tmp_path, f'{json.dumps(AUDIT)}\n{{"value": []}}\n'.encode())
    assert (line.read, line.rejected, len(rows)) == (1, 0, 1)


def test_text_that_only_looks_like_json_stays_as_it_is(tmp_path: Path) -> None:
    record = AUDIT | {"UserId": '{"not json', "ErrorNumber": '[1, "x"'}
    _line, rows = read(tmp_path, json.dumps(record).encode())
    assert (rows[0]["user"], rows[0]["status"]) == ('{"not json', '[1, "x"')


THREAT = {"eventKind": "threat-found", "eventTime": "2026-03-02T00:00:01Z"}


@pytest.mark.parametrize(
    "record",
    [
        THREAT | {"details": [{"ruleName": "Odd"}], "host": {"name": "PC-07"}},
        THREAT | {"payload": {"details": [{"ruleName": "Odd"}], "host": {"name": "PC-07"}}},
        THREAT | {"payload": json.dumps({"details": [{"ruleName": "Odd"}], "host.name": "PC-07"})}
        | {"host.name": "PC-07"},
        {"EventKind": "threat-found", "EventTime": "2026-03-02T00:00:01Z"}
        | {"Details": [{"RuleName": "Odd"}], "Host": {"Name": "PC-07"}},
        {"event_kind": "threat-found", "event_time": "2026-03-02T00:00:01Z"}
        | {"details": [{"rule_name": "Odd"}], "host": {"name": "PC-07"}},
    ],
    ids=["nested", "under an object", "under JSON in a string", "capitals", "underscores"],
)  # fmt: skip
def test_a_field_is_found_in_each_spelling_and_place(
    record: dict[str, Any], tmp_path: Path
) -> None:
    folder = user_folder(tmp_path, SENSOR)
    _line, (row,) = read(tmp_path, json.dumps(record).encode(), folder=folder)
    assert (row["table"], row["title"], row["device"]) == ("alert", "Odd", "pc-07")


def test_a_value_outside_the_pattern_of_when_goes_on_to_the_next_table(tmp_path: Path) -> None:
    record = {"eventKind": "sign-in", "eventTime": "2026-03-02T00:00:01Z", "userName": "hana"}
    folder = user_folder(tmp_path, SENSOR)
    _line, (row,) = read(tmp_path, json.dumps(record).encode(), folder=folder)
    assert (row["table"], row["user"]) == ("other_activity", "hana")


def test_a_key_of_when_that_is_none_is_refused(tmp_path: Path) -> None:
    path = user_folder(tmp_path, SENSOR.replace("pattern =", "patern =")) / "gate" / "mapping.toml"
    with pytest.raises(KizashiError, match=r'unknown key of when\.eventKind "patern"'):
        load(path, "gate")


def test_each_flow_of_a_flow_log_is_a_record(tmp_path: Path) -> None:
    tuples = [f"177240966{n},198.51.100.9,192.0.2.10,2874{n},443,T,I,D,B,,,," for n in range(3)]
    rules = [{"rule": "DenyIn", "flows": [{"mac": "00", "flowTuples": tuples[:2]}]}]
    rules.append({"rule": "DenyAll", "flows": [{"mac": "00", "flowTuples": tuples[2:]}]})
    log = {
        "time": "2026-03-02T01:00:00Z",
        "resourceId": "/SUBSCRIPTIONS/S/NETWORKSECURITYGROUPS/N",
        "properties": {"Version": 2, "flows": rules},
    }
    line, rows = read(tmp_path, json.dumps({"records": [log, log]}).encode())
    assert (line.read, line.rejected) == (6, 0)
    assert [row["client_port"] for row in rows] == [28740, 28740, 28741, 28741, 28742, 28742]


@pytest.mark.parametrize(
    "page",
    [
        {"data": [AUDIT, AUDIT], "pagination": {"totalItems": 2, "nextCursor": None}},
        {"version": "v1", "metadata": {"results": {"total": 2}}, "data": [AUDIT, AUDIT]},
        {"stat": "OK", "response": [AUDIT, AUDIT]},
        {"items": [AUDIT, AUDIT], "has_more": False},
    ],
)
def test_a_page_of_an_api_is_read_as_its_records(page: dict[str, Any], tmp_path: Path) -> None:
    line, rows = read(tmp_path, json.dumps(page).encode())
    assert (line.read, line.rejected) == (2, 0)
    assert {str(plain(row) | {"record_no": 1}) for row in rows} == {str(SIGNED_IN)}


def test_a_record_with_a_list_of_its_own_called_data_stays_one(tmp_path: Path) -> None:
    record = AUDIT | {"data": [{"name": "a"}, {"name": "b"}], "events": [{"name": "a"}]}
    _line, rows = read(tmp_path, json.dumps(record).encode())
    assert [plain(row) for row in rows] == [SIGNED_IN]


CONNECTED = {
    "Timestamp": "2026-03-02T00:00:01.5Z",
    "ActionType": "ConnectionSuccess",
    "DeviceName": "pc-07.example.co.jp",
    "LocalIP": "192.0.2.10",
    "LocalPort": 50001,
    "RemoteIP": "198.51.100.7",
    "RemotePort": 443,
    "RemoteUrl": "www.example.com",
    "Protocol": "TcpV4",
    "InitiatingProcessUniqueId": "u-1",
    "InitiatingProcessFileName": "cmd.exe",
    "ReportId": 7,
}
HUB = {"time": "2026-03-02T00:00:05Z", "category": "AdvancedHunting-DeviceNetworkEvents"}


@pytest.mark.parametrize(
    "logged",
    [
        json.dumps({"records": [HUB | {"properties": CONNECTED}]}),
        json.dumps(HUB | {"properties": json.dumps(CONNECTED)}),
        json.dumps(CONNECTED),
        json.dumps(HUB | {f"properties.{key}": value for key, value in CONNECTED.items()}),
        json.dumps(CONNECTED | {"TimeGenerated": CONNECTED["Timestamp"], "Type": "Device"}),
        table([CONNECTED]),
        table([HUB | {f"properties.{key}": value for key, value in CONNECTED.items()}]),
    ],
    ids=["event hub", "JSON in a string", "API", "dotted keys", "Sentinel", "portal's CSV", "CSV"],
)
def test_a_hunting_record_is_the_same_however_it_was_exported(logged: str, tmp_path: Path) -> None:
    _line, (row,) = read(tmp_path, logged.encode())
    said = plain(row)
    # Some exports keep when the service received the record.
    assert said.pop("received", "2026-03-02 00:00:05") == "2026-03-02 00:00:05"
    assert said | {"record_no": 1} == {
        "table": "network_activity",
        "time": "2026-03-02 00:00:01.500000",
        "source": "defender",
        "device": "pc-07",
        "client_ip": "192.0.2.10",
        "record_no": 1,
        "client_port": 50001,
        "server_ip": "198.51.100.7",
        "server_port": 443,
        "server_name": "www.example.com",
        "transport": "tcp",
        "initiated": True,
        "process_guid": "u-1",
        "image": "cmd.exe",
        "disposition": "allowed",
    }


def test_a_csv_of_dotted_names_is_an_okta_log(tmp_path: Path) -> None:
    rows = [
        {
            "published": "2026-03-02T00:00:01.000Z",
            "eventType": "user.session.start",
            "actor.alternateId": "hana@example.co.jp",
            "client.ipAddress": "203.0.113.9",
            "outcome.result": "FAILURE",
            "outcome.reason": "INVALID_CREDENTIALS",
        }
    ]
    _line, (row,) = read(tmp_path, table(rows).encode())
    told = ("table", "source", "user", "client_ip", "success", "status")
    assert [row.get(name) for name in told] == [
        "authentication", "okta", "hana@example.co.jp", "203.0.113.9", False, "INVALID_CREDENTIALS",
    ]  # fmt: skip
