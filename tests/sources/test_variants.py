"""The same products as other organisations write them: other headers, orders, versions, quoting.
A form that cannot be read is refused with what to do about it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from tests.sources.test_mapped import SOURCES, read

CLIENT, SERVER = "192.0.2.10", "198.51.100.7"
FLOW = {"table": "network_activity", "client_ip": CLIENT, "server_ip": SERVER, "server_port": 443}


def wants(**told: Any) -> dict[str, Any]:
    return FLOW | told


def assert_reads(tmp_path: Path, text: str, *wanted: dict[str, Any]) -> None:
    line, rows = read(tmp_path, text.encode(), zone="Asia/Tokyo")
    assert (line.rejected, line.read) == (0, line.stored), line
    assert len(rows) == len(wanted)
    for row, want in zip(rows, wanted, strict=True):
        assert {name: row.get(name) for name in want} == want


BUILT = (
    "Built outbound TCP connection 77 for outside:198.51.100.7/443 (198.51.100.7/443) "
    "to inside:192.0.2.10/50001 (192.0.2.10/50001)"
)


@pytest.mark.parametrize(
    "line",
    [
        f"%ASA-6-302013: {BUILT}",
        f"<166>%ASA-6-302013: {BUILT}",
        f"<166>Mar 02 2026 09:00:01: %ASA-6-302013: {BUILT}",
        f"<166>Mar 02 2026 09:00:01 fw-1 : %ASA-6-302013: {BUILT}",
        f"<166>:Mar 02 09:00:01 JST: %ASA-session-6-302013: {BUILT}",
        f"Mar  2 09:00:01 192.0.2.1 %ASA-6-302013: {BUILT}",
        f"<166>1 2026-03-02T00:00:01Z fw-1 - - - - %ASA-6-302013: {BUILT}",
        f"2026-03-02T09:00:01.000+09:00 fw-1 %FTD-6-302013: {BUILT}",
        BUILT,
    ],
)
def test_an_asa_line_is_the_same_under_every_header(line: str, tmp_path: Path) -> None:
    assert_reads(tmp_path, line + "\n", wants(client_port=50001, disposition="allowed", uid="77"))


def test_of_an_ended_asa_connection_the_service_is_the_server(tmp_path: Path) -> None:
    ended = (
        "Teardown TCP connection 77 for outside:198.51.100.7/443 to inside:192.0.2.10/50001 "
        "duration 0:00:12 bytes 1900 TCP FINs"
    )
    assert_reads(tmp_path, f"%ASA-6-302014: {ended}\n", wants(client_port=50001, uid="77"))


def traffic(columns: int, received: str = "2026/03/02 09:00:05") -> str:
    """A PAN-OS traffic record cut to so many columns; versions 3 to 11 only ever added some."""
    head = f"1,{received},0011,TRAFFIC,end,2561,2026/03/02 09:00:01,192.0.2.10,198.51.100.7"
    rest = (
        "0.0.0.0,0.0.0.0,rule,example\\hana,,ssl,vsys1,in,out,e1,e2,log,2026/03/02 09:00:01,77,1,"
        "50001,443,0,0,0x19,tcp,allow,1900,700,1200,11,2026/03/02 08:59:49,12,any,0,1,0x0,JP,US,"
        "0,5,6,tcp-fin,0,0,0,0,,PA-1,from-policy,,,0,,0,,N/A,0,0,0,0"
    )
    return ",".join(f"{head},{rest}".split(",")[:columns])


@pytest.mark.parametrize(
    "line",
    [
        traffic(46),
        traffic(60),
        traffic(64) + ",,,,,,,,2026-03-02T09:00:01.250+09:00,,,,,,,,,new,newer,newest",
        traffic(60, "2026-03-02T00:00:05.000000Z"),
        f"<14>Mar  2 09:00:05 PA-1 {traffic(60)}",
        f"<14>1 2026-03-02T09:00:05+09:00 PA-1 - - - - {traffic(60)}",
        f"<14>1 2026-03-02T09:00:05+09:00 PA-1 {traffic(60)}",
        f"<13>Mar  2 00:00:05 relay <14>Mar  2 09:00:05 PA-1 {traffic(60)}",
    ],
)
def test_panos_is_read_in_every_version_and_header(line: str, tmp_path: Path) -> None:
    assert_reads(
        tmp_path, line + "\n", wants(client_port=50001, bytes_out=700, bytes_in=1200, uid="77")
    )


@pytest.mark.parametrize(
    "line",
    [
        'date=2026-03-02 time=09:00:01 devname="FG" devid="F1" logid="0000000013" type="traffic" '
        'subtype="forward" tz="+0900" srcip=192.0.2.10 srcport=50001 dstip=198.51.100.7 '
        'dstport=443 proto=6 action="close" sentbyte=700 rcvdbyte=1200',
        "<189>date=2026-03-02 time=09:00:01 devname=FG devid=F1 logid=0000000013 type=traffic "
        "subtype=forward eventtime=1772409601 srcip=192.0.2.10 srcport=50001 dstip=198.51.100.7 "
        "dstport=443 proto=6 action=close sentbyte=700 rcvdbyte=1200",
        "date=2026-03-02,time=09:00:01,devname=FG,devid=F1,logid=0000000013,type=traffic,"
        "subtype=forward,srcip=192.0.2.10,srcport=50001,dstip=198.51.100.7,dstport=443,proto=6,"
        "action=close,sentbyte=700,rcvdbyte=1200",
        'Mar  2 09:00:02 fg-1 date=2026-03-02 time=09:00:01 devname="FG" devid="F1" '
        'eventtime=1772409601000000000 tz="+0900" logid="0000000013" type="traffic" '
        'subtype="forward" srcip=192.0.2.10 srcport=50001 dstip=198.51.100.7 dstport=443 proto=6 '
        'action="close" sentbyte=700 rcvdbyte=1200 newfield="what?"',
        "CEF:0|Fortinet|FortiGate-100F|7.4.1|00013|traffic:forward close|3|"
        "FTNTFGTeventtime=1772409601000000000 cat=traffic:forward src=192.0.2.10 spt=50001 "
        "dst=198.51.100.7 dpt=443 proto=6 act=close out=700 in=1200",
    ],
)
def test_fortigate_is_read_quoted_or_not_and_with_any_clock(line: str, tmp_path: Path) -> None:
    line_of, rows = read(tmp_path, (line + "\n").encode(), zone="Asia/Tokyo")
    (row,) = rows
    assert line_of.rejected == 0
    assert str(row["time"]) == "2026-03-02 00:00:01"
    assert {k: row[k] for k in FLOW} == FLOW
    assert (row["bytes_out"], row["bytes_in"], row["disposition"]) == (700, 1200, "allowed")


CHECKPOINT = {
    "action": "Drop", "origin": "192.0.2.1", "loguid": "{0x1,0x2}", "time": "1772409601",
    "product": "Firewall", "src": CLIENT, "s_port": "50001", "dst": SERVER, "service": "443",
    "proto": "6",
}  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "|".join(f"{k}={v}" for k, v in CHECKPOINT.items()) + "|",
        "<134>1 2026-03-02T00:00:01Z gw CheckPoint 42 - ["
        + "; ".join(f'{k}:"{v}"' for k, v in CHECKPOINT.items())
        + "]",
        "<134>1 2026-03-02T00:00:01Z gw CheckPoint 42 - [sdid@2620 "
        + " ".join(f'{k}="{v}"' for k, v in CHECKPOINT.items())
        + "]",
        "Mar  2 09:00:01 gw CheckPoint: " + "|".join(f"{k}={v}" for k, v in CHECKPOINT.items()),
    ],
)
def test_checkpoint_is_read_in_every_form_of_its_exporter(line: str, tmp_path: Path) -> None:
    assert_reads(tmp_path, line + "\n", wants(client_port=50001, disposition="blocked"))


def test_w3c_logs_are_read_by_their_own_fields(tmp_path: Path) -> None:
    text = (
        "#Software: SGOS\n#Fields: date time c-ip cs-username cs-method cs-host cs-uri-path "
        "sc-status sc-bytes cs-bytes cs(User-Agent)\n"
        '2026-03-02 00:00:01 192.0.2.10 hana GET www.example.com /a 200 900 100 "curl/8.0 (x)"\n'
        "#Fields: time date cs-host c-ip sc-status cs-method\n"
        "00:00:02 2026-03-02 bad.example 192.0.2.10 403 POST\n"
    )
    assert_reads(
        tmp_path, text,
        {"table": "http_activity", "client_ip": CLIENT, "host": "www.example.com", "user": "hana",
         "status_code": 200, "user_agent": "curl/8.0 (x)", "response_body_bytes": 900},
        {"table": "http_activity", "client_ip": CLIENT, "host": "bad.example", "status_code": 403,
         "method": "POST"},
    )  # fmt: skip


def test_flow_logs_are_read_by_the_header_that_divides_by_spaces(tmp_path: Path) -> None:
    text = (
        "action dstaddr dstport srcaddr srcport protocol start end bytes packets\n"
        "REJECT 198.51.100.7 443 192.0.2.10 50001 6 1772409601 1772409661 40 1\n"
    )
    assert_reads(tmp_path, text, wants(client_port=50001, disposition="blocked", bytes_out=40))


def test_a_web_servers_log_is_no_proxys(tmp_path: Path) -> None:
    text = '203.0.113.9 - - [02/Mar/2026:09:00:01 +0900] "GET /a HTTP/1.1" 200 12 "-" "x/1"\n'
    line, (row,) = read(tmp_path, text.encode())
    assert (line.source, row["uri"], row.get("host")) == ("web_server", "/a", None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('"Mon Mar 02 2026","hana","192.0.2.10","www.example.com/a","Allowed"\n', "cells"),
        ("at=17 who=hana saddr=192.0.2.10 daddr=198.51.100.7 dport=443 verdict=ok\n",
         "client_ip = saddr"),
        ('{"when": 17, "conn": {"srcip": "192.0.2.10", "dstip": "198.51.100.7"}}\n',
         "client_ip = conn.srcip"),
    ],
)  # fmt: skip
def test_what_nobody_knows_is_refused_with_what_to_map(
    text: str, told: str, tmp_path: Path
) -> None:
    line, rows = read(tmp_path, (text * 3).encode())
    assert (line.source, rows) == (None, [])
    assert told in line.note
    assert line.note.endswith("To map it: kizashi sources try FILE")


@pytest.mark.parametrize(
    "tag", ["", "vectra_json_v2 -: ", "- :", "@cee: ", "<134>Mar  2 09:00:01 brain-1 tag: "]
)
def test_a_json_record_is_found_behind_a_tag(tag: str, tmp_path: Path) -> None:
    text = (
        '{"d_type": "x", "d_type_vname": "Hidden Tunnel", "headend_addr": "192.0.2.1", '
        '"threat": 70, "host_ip": "192.0.2.10", "vectra_timestamp": "1772409601"}\n'
    )
    assert_reads(tmp_path, tag + text, {"table": "alert", "client_ip": CLIENT, "rule": "x"})


def test_answers_of_a_resolver_are_addresses_and_names(tmp_path: Path) -> None:
    text = (
        "client 192.0.2.10#50001: UDP: query: www.example.com IN A response: NOERROR + "
        "www.example.com. 300 IN CNAME edge.example.; edge.example. 20 IN A 198.51.100.7;\n"
        "client 192.0.2.10#50002 (bad.example): answer: bad.example IN A (192.0.2.53) -> NXDOMAIN\n"
    )
    assert_reads(
        tmp_path, text,
        {"table": "dns_activity", "query": "www.example.com", "rcode": "NOERROR",
         "answers": ["edge.example", SERVER]},
        {"table": "dns_activity", "query": "bad.example", "rcode": "NXDOMAIN", "answers": None},
    )  # fmt: skip


def test_a_vpn_sign_in_that_failed_is_no_success(tmp_path: Path) -> None:
    text = (
        "%ASA-6-113005: AAA user authentication Rejected : reason = AAA failure : "
        "server = 192.0.2.5 : user = hana : user IP = 203.0.113.9\n"
        "%ASA-6-113004: AAA user authentication Successful : server =  192.0.2.5 : user = hana\n"
    )
    assert_reads(
        tmp_path, text,
        {"table": "authentication", "success": False, "user": "hana", "client_ip": "203.0.113.9",
         "server_ip": "192.0.2.5"},
        {"table": "authentication", "success": True, "user": "hana"},
    )  # fmt: skip


@pytest.mark.parametrize("source", ["panos_export", "checkpoint_export", "zscaler_export"])
def test_a_consoles_export_is_read_in_another_order_of_columns(source: str, tmp_path: Path) -> None:
    (sample,) = (SOURCES / source / "samples").glob("sample.*")
    rows = list(csv.reader(sample.read_text("utf-8").splitlines()))
    turned = io.StringIO()
    csv.writer(turned).writerows(row[::-1] for row in rows)
    line, found = read(tmp_path, turned.getvalue().encode(), zone="Asia/Tokyo")
    assert (line.source, line.rejected) == (source, 0)
    assert [(row["client_ip"], row["disposition"]) for row in found] == [
        (CLIENT, "allowed"), (CLIENT, "blocked"),
    ]  # fmt: skip
