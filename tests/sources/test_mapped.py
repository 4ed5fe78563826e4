"""Text logs by mapping files: samples, a user's mapping, envelopes, encodings, zones, damage."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kizashi import pipeline
from kizashi.config import Config, Site
from kizashi.errors import KizashiError
from kizashi.lake.ingest import Line
from kizashi.schema import tables
from kizashi.sources.mapping import load

SOURCES = Path(__file__).resolve().parents[2] / "src" / "kizashi" / "sources"
MAPPINGS = sorted(path.parent for path in SOURCES.glob("*/mapping.toml"))
ARRIVED = datetime(2026, 4, 1, tzinfo=UTC)
UNTOLD = {"file_id", "site", "host_id", "bucket", "fields", "unmapped", "vantage", "clock_id"}
GATE = """
title = "A gate that nobody knows"
format = "pattern"
pattern = '^(?P<when>[^|]+)\\|(?P<who>[^|]*)\\|(?P<where>[^|]*)\\|(?P<verdict>.*)$'
[match]
pattern = '^[^|]+\\|[^|]*\\|[^|]*\\|(?:通過|遮断|ok)$'
[time]
from = ["when"]
[[table]]
name = "http_activity"
[table.columns]
client_ip = "who"
host = { field = "where", part = "host" }
disposition = { field = "verdict", values = { "通過" = "allowed", "遮断" = "blocked" } }
"""


def read(
    tmp_path: Path,
    data: bytes,
    *,
    zone: str = "",
    folder: Path | None = None,
    arrived: datetime = ARRIVED,
) -> tuple[Line, list[dict[str, Any]]]:
    """The file's line, and its rows as {table, column: value} in order of record."""
    log = tmp_path / "some.log"
    log.write_bytes(data)
    os.utime(log, (arrived.timestamp(), arrived.timestamp()))
    config = Config(sites=(Site("here", zone),) if zone else ())
    lake = tmp_path / "lake"
    folders = (folder,) if folder else ()
    (line,) = pipeline.read(lake, [log], config, folders)
    rows: list[dict[str, Any]] = []
    with pipeline.open_settled(lake) as con:
        for name in tables():
            found = con.execute(f"SELECT * FROM {name}")
            names = [column[0] for column in found.description or []]
            rows += [
                {"table": name} | {k: v for k, v in zip(names, row, strict=True) if v is not None}
                for row in found.fetchall()
            ]
    return line, sorted(rows, key=lambda row: (row["record_no"], row["table"], str(row)))


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in row.items() if name not in UNTOLD}
    return dict(json.loads(json.dumps(told, default=str)))


def user_folder(tmp_path: Path, text: str = GATE) -> Path:
    folder = tmp_path / "own" / "gate"
    folder.mkdir(parents=True)
    (folder / "mapping.toml").write_text(text, "utf-8")
    return folder.parent


@pytest.mark.parametrize("folder", MAPPINGS, ids=lambda path: str(path.name))
def test_the_sample_of_a_mapping_lands_as_the_folder_says(folder: Path, tmp_path: Path) -> None:
    (sample,) = folder.glob("samples/sample.*")
    line, rows = read(tmp_path, sample.read_bytes())
    text = (folder / "samples" / "expected.jsonl").read_text("utf-8")
    wanted = [json.loads(record) for record in text.splitlines()]
    assert (line.source, line.rejected, line.read) == (folder.name, 0, line.stored)
    assert sorted(map(str, (sorted(plain(r).items()) for r in rows))) == sorted(
        map(str, (sorted(w.items()) for w in wanted))
    )


DENIED = (
    "1772409603.000      1 192.0.2.11 TCP_DENIED/403 3800 POST http://bad.example/up - "
    "HIER_NONE/- text/html"
)


