"""Zeek: TSV and JSON say the same, and every log type finds its table."""

from __future__ import annotations

import gzip
import json
from importlib.resources import files
from pathlib import Path

import pytest

from kizashi.lake.engine import open_lake
from kizashi.lake.ingest import Line, ingest
from kizashi.schema import quoted, tables
from tests.lake.zeek_logs import dns_line

SAMPLES = Path(str(files("kizashi.sources.zeek").joinpath("samples")))
PROVENANCE = {"file_id", "record_no", "natural_key"}
# Numbers inside these stay as each format writes them.
AS_WRITTEN = {"unmapped", "fields"}


def read(lake: Path, *paths: Path) -> list[Line]:
    return list(ingest(lake, list(paths)))


def rows(lake: Path, table: str, leave: set[str]) -> list[tuple[object, ...]]:
    names = [quoted(c) for c in tables()[table].column_names if c not in PROVENANCE | leave]
    con = open_lake(lake)
    found = con.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY ALL").fetchall()
    con.close()
    return found


def test_tsv_and_json_of_the_same_look_ups_are_equal_rows(tmp_path: Path) -> None:
    read(tmp_path / "tsv", SAMPLES / "dns.log")
    read(tmp_path / "json", SAMPLES / "dns.json")
    expected = rows(tmp_path / "tsv", "dns_activity", set())
    assert len(expected) == 3  # the sample's three look-ups
    assert rows(tmp_path / "json", "dns_activity", set()) == expected
    con = open_lake(tmp_path / "tsv")
    found = con.execute("SELECT query, rcode, answers, unmapped FROM dns_activity ORDER BY time")
    assert found.fetchall()[2] == (
        "tab\there.example",
        "NOERROR",
        ["alias.example", "2001:db8::7"],
        '{"label":"benign"}',
    )
    con.close()


def test_one_record_with_another_form_of_time_is_read_all_the_same(tmp_path: Path) -> None:
    records = [
        {"ts": 1.5, "uid": "C1", "id.orig_h": "192.0.2.7", "query": "a.example"},
        {"ts": "1970-01-01T00:00:02.5Z", "uid": "C2", "id.orig_h": "192.0.2.7", "query": "b.test"},
    ]
    (tmp_path / "dns.log").write_text("\n".join(json.dumps(r) for r in records) + "\n")
    assert read(tmp_path / "lake", tmp_path / "dns.log")[0].stored == 2
    con = open_lake(tmp_path / "lake")
    found = con.execute("SELECT epoch(time), query FROM dns_activity ORDER BY time").fetchall()
    con.close()
    assert found == [(1.5, "a.example"), (2.5, "b.test")]


@pytest.mark.parametrize(
    ("said", "client"),
    [
        (["VIA -> 1.1 proxy.example", "X-FORWARDED-FOR -> 192.0.2.7"], "192.0.2.7"),
        (["X-FORWARDED-FOR -> 203.0.113.9, 2001:db8::7"], "2001:db8::7"),
        (["X-FORWARDED-FOR -> unknown"], None),
        (["VIA -> 192.0.2.7"], None),
    ],
)
def test_the_client_that_a_proxy_names_last_is_its_own(
    tmp_path: Path, said: list[str], client: str | None
) -> None:
    record = {"ts": 1.5, "uid": "C1", "id.orig_h": "192.0.2.80", "method": "GET", "uri": "/",
              "host": "a.example", "proxied": said}  # fmt: skip
    (tmp_path / "http.log").write_text(json.dumps(record) + "\n")
    assert read(tmp_path / "lake", tmp_path / "http.log")[0].stored == 1
    con = open_lake(tmp_path / "lake")
    found = con.execute("SELECT forwarded_for, proxied FROM http_activity").fetchall()
    con.close()
    assert found == [(client, True)]


