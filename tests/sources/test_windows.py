"""Windows event logs: three exporters say the same, and damage costs only its own record."""

from __future__ import annotations

import gzip
import json
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kizashi import pipeline
from kizashi.config import Config, Site
from kizashi.lake.engine import open_lake
from kizashi.schema import tables
from kizashi.sources import InputFile, Reject, windows

SAMPLES = Path(str(files("kizashi.sources.windows").joinpath("samples")))
SHAPES = ("otrf", "nxlog", "winlogbeat")
POWERSHELL = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"
WORD = r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE"
RUN_KEY = r"HKU\S-1-5-21-1-2-3-1107\Software\Microsoft\Windows\CurrentVersion\Run\Updater"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def input_file(path: Path, first_record: int = 0) -> InputFile:
    data = path.read_bytes()
    newlines = data.count(b"\n")
    return InputFile(
        path.name, path, 1, data[:65536], len(data), newlines, first_record=first_record
    )


class Found:
    """All that a file gave: rows by table, rejects, and the number of records read."""

    def __init__(self, path: Path, con: duckdb.DuckDBPyConnection, first_record: int = 0) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.rejects: list[Reject] = []
        self.read = 0
        for batch in windows.read(input_file(path, first_record), con):
            self.read += batch.read
            self.rejects += batch.rejects
            for table, sql in batch.selects.items():
                rows = con.execute(f"SELECT * FROM ({sql}) ORDER BY record_no")
                names = [column[0] for column in rows.description or ()]
                assert set(names) <= set(tables()[table].column_names)
                found = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
                self.rows.setdefault(table, []).extend(found)

    def counts(self) -> dict[str, int]:
        return {table: len(rows) for table, rows in self.rows.items()}

    def values(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        return [tuple(row[column] for column in columns) for row in self.rows[table]]

    def times(self, table: str) -> list[tuple[str | None, str | None]]:
        clocks = self.values(table, "time", "time_alt")
        return [(one.isoformat(), other and other.isoformat()) for one, other in clocks]


def write(path: Path, *records: object) -> Path:
    lines = (item if isinstance(item, str) else json.dumps(item) for item in records)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def event(channel: str, event_id: int, **fields: str) -> dict[str, object]:
    header = {"TimeCreated": "2026-03-02T09:00:00Z", "Hostname": "pc-07", "SourceName": "x"}
    return header | {"Channel": channel, "EventID": event_id} | fields


@pytest.mark.parametrize("shape", SHAPES)
def test_every_sample_is_claimed(shape: str) -> None:
    assert windows.claims(input_file(SAMPLES / f"{shape}.json")) == 90


def test_other_json_is_left_to_others(tmp_path: Path) -> None:
    zeek = write(tmp_path / "conn.json", {"ts": 1.5, "uid": "C1", "id.orig_h": "192.0.2.7"})
    assert windows.claims(input_file(zeek)) == 0
    assert windows.claims(InputFile("x", zeek, 1, b"\x00\x01\x02{[", 5, 0)) == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_every_record_of_a_sample_finds_its_table(
    shape: str, con: duckdb.DuckDBPyConnection
) -> None:
    found = Found(SAMPLES / f"{shape}.json", con)
    assert found.rejects == []
    assert found.read == 13  # records in make.py
    assert found.counts() == {
        "alert": 1,
        "authentication": 1,
        "dns_activity": 2,
        "file_activity": 1,
        "network_activity": 1,
        "other_activity": 1,
        "process_activity": 2,
        "registry_activity": 1,
        "scheduled_job_activity": 1,
        "script_activity": 1,
        "service_activity": 1,
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_three_exporters_say_the_same(shape: str, con: duckdb.DuckDBPyConnection) -> None:
    found = Found(SAMPLES / f"{shape}.json", con)
    columns = ("activity", "process_guid", "process_id", "image", "command_line", "user")
    assert found.values("process_activity", *columns) == [
        (
            "start",
            "11111111-2222-3333-0800-000000000100",
            4412,
            POWERSHELL,
            "powershell -nop -w hidden -c iex",
            "CORP\\sato",
        ),
        ("start", None, 4412, POWERSHELL, "powershell -nop -w hidden -c iex", "CORP\\sato"),
    ]
    parents = ("parent_guid", "parent_id", "parent_image", "integrity", "logon_id", "md5")
    assert found.values("process_activity", *parents) == [
        ("11111111-2222-3333-0700-000000000100", 3120, WORD, "Medium", "0x4a2b1", "ab" * 16),
        (None, 3120, WORD, "Medium", "0x4a2b1", None),
    ]
    assert found.values("dns_activity", "query", "rcode", "answers", "process_id") == [
        ("www.shop.example", "NOERROR", ["edge.example", "198.51.100.7"], 4412),
        ("gone.example", "NXDOMAIN", None, 4412),
    ]
    ends = ("client_ip", "client_port", "server_ip", "server_port", "transport", "initiated")
    assert found.values("network_activity", *ends, "server_name") == [
        ("192.0.2.7", 50123, "198.51.100.7", 443, "tcp", True, None)
    ]
    assert found.values("registry_activity", "activity", "key_path", "value_data") == [
        ("set", RUN_KEY, r"C:\Users\sato\AppData\Roaming\u.exe")
    ]
    job = ("activity", "task_name", "command", "arguments", "process_id", "logon_id", "user")
    assert found.values("scheduled_job_activity", *job) == [
        (
            "create",
            r"\Updater",
            "wscript.exe",
            r'//B "C:\Users\sato\a&b.js"',
            4412,
            "0x4a2b1",
            "CORP\\sato",
        )
    ]
    logon = ("activity", "success", "user", "logon_type", "protocol", "status", "client_ip")
    assert found.values("authentication", *logon) == [
        ("logon", False, "CORP\\admin", 3, "NTLM", "0xc000006a", "192.0.2.9")
    ]
    assert found.values("service_activity", "activity", "service_name", "image_path") == [
        ("create", "Updater", r"rundll32.exe C:\ProgramData\u.dll,Start")
    ]
    assert found.values("script_activity", "engine", "part", "parts", "text") == [
        ("powershell", 1, 2, "iex $x")
    ]
    assert found.values("alert", "title", "severity", "file_name") == [
        ("Trojan:Win32/Sample", "Severe", r"C:\Users\sato\AppData\Roaming\u.exe")
    ]
    assert found.values("other_activity", "provider", "type", "record_no") == [
        ("Microsoft-Windows-Security-Auditing", "Security/4611", 13)
    ]


@pytest.mark.parametrize(
    ("shape", "time"),
    [
        ("otrf", "2026-03-02T09:00:00.250000"),
        ("winlogbeat", "2026-03-02T09:00:00.250000"),
        ("nxlog", "2026-03-02T09:00:00"),
    ],
)
def test_both_clocks_are_kept(shape: str, time: str, con: duckdb.DuckDBPyConnection) -> None:
    found = Found(SAMPLES / f"{shape}.json", con)
    assert found.times("process_activity")[0] == (time, "2026-03-02T09:00:00.125000")
    assert found.values("process_activity", "clock_id", "device")[0] == ("windows:pc-07", "pc-07")


def test_a_time_without_a_zone_has_its_arrival_beside_it(con: duckdb.DuckDBPyConnection) -> None:
    found = Found(SAMPLES / "nxlog.json", con)
    assert found.times("service_activity") == [("2026-03-02T09:00:09", "2026-03-02T09:00:10")]


@pytest.mark.parametrize(
    ("beside", "time"),
    [
        ({"@timestamp": "2026-03-02T14:30:01.5Z"}, "2026-03-02T14:30:00"),
        ({"UtcTime": "2026-03-02 22:00:00.125"}, "2026-03-02T22:00:00"),
        # Held back for seven minutes, and a clock of another day: neither tells a zone.
        ({"@timestamp": "2026-03-02T09:07:01.5Z"}, "2026-03-02T18:00:00"),
        ({"@timestamp": "2026-03-04T09:00:01.5Z"}, "2026-03-02T18:00:00"),
        ({}, "2026-03-02T18:00:00"),
    ],
)
def test_a_clock_in_utc_beside_a_local_time_tells_its_zone(
    beside: dict[str, str], time: str, tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    record = event("Security", 4611) | {"EventTime": "2026-03-02 18:00:00"} | beside
    record = {k: v for k, v in record.items() if k != "TimeCreated"}
    record |= {} if "@timestamp" in beside else {"@timestamp": None}
    found = Found(write(tmp_path / "a.json", record), con)
    assert found.times("other_activity")[0][0] == time


def test_a_forwarded_record_keeps_its_own_time(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    own, arrival = "2026-03-02T09:00:00.5Z", "2026-03-05T09:00:00Z"
    winlog = {"channel": "Security", "event_id": "4611", "time_created": own}
    winlog |= {"provider_name": "Microsoft-Windows-Security-Auditing", "computer_name": "PC-07"}
    record = {"@timestamp": arrival, "winlog": winlog}
    found = Found(write(tmp_path / "a.json", record), con)
    assert found.times("other_activity") == [("2026-03-02T09:00:00.500000", None)]


def test_an_offset_in_a_time_is_counted(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    record = event("Security", 4611) | {"TimeCreated": "2026-03-02T18:00:00.5+09:00"}
    found = Found(write(tmp_path / "a.json", record), con)
    assert found.times("other_activity") == [("2026-03-02T09:00:00.500000", None)]


def test_damaged_lines_are_set_aside_and_nothing_else(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    good = event("Security", 4611)
    path = write(
        tmp_path / "a.json", good, '{"EventID": 1, "Chan', "", "\x00\x01rubbish", good, "[1]"
    )
    with path.open("ab") as stream:
        stream.write(b'{"EventID": 4611, "x": "\xff"}\n' + json.dumps(good).encode()[:-9])
    found = Found(path, con)
    assert [(r.record_no, r.reason) for r in found.rejects] == [
        (2, "not valid JSON"),
        (4, "not a JSON object"),
        (6, "not a JSON object"),
        (8, "not valid JSON"),
    ]
    assert found.values("other_activity", "record_no") == [(1,), (5,), (7,)]
    assert found.read == 7  # eight lines, one of them blank


def test_lines_read_before_count(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    path = write(tmp_path / "a.json", event("Security", 4611), "{")
    found = Found(path, con, first_record=100)
    assert found.values("other_activity", "record_no") == [(101,)]
    assert found.rejects == [Reject(102, "not valid JSON", "{")]


def test_a_desktop_session_left_and_taken_up_again_names_who_and_from_where(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    who = {"AccountName": "sato", "AccountDomain": "CORP", "LogonID": "0x76FEA87"}
    where = {"ClientName": "PC-09", "ClientAddress": "192.0.2.9", "SessionName": "RDP-Tcp#1"}
    events = [event("Security", number, **who, **where) for number in (4779, 4778)]
    found = Found(write(tmp_path / "log.json", *events), con)
    columns = ("activity", "success", "user", "logon_type", "logon_id", "client_ip", "workstation")
    assert found.values("authentication", *columns) == [
        ("logoff", True, "CORP\\sato", 10, "0x76fea87", "192.0.2.9", "PC-09"),
        ("logon", True, "CORP\\sato", 10, "0x76fea87", "192.0.2.9", "PC-09"),
    ]


@pytest.mark.parametrize("event_id", [400, 403, 600])
def test_a_powershell_engine_tells_the_program_that_hosts_it(
    event_id: int, tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    details = "\tNewEngineState=Available\n\tHostApplication=powershell -enc AAAA\n\tPipelineId="
    started = event("Windows PowerShell", event_id, param1="Available", param3=details)
    found = Found(write(tmp_path / "log.json", started), con)
    assert found.values("script_activity", "engine", "text") == [
        ("powershell", "powershell -enc AAAA")
    ]


LOGON = """<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>
<Provider Name='Microsoft-Windows-Security-Auditing' Guid='{54849625}'/><EventID>4624</EventID>
<TimeCreated SystemTime='2026-03-02T09:00:00.5Z'/><EventRecordID>7</EventRecordID>
<Execution ProcessID='592' ThreadID='6'/><Channel>Security</Channel><Computer>pc-07</Computer>
</System><EventData><Data Name='TargetUserName'>sato</Data><Data Name='TargetDomainName'>CORP</Data>
<Data Name='LogonType'>3</Data><Data Name='IpAddress'>192.0.2.9</Data>
<Data Name='WorkstationName'>A&amp;B</Data></EventData></Event>"""
ONE_LINE = LOGON.replace("\n", "")


@pytest.mark.parametrize(
    "text",
    [
        LOGON,
        ONE_LINE,
        f'<?xml version="1.0"?>\n<Events>\n{LOGON}\n</Events>',
        f"Mar  2 09:00:01 wec-1 events: {ONE_LINE}",
        json.dumps({"result": {"_raw": ONE_LINE, "host": "wec-1"}}),
        json.dumps({"category": "WindowsEventLogsTable", "properties": {"RawXml": LOGON}}),
        f'"_time","_raw"\n"2026-03-02","{ONE_LINE}"',
    ],
    ids=["lines", "one line", "document", "syslog", "Splunk's JSON", "Azure's table", "CSV"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_event_as_xml_is_read_whatever_holds_it(
    text: str, encoding: str, tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    log = tmp_path / "log.xml"
    log.write_bytes(f"{text}\n".encode(encoding))
    found = Found(log, con)
    assert (found.read, found.rejects) == (1, [])
    columns = ("activity", "user", "logon_type", "client_ip", "workstation", "device")
    assert found.values("authentication", *columns) == [
        ("logon", "CORP\\sato", 3, "192.0.2.9", "A&B", "pc-07")
    ]
    assert found.times("authentication") == [("2026-03-02T09:00:00.500000", None)]


def test_damaged_xml_is_set_aside_and_the_next_event_is_read(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    bomb = '<!DOCTYPE e [<!ENTITY a "aaaa">]>' + ONE_LINE.replace("sato", "&a;")
    log = tmp_path / "log.xml"
    log.write_text("\n".join([bomb, ONE_LINE.replace("</System>", ""), ONE_LINE, LOGON[:300]]))
    found = Found(log, con)
    assert (found.read, len(found.rejects)) == (4, 3)
    assert found.values("authentication", "user") == [("CORP\\sato",)]


def test_a_line_over_the_limit_is_named_and_the_next_is_read(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    good = event("Security", 4611)
    long = json.dumps(good | {"x": "a" * (70 << 20)})
    found = Found(write(tmp_path / "a.json", good, long, good), con)
    assert [(r.record_no, r.reason) for r in found.rejects] == [(2, "line longer than 16 MiB")]
    assert found.values("other_activity", "record_no") == [(1,), (3,)]


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_records_is_read(
    indent: int | None, tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([event("Security", 4611), event("Security", 4612)], indent=indent))
    assert windows.claims(input_file(path)) == 90
    found = Found(path, con)
    assert found.values("other_activity", "type") == [("Security/4611",), ("Security/4612",)]


def test_a_cut_array_keeps_its_whole_records(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    text = json.dumps([event("Security", 4611), event("Security", 4612)], indent=1)
    (tmp_path / "a.json").write_text(text[:-20])
    found = Found(tmp_path / "a.json", con)
    assert found.values("other_activity", "type") == [("Security/4611",)]
    assert len(found.rejects) == 1  # the record that is cut
    assert found.read == 2


def test_utf_16_with_a_mark_is_read(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    text = json.dumps(event("Security", 4611, Note="兆し"), ensure_ascii=False) + "\n"
    (tmp_path / "a.json").write_bytes(text.encode("utf-16"))
    assert windows.claims(input_file(tmp_path / "a.json")) == 90
    found = Found(tmp_path / "a.json", con)
    assert json.loads(found.rows["other_activity"][0]["fields"])["Note"] == "兆し"


def test_a_field_in_a_command_line_does_not_replace_the_real_one(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    message = "Process Create:\r\nUtcTime: 2026-03-02 09:00:00.125\r\nImage: C:\\a.exe\r\n"
    message += "CommandLine: a.exe x\r\nImage: C:\\fake.exe\r\nUser: CORP\\sato"
    sysmon = "Microsoft-Windows-Sysmon"
    record = event(f"{sysmon}/Operational", 1, Message=message) | {"SourceName": sysmon}
    found = Found(write(tmp_path / "a.json", record), con)
    assert found.values("process_activity", "image", "user") == [("C:\\a.exe", "CORP\\sato")]


def test_fields_too_large_are_cut_and_stay_json(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    found = Found(write(tmp_path / "a.json", event("Security", 4611, Note="\\" * 70_000)), con)
    fields = found.rows["other_activity"][0]["fields"]
    assert len(fields) <= 65_536
    assert list(json.loads(fields)) == ["cut"]


def test_natural_keys_follow_the_record_and_not_the_file(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    record = event("Security", 4611, RecordNumber="7")
    other = event("Security", 4611, RecordNumber="8")
    one = Found(write(tmp_path / "a.json", record, other, event("Security", 4611)), con)
    two = Found(write(tmp_path / "b.json", other, record), con)
    first, second, none = one.values("other_activity", "natural_key")
    assert first != second
    assert none == (None,)
    assert two.values("other_activity", "natural_key") == [second, first]


def test_a_closed_reader_leaves_no_thread(con: duckdb.DuckDBPyConnection) -> None:
    batches = windows.read(input_file(SAMPLES / "otrf.json"), con)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert "windows-reader" not in {thread.name for thread in threading.enumerate()}


# ---------------------------------------------------------------- real captures


def unpacked(packed: Path, folder: Path) -> Path:
    path = folder / packed.name.removesuffix(".gz")
    with gzip.open(packed) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    return path


@pytest.mark.real_data
@pytest.mark.parametrize("folder", ["evtx-attack-samples", "evtx-benign", "splunk-attack-data"])
def test_every_record_of_real_evtx_is_counted(
    folder: str, shared_data: Path, tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    rejected = Counter[str]()
    for packed in sorted((shared_data / "telemetry" / folder).rglob("*.evtx.gz")):
        path = unpacked(packed, tmp_path)
        assert windows.claims(input_file(path)) == 100
        found = Found(path, con)
        assert found.read == sum(found.counts().values()) + len(found.rejects), path.name
        rejected[path.name] += len(found.rejects)
    damaged = {
        "sample-with-zero-data-size-event.evtx": 1,
        "sample_with_a_bad_chunk_magic.evtx": 2,
        "sysmon.evtx": 8,
    }
    assert +rejected == (damaged if folder == "evtx-benign" else {})


@pytest.mark.real_data
def test_a_damaged_chunk_costs_only_its_own_records(
    shared_data: Path, tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    packed = shared_data / "telemetry" / "evtx-benign" / "system.evtx.gz"
    path = unpacked(packed, tmp_path)
    whole = Found(path, con)
    data = bytearray(path.read_bytes())
    second = 4096 + 65536
    data[second : second + 8] = b"\0" * 8
    data[:128] = b"\xff" * 128
    path.write_bytes(data)
    assert windows.claims(input_file(path)) == 100
    damaged = Found(path, con)
    lost = sum(whole.counts().values()) - sum(damaged.counts().values())
    assert 0 < lost < 400  # one 64 KiB chunk of System records
    assert len(damaged.rejects) == 1


@pytest.mark.real_data
def test_rendered_messages_fill_what_nxlog_overwrote(
    shared_data: Path, tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    packed = shared_data / "telemetry" / "splunk-attack-data"
    path = unpacked(next(packed.glob("T1053.005*.json.gz")), tmp_path)
    found = Found(path, con)
    starts = [row for row in found.rows["process_activity"] if row["activity"] == "start"]
    assert all(row["process_id"] for row in starts)
    assert {row["activity"] for row in found.rows["registry_activity"]} <= {
        "create",
        "set",
        "delete",
        "rename",
    }
    assert any("schtasks" in (row["command_line"] or "").lower() for row in starts)


@pytest.mark.parametrize(
    ("beside", "received"),
    [
        ({"EventReceivedTime": "2026-03-02 18:00:09"}, 4.0),
        ({"@timestamp": "2026-03-02T09:01:05.000Z"}, 60.0),
        (
            {
                "@timestamp": "2026-03-02T09:01:05.000Z",
                "event": {"created": "2026-03-02T09:00:07Z"},
            },
            2.0,
        ),
        ({}, None),
    ],
)
def test_when_a_collector_took_a_record_in_is_kept(
    beside: dict[str, object], received: float | None, tmp_path: Path
) -> None:
    own = {"EventID": 4625, "Channel": "Security", "Hostname": "pc-07", "RecordNumber": 1}
    record = own | {"EventTime": "2026-03-02 18:00:05", "TargetUserName": "kato"} | beside
    (tmp_path / "security.json").write_text(json.dumps(record) + "\n")
    config = Config(sites=(Site("tokyo", "Asia/Tokyo"),))
    list(pipeline.read(tmp_path / "lake", [tmp_path / "security.json"], config))
    with open_lake(tmp_path / "lake") as con:
        sql = "SELECT epoch(received - time) FROM authentication"
        assert con.execute(sql).fetchall() == [(received,)]