@pytest.mark.parametrize(
    "wrapped",
    [
        DENIED,
        f"<134>Mar  2 00:00:09 px-1 squid[42]: {DENIED}",
        f"<134>1 2026-03-02T00:00:09Z px-1 squid 42 - - {DENIED}",
        f"Mar  2 00:00:09 px-1 squid: {DENIED}",
        json.dumps({"result": {"_raw": DENIED, "host": "px-1"}}),
        json.dumps({"_source": {"message": DENIED, "@timestamp": "2026-03-02T00:00:09Z"}}),
        json.dumps({"@timestamp": "2026-03-02T00:00:09Z", "event": {"original": DENIED}}),
        json.dumps({"date": 1772409609.0, "log": DENIED}),
        json.dumps({"records": [{"message": DENIED}]}),
        json.dumps([{"message": DENIED}], indent=2),
        json.dumps({"message": f"<134>Mar  2 00:00:09 px-1 squid[42]: {DENIED}"}),
    ],
)
def test_a_record_is_the_same_in_every_wrapping(wrapped: str, tmp_path: Path) -> None:
    line, rows = read(tmp_path, (wrapped + "\n").encode())
    assert (line.read, line.stored) == (1, 1)
    (row,) = rows
    assert (row["table"], row["client_ip"], row["host"], row["disposition"], row["source"]) == (
        "http_activity", "192.0.2.11", "bad.example", "blocked", "squid",
    )  # fmt: skip
    assert row["time"] == datetime(2026, 3, 2, 0, 0, 3)  # noqa: DTZ001 - tables hold UTC


def test_rows_of_two_products_in_one_file_are_parted(tmp_path: Path) -> None:
    forti = next((SOURCES / "fortigate" / "samples").glob("sample.*")).read_text("utf-8")
    text = f"{forti}{DENIED}\nMar  2 09:00:00 host-1 acmed[1]: job done\nneither time nor sense\n"
    line, rows = read(tmp_path, text.encode())
    lines = len(text.splitlines())
    assert (line.read, line.stored, line.rejected) == (lines, lines - 1, 1)
    assert {row["source"] for row in rows} == {"fortigate", "squid", "text"}
    (unknown,) = [row for row in rows if row["source"] == "text"]
    assert (unknown["table"], unknown["provider"]) == ("other_activity", "acmed")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp932", "euc_jp",
                 "iso2022_jp"],
)  # fmt: skip
def test_a_users_mapping_reads_japanese_in_any_encoding(encoding: str, tmp_path: Path) -> None:
    text = "2026-03-02 09:00:00|192.0.2.10|http://資料.example/a|遮断\n" * 40
    line, rows = read(
        tmp_path, text.encode(encoding), zone="Asia/Tokyo", folder=user_folder(tmp_path)
    )
    assert (line.source, line.stored) == ("gate", 40)
    assert {(r["host"], r["disposition"]) for r in rows} == {("資料.example", "blocked")}
    assert rows[0]["time"] == datetime(2026, 3, 2)  # noqa: DTZ001
    assert ("read as" in line.note) == (not encoding.startswith("utf-8"))


def test_lines_of_differing_encodings_are_each_read_in_their_own(tmp_path: Path) -> None:
    lines = [
        f"2026-03-02 09:00:0{n}|192.0.2.10|http://資料.example/|通過\n".encode(encoding)
        for n, encoding in enumerate(("utf-8", "cp932", "utf-8", "cp932"))
    ]
    line, rows = read(tmp_path, b"".join(lines), folder=user_folder(tmp_path))
    assert {row["host"] for row in rows} == {"資料.example"}
    assert "read as mixed" in line.note