def test_a_file_of_many_log_types_fills_many_tables(tmp_path: Path) -> None:
    records = [
        {"@stream": "conn", "ts": 1.5, "uid": "C1", "id_orig_h": "192.0.2.7", "conn_state": "SF"},
        {"@stream": "dns", "ts": 2.5, "uid": "C2", "id_orig_h": "192.0.2.7", "query": "A.example"},
        {"@stream": "weird", "ts": 3.5, "uid": "C3", "name": "odd"},
    ]
    (tmp_path / "all.log").write_text("\n".join(json.dumps(r) for r in records) + "\n")
    line = read(tmp_path / "lake", tmp_path / "all.log")[0]
    assert line.tables == {"network_activity": 1, "dns_activity": 1, "other_activity": 1}
    con = open_lake(tmp_path / "lake")
    assert con.execute("SELECT client_ip, query FROM dns_activity").fetchall() == [
        ("192.0.2.7", "a.example")
    ]
    con.close()


def test_records_wrapped_by_their_type_are_unwrapped(tmp_path: Path) -> None:
    record = {"dns": {"ts": 1.5, "uid": "C1", "id.orig_h": "192.0.2.7", "query": "a.example"}}
    (tmp_path / "bro.json").write_text(json.dumps(record) + "\n")
    assert read(tmp_path / "lake", tmp_path / "bro.json")[0].tables == {"dns_activity": 1}


def test_a_connection_logged_while_open_is_replaced_by_its_end(tmp_path: Path) -> None:
    head = "#separator \\x09\n#path\t{}\n#fields\tts\tuid\tid.orig_h\tduration\torig_bytes\n"
    for number, (path, seconds, sent) in enumerate(
        [("open_conn", "60.0", "10"), ("open_conn", "120.0", "20"), ("conn", "180.0", "30")]
    ):
        text = head.format(path) + f"100.0\tC1\t192.0.2.7\t{seconds}\t{sent}\n"
        text += f"{200 + number}.0\tC{2 + number}\t192.0.2.7\t1.0\t1\n"
        (tmp_path / f"{number}.log").write_text(text)
    read(tmp_path / "lake", *sorted(tmp_path.glob("*.log")))
    con = open_lake(tmp_path / "lake")
    found = con.execute(
        "SELECT uid, duration_s, bytes_out FROM network_activity ORDER BY uid"
    ).fetchall()
    con.close()
    assert found == [("C1", 180.0, 30), ("C2", 1.0, 1), ("C3", 1.0, 1), ("C4", 1.0, 1)]


def test_logs_put_one_after_another_keep_each_their_own_layout(tmp_path: Path) -> None:
    first = "#separator \\x09\n#path\tdns\n#fields\tts\tuid\tquery\n1.0\tC1\ta.example\n"
    second = "#separator \\x09\n#path\tdns\n#fields\tts\tquery\tuid\n2.0\tb.example\tC2\n"
    (tmp_path / "dns.log").write_text(first + second)
    line = read(tmp_path / "lake", tmp_path / "dns.log")[0]
    assert (line.read, line.stored) == (2, 2)
    con = open_lake(tmp_path / "lake")
    found = con.execute("SELECT query, uid, record_no FROM dns_activity ORDER BY time").fetchall()
    con.close()
    assert found == [("a.example", "C1", 4), ("b.example", "C2", 8)]


def test_a_record_whose_time_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    good, bad = dns_line(0), "yesterday" + dns_line(1)[17:]
    head = (SAMPLES / "dns.log").read_text().split("\n#types")[0]
    fields = "\t".join(["ts", "uid", "id.orig_h"])
    head = head.rsplit("#fields", 1)[0] + f"#fields\t{fields}\n"
    lines = ["\t".join(text.split("\t")[:3]) for text in (good, bad)]
    (tmp_path / "dns.log").write_text(head + "\n".join(lines) + "\n")
    line = read(tmp_path / "lake", tmp_path / "dns.log")[0]
    assert (line.read, line.stored, line.rejected) == (2, 1, 1)


@pytest.mark.real_data
def test_the_same_traffic_as_tsv_and_json_gives_equal_tables(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "telemetry/brim-wrccdc2018"
    tsv = read(tmp_path / "tsv", folder / "zeek-default")
    read(tmp_path / "json", folder / "zeek-json")
    assert {line.source for line in tsv} == {"zeek"}
    for table in sorted({name for line in tsv for name in line.tables}):
        expected = rows(tmp_path / "tsv", table, AS_WRITTEN)
        assert rows(tmp_path / "json", table, AS_WRITTEN) == expected, table


@pytest.mark.real_data
def test_every_zeek_log_is_read_whole(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "telemetry/brim-wrccdc2018/zeek-default"
    for line in read(tmp_path / "lake", folder):
        with gzip.open(folder / line.file, "rb") as stream:
            records = sum(not text.startswith(b"#") for text in stream)
        assert (line.read, line.stored, line.rejected) == (records, records, 0), line.file


def test_a_session_and_its_certificate_are_tied_by_fingerprint_or_by_file(tmp_path: Path) -> None:
    for name, chain in (("fps", "fingerprint"), ("fuids", "id")):
        records = [
            {"_path": "ssl", "ts": 10.5, "uid": "C1", "id.orig_h": "192.0.2.7",
             "server_name": "a.example", f"cert_chain_{name}": ["leaf", "root"]},
            {"_path": "x509", "ts": 10.4, chain: "leaf", "certificate.serial": "01",
             "certificate.subject": "CN=a.example", "certificate.issuer": "CN=a.example",
             "certificate.not_valid_before": 5.0, "san.dns": ["a.example", "b.example"]},
        ]  # fmt: skip
        log = tmp_path / f"{name}.log"
        log.write_text("\n".join(json.dumps(r) for r in records) + "\n")
        read(tmp_path / name, log)
        con = open_lake(tmp_path / name)
        found = con.execute(
            "SELECT sni, epoch(c.not_before), c.certificate_names "
            "FROM tls_activity JOIN certificate_activity AS c USING (certificate)"
        ).fetchall()
        con.close()
        assert found == [("a.example", 5.0, ["a.example", "b.example"])]


def test_of_an_ftp_log_only_files_that_were_moved_are_files(tmp_path: Path) -> None:
    fields = ["ts", "uid", "id.orig_h", "id.resp_h", "password"]
    fields += ["command", "arg", "file_size", "reply_code"]
    rows_of = [
        ["1.5", "C1", "192.0.2.7", "198.51.100.7", "secret", "PASV", "-", "-", "227"],
        ["2.5", "C1", "192.0.2.7", "198.51.100.7", "secret", "STOR",
         "ftp://198.51.100.7/in/a.zip", "900", "226"],
        ["3.5", "C1", "192.0.2.7", "198.51.100.7", "secret", "STOR",
         "ftp://198.51.100.7/in/b.zip", "-", "550"],
        ["4.5", "C1", "192.0.2.7", "198.51.100.7", "secret", "RETR",
         "ftp://198.51.100.7/out/c.zip", "70", "-"],
    ]  # fmt: skip
    header = ["#separator \\x09", "#path\tftp", "\t".join(["#fields", *fields])]
    text = "\n".join([*header, *("\t".join(row) for row in rows_of)]) + "\n"
    (tmp_path / "ftp.log").write_text(text)
    line = read(tmp_path / "lake", tmp_path / "ftp.log")[0]
    assert line.tables == {"network_file_activity": 2, "other_activity": 2}
    con = open_lake(tmp_path / "lake")
    found = con.execute(
        "SELECT client_ip, protocol, file_name, bytes, is_upload, unmapped "
        "FROM network_file_activity ORDER BY time"
    ).fetchall()
    con.close()
    assert [row[:5] for row in found] == [
        ("192.0.2.7", "ftp", "a.zip", 900, True),
        ("192.0.2.7", "ftp", "c.zip", 70, False),
    ]
    assert not any("secret" in str(row) for row in found)


def test_the_names_of_headers_keep_their_order(tmp_path: Path) -> None:
    record = {"_path": "http", "ts": 1.5, "uid": "C1", "id.orig_h": "192.0.2.7", "method": "GET",
              "uri": "/", "client_header_names": ["HOST", "ACCEPT", "USER-AGENT"]}  # fmt: skip
    (tmp_path / "http.log").write_text(json.dumps(record) + "\n")
    read(tmp_path / "lake", tmp_path / "http.log")
    con = open_lake(tmp_path / "lake")
    found = con.execute("SELECT header_names FROM http_activity").fetchall()
    con.close()
    assert found == [(["HOST", "ACCEPT", "USER-AGENT"],)]