@pytest.mark.parametrize(
    ("logged", "zone", "utc"),
    [
        ("2026-03-02 09:00:00", "Asia/Tokyo", "2026-03-02 00:00:00"),
        ("2026-03-02 09:00:00", "Asia/Tehran", "2026-03-02 05:30:00"),
        ("2026-07-02 09:00:00", "Europe/Paris", "2026-07-02 07:00:00"),
        ("2026-03-02T09:00:00+03:00", "Asia/Tokyo", "2026-03-02 06:00:00"),
        ("2026-03-02 09:00:00.250 +0900", "", "2026-03-02 00:00:00.250000"),
        ("2026-03-02T09:00:00,5Z", "Asia/Tokyo", "2026-03-02 09:00:00.500000"),
        ("02/Mar/2026:09:00:00 +0900", "", "2026-03-02 00:00:00"),
        ("1772409601", "Asia/Tokyo", "2026-03-02 00:00:01"),
        ("1772409601.5", "Asia/Tokyo", "2026-03-02 00:00:01.500000"),
        ("1772409601500", "Asia/Tokyo", "2026-03-02 00:00:01.500000"),
        ("1772409601500000", "Asia/Tokyo", "2026-03-02 00:00:01.500000"),
        ("1772409601500000000", "Asia/Tokyo", "2026-03-02 00:00:01.500000"),
        ("134168832015000000", "Asia/Tokyo", "2026-03-02 00:00:01.500000"),
        ("2024-02-29 00:30:00", "Asia/Tokyo", "2024-02-28 15:30:00"),
        ("2026年03月02日 09時00分00秒", "Asia/Tokyo", "2026-03-02 00:00:00"),
        ("Mar  2 09:00:00", "Asia/Tokyo", "2026-03-02 00:00:00"),
    ],
)
def test_times_of_every_kind_become_utc(logged: str, zone: str, utc: str, tmp_path: Path) -> None:
    text = f"{logged}|192.0.2.10|a.example|ok\n"
    line, (row,) = read(tmp_path, text.encode(), zone=zone, folder=user_folder(tmp_path))
    assert (line.stored, str(row["time"])) == (1, utc)


def test_a_time_without_zone_is_named_where_no_zone_is_set(tmp_path: Path) -> None:
    folder = user_folder(tmp_path)
    text = b"2026-03-02 09:00:00|192.0.2.10|a.example|ok\n"
    line, _rows = read(tmp_path, text, folder=folder)
    assert "without a zone, taken as UTC" in line.note


def test_dates_without_a_year_are_right_over_new_year(tmp_path: Path) -> None:
    days = ["Dec 30 23:59:59", "Dec 31 23:59:59", "Jan  1 00:00:01", "Jan  2 00:00:00"]
    text = "".join(f"{day}|192.0.2.10|a.example|ok\n" for day in days)
    arrived = datetime(2026, 1, 1, 12, tzinfo=UTC)
    _line, rows = read(tmp_path, text.encode(), folder=user_folder(tmp_path), arrived=arrived)
    assert [str(row["time"])[:10] for row in rows] == [
        "2025-12-30", "2025-12-31", "2026-01-01", "2026-01-02",
    ]  # fmt: skip


def test_a_csv_with_a_japanese_header_is_mapped_by_its_names(tmp_path: Path) -> None:
    folder = user_folder(
        tmp_path,
        'format = "json"\n[match]\nkeys = ["日時", "クライアント"]\n[time]\nfrom = ["日時"]\n'
        '[[table]]\nname = "http_activity"\n[table.columns]\nclient_ip = "クライアント"\n'
        'host = { field = "URL", part = "host" }\nuser = "利用者"\n',
    )
    text = '日時,クライアント,利用者,URL\n2026/03/02 09:00:00,192.0.2.10,"山田, 花","http://a.example/"\n'
    line, (row,) = read(tmp_path, text.encode("cp932"), zone="Asia/Tokyo", folder=folder)
    assert (line.read, line.stored) == (1, 1)
    assert (row["user"], row["host"], row["record_no"]) == ("山田, 花", "a.example", 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('format = "pattern"', 'format = "patern"'),
        ("client_ip =", "clint_ip ="),
        ('name = "http_activity"', 'name = "http_activty"'),
        ("[match]", "[mach]"),
        ('part = "host"', 'part = "hots"'),
    ],
)
def test_a_wrong_mapping_names_its_file_and_what_would_be_right(
    change: str, said: str, tmp_path: Path
) -> None:
    folder = user_folder(tmp_path, GATE.replace(change, said, 1))
    path = folder / "gate" / "mapping.toml"
    with pytest.raises(KizashiError, match=r"mapping\.toml: .*(Did you mean|One of|one of)"):
        load(path, "gate")


def test_a_mapping_that_would_take_everything_is_refused(tmp_path: Path) -> None:
    folder = user_folder(tmp_path, 'format = "json"\n')
    with pytest.raises(KizashiError, match="every record would be taken"):
        load(folder / "gate" / "mapping.toml", "gate")


def test_quotes_in_telemetry_stay_text(tmp_path: Path) -> None:
    hostile = DENIED.replace("bad.example", "a');DROP/**/TABLE/**/x;--.example")
    line, rows = read(tmp_path, f"{DENIED}\n{hostile}\n".encode())
    assert (line.stored, rows[1]["host"]) == (2, "a');drop")


@pytest.mark.parametrize(("rows", "is_cut"), [(1000, True), (999, False)])
def test_an_export_that_ends_at_a_cap_says_so(tmp_path: Path, rows: int, is_cut: bool) -> None:
    head = "ts,td,sa,da,sp,dp,pr,ipkt,ibyt\n"
    row = "2026-03-02 09:00:00,1.0,192.0.2.10,198.51.100.7,50000,443,TCP,10,5120\n"
    line, _rows = read(tmp_path, (head + row * rows).encode(), zone="Asia/Tokyo")
    assert ("where exports are cut" in line.note) is is_cut
    assert line.read == line.stored + line.duplicate == rows


def test_a_log_of_a_thousand_lines_is_no_export(tmp_path: Path) -> None:
    line, _rows = read(tmp_path, (DENIED + "\n").encode() * 1000)
    assert "exports" not in line.note


def test_a_service_that_writes_utc_is_not_read_in_the_zone_of_the_site(tmp_path: Path) -> None:
    record = (
        b'{"CreationTime": "2026-03-02T00:00:01", "Workload": "AzureActiveDirectory", '
        b'"RecordType": 15, "Operation": "UserLoggedIn", "UserId": "hana@example.co.jp"}\n'
    )
    line, rows = read(tmp_path, record, zone="Asia/Tokyo")
    assert [str(row["time"]) for row in rows] == ["2026-03-02 00:00:01"]
    assert line.note == ""


SOPHOS = (
    '{"when": "2026-03-02T09:00:00.000Z", "created_at": "2026-03-02T09:04:00.000Z", "type": '
    '"Event::Endpoint::Threat::Detected", "id": "1", "customer_id": "2", "endpoint_id": "3", '
    '"severity": "high", "source": "A", "name": "x", "location": "pc-07", "group": "MALWARE"}'
)
FORTI = (
    'date=2026-03-02 time=09:00:00 tz="+0000" devname="fw" devid="FG1" logid="0000000013" '
    'type="traffic" subtype="forward" srcip=192.0.2.7 dstip=198.51.100.9 action="accept"'
)


def _received(tmp_path: Path, text: str) -> list[str]:
    _line, rows = read(tmp_path, (text + "\n").encode())
    return [str(row.get("received")) for row in rows]


def test_a_record_that_says_when_it_was_taken_in_keeps_that(tmp_path: Path) -> None:
    assert _received(tmp_path, SOPHOS) == ["2026-03-02 09:04:00"]


@pytest.mark.parametrize(
    ("envelope", "received"),
    [
        ({"@timestamp": "2026-03-02T09:00:07Z", "message": FORTI}, "2026-03-02 09:00:07"),
        ({"date": 1772442009.5, "log": FORTI}, "2026-03-02 09:00:09.500000"),
        ({"result": {"_raw": FORTI, "_indextime": "1772442060"}}, "2026-03-02 09:01:00"),
        (
            {
                "_index": "a",
                "_source": {"message": FORTI, "event": {"ingested": "2026-03-02T10:00:00Z"}},
            },
            "2026-03-02 10:00:00",
        ),
        # The envelope repeats the record's own time: nobody says when it came.
        ({"@timestamp": "2026-03-02T09:00:00Z", "message": FORTI}, "None"),
        ({"message": FORTI}, "None"),
    ],
)
def test_an_envelope_says_when_its_record_was_taken_in(
    envelope: dict[str, Any], received: str, tmp_path: Path
) -> None:
    assert _received(tmp_path, json.dumps(envelope)) == [received]


def test_a_time_that_is_all_a_record_has_is_no_arrival(tmp_path: Path) -> None:
    assert _received(tmp_path, SOPHOS.replace('"when"', '"never"')) == ["None"]
