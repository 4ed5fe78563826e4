"""Mail is read from .eml and mbox as a hostile stranger may write it."""

from __future__ import annotations

import base64
import email
import hashlib
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from email.message import Message
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi import schema
from kizashi.lake.ingest import ingest
from kizashi.sources import InputFile, Reject, mail
from kizashi.sources.mail import limits
from kizashi.sources.mail.mailbox import RawMessage
from kizashi.sources.mail.message import NotAMessageError, to_row
from tests.attachments.crafted import zipped

SAMPLES = Path(mail.__file__).parent / "samples"
REAL = Path(__file__).parents[3] / "shared" / "data" / "telemetry" / "mail"
TOP = b"From: a@b.example\nTo: c@d.example\nSubject: s\nDate: Mon, 2 Mar 2026 09:00:00 +0900\n"
MIXED = TOP + b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
Row = dict[str, Any]


def input_file(path: Path, first_record: int = 0) -> InputFile:
    raw = path.read_bytes()
    return InputFile(
        label=path.name,
        plain=path,
        file_id=1,
        head=raw[:65_536],
        size=len(raw),
        newlines=raw.count(b"\n"),
        ends_with_newline=raw.endswith(b"\n"),
        first_record=first_record,
    )


def read_file(path: Path, first_record: int = 0) -> tuple[list[Row], list[Reject], int]:
    """Rows, rejects and the number of records that the source says it read."""
    con = duckdb.connect()
    rows: list[Row] = []
    rejects: list[Reject] = []
    count = 0
    for batch in mail.read(input_file(path, first_record), con):
        count += batch.read
        rejects += batch.rejects
        for select in batch.selects.values():
            found = con.execute(select)
            names = [column[0] for column in found.description or ()]
            rows += [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return rows, rejects, count


@pytest.fixture
def read_one(tmp_path: Path) -> Any:
    """A function from the bytes of a message to its one row."""

    def read(raw: bytes) -> Row:
        path = tmp_path / "message"
        path.write_bytes(raw)
        (row,) = read_file(path)[0]
        return row

    return read


def as_row(raw: bytes) -> Row:
    return to_row(RawMessage(1, raw, len(raw), None))


# ---------------------------------------------------------------- what is claimed


def test_messages_are_claimed_by_content_whatever_their_name() -> None:
    found = {path.name: mail.claims(input_file(path)) for path in sorted(SAMPLES.iterdir())}
    assert found == {"archive.eml": 90, "box": 95, "generate.py": 0, "invitation.eml": 90}


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"#separator \\x09\n#fields\tts\tuid\n",
        b'{"from": "a", "to": "b"}\n',
        b"HTTP/1.1 200 OK\nDate: Mon, 2 Mar 2026 09:00:00 GMT\n",
        b"2026-03-02 From: a To: b Subject: c\n",
        b"%PDF-1.7\n\0\0\0",
        b"From now on at 09:00 nothing\n",
    ],
)
def test_other_files_are_not_claimed(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(head)
    assert mail.claims(input_file(path)) == 0


# ---------------------------------------------------------------- samples


def test_every_column_that_is_filled_exists_in_the_table() -> None:
    rows, _rejects, _count = read_file(SAMPLES / "invitation.eml")
    assert set(rows[0]) - set(schema.tables()["email_activity"].column_names) == set()


def test_an_invitation_gives_sender_verdicts_and_attachment() -> None:
    rows, rejects, count = read_file(SAMPLES / "invitation.eml")
    content = b"not a workbook: a sample of Kizashi\n"
    (row,) = rows
    assert (rejects, count) == ([], 1)
    assert {k: row[k] for k in ("time", "time_alt", "record_no", "vantage", "device")} == {
        "time": datetime.fromisoformat("2026-03-02T00:15:05"),
        "time_alt": datetime.fromisoformat("2026-03-02T00:14:57"),
        "record_no": 1,
        "vantage": "gateway",
        "device": "",
    }
    assert row["subject"] == "①招待状のご送付"
    assert row["to_addresses"] == ["aoki@tsubaki.example"]
    assert row["links"] == ["http://files.ministry-guests.example/list?id=7"]
    assert row["attachments"] == [
        {
            "name": "招待者一覧.xlsm",
            "mime_type": "application/vnd.ms-excel.sheet.macroenabled.12",
            "bytes": len(content),
            "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    ]


def test_a_verdict_that_the_sender_wrote_himself_does_not_count() -> None:
    (row,) = read_file(SAMPLES / "invitation.eml")[0]
    found = {key: row[key] for key in ("spf", "spf_domain", "dkim", "dmarc", "sender_ip")}
    assert found == {
        "spf": "fail",
        "spf_domain": "mailer-77.example",
        "dkim": "none",
        "dmarc": "fail",
        "sender_ip": "203.0.113.61",
    }


def test_an_mbox_gives_each_message_with_its_first_line_and_the_same_identity_as_alone() -> None:
    rows, rejects, count = read_file(SAMPLES / "box")
    lines = (SAMPLES / "box").read_bytes().split(b"\n")
    starts = [i for i, line in enumerate(lines, 1) if line.startswith(b"From sender")]
    alone = [read_file(SAMPLES / name)[0][0] for name in ("invitation.eml", "archive.eml")]
    assert [row["record_no"] for row in rows] == starts
    assert (len(rows), rejects, count) == (3, [], 3)
    assert [row["natural_key"] for row in rows[:2]] == [row["natural_key"] for row in alone]


def test_what_was_added_to_an_mbox_is_numbered_on(tmp_path: Path) -> None:
    path = tmp_path / "new"
    path.write_bytes(b"From x@y.example Mon Mar  2 10:00:00 2026\n" + TOP + b"\nbody\n")
    rows, rejects, count = read_file(path, first_record=90)
    assert ([row["record_no"] for row in rows], rejects, count) == ([91], [], 1)


def test_the_rest_of_a_message_that_was_being_written_is_a_reject(tmp_path: Path) -> None:
    path = tmp_path / "new"
    rest = b"Subject: quoted in the body\n\n"
    path.write_bytes(rest + b"From x@y.example Mon Mar  2 10:00:00 2026\n" + TOP + b"\nbody\n")
    box = replace(input_file(path, first_record=90), head=(SAMPLES / "box").read_bytes())
    batches = list(mail.read(box, duckdb.connect()))
    assert [(b.read, [r.record_no for r in b.rejects]) for b in batches] == [(2, [91])]


def test_a_from_line_across_a_block_is_found(tmp_path: Path) -> None:
    path = tmp_path / "box"
    head = b"From x@y.example Mon Mar  2 10:00:00 2026\n"
    for padding in range(1024 * 1024 - 1_400, 1024 * 1024, 117):
        message = head + TOP + b"\n" + b"x" * padding + b"\n\n"
        path.write_bytes(message + head + TOP + b"\nsecond\n")
        rows = read_file(path)[0]
        assert [row["record_no"] for row in rows] == [1, 9]


# ---------------------------------------------------------------- text of any character set


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"=?ISO-2022-JP?B?GyRCLSEbKEI=?=", "①"),
        (b"=?Shift_JIS?B?h0A=?=", "①"),
        (b"=?EUC-JP?B?xvzL3A==?=", "日本"),
        (b"=?GB2312?B?1tDOxA==?=", "中文"),
        (b"=?UTF-8?B?5pel?= =?UTF-8?B?5pys?=", "日本"),
        (b"=?UTF-8?B?5pel5g==?=\n =?UTF-8?B?nKw=?=", "日本"),
        (b"=?utf-8?q?a_b=C3=A9?=", "a bé"),
        (b"=?unknown-charset?B?5pel?=", "日"),
        (b"=?punycode?Q?a-b?=", "a-b"),
        ("日本語の件名".encode(), "日本語の件名"),
        ("日本語の件名です".encode("cp932"), "日本語の件名です"),
        ("日本語の件名です".encode("euc_jp"), "日本語の件名です"),
        ("日本語の件名".encode("iso2022_jp"), "日本語の件名"),
        ("été à la campagne".encode("cp1252"), "été à la campagne"),
        (b"a\x00\x1b[31mb\r\n c", "a[31mb c"),
        (b"=?utf-8?B?!!!", "=?utf-8?B?!!!"),
    ],
)
def test_a_subject_is_read_in_its_character_set(read_one: Any, raw: bytes, text: str) -> None:
    assert read_one(b"From: a@b.example\nSubject: " + raw + b"\n\nx\n")["subject"] == text


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        (b'filename="a b.zip"', "a b.zip"),
        (b"filename*=utf-8''%E6%97%A5.zip", "日.zip"),
        (b"filename*0*=iso-2022-jp''%1B$BF|; filename*1*=%1B(B; filename*2=.zip", "日.zip"),
        (b'filename="=?ISO-2022-JP?B?GyRCRnwbKEI=?=.zip"', "日.zip"),
        (b'filename="' + "表示.zip".encode("cp932") + b'"', "表示.zip"),
        (b'filename="C:\\tmp\\a.exe"', "C:\\tmp\\a.exe"),
        (b'filename="un"closed.zip', "un"),
        (b'filename="unclosed.zip', "unclosed.zip"),
        (b"filename=a.pdf.exe ; size=1", "a.pdf.exe"),
    ],
)
def test_an_attachments_name_is_read_however_it_is_written(
    read_one: Any, parameters: bytes, name: str
) -> None:
    part = b"--b\nContent-Disposition: attachment; " + parameters + b"\n\nx\n--b--\n"
    assert [a["name"] for a in read_one(MIXED + part)["attachments"]] == [name]


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        (b"Aoki <A@B.example>", "Aoki", "a@b.example"),
        (b"a@b.example (Aoki)", "Aoki", "a@b.example"),
        (b'"ceo@own.example" <x@b.example>', "ceo@own.example", "x@b.example"),
        (b"Aoki, Kenji <a@b.example>", "Aoki, Kenji", "a@b.example"),
        (b"=?utf-8?B?5pel?= <a@b.example>", "日", "a@b.example"),
        ("青木".encode("cp932") + b" <a@b.example>", "青木", "a@b.example"),
        (b'"unclosed <a@b.example>', None, "a@b.example"),
    ],
)
def test_a_sender_is_read_however_it_is_written(
    read_one: Any, value: bytes, name: str | None, address: str
) -> None:
    row = read_one(b"From: " + value + b"\nSubject: s\n\nx\n")
    assert (row["from_name"], row["from_address"]) == (name, address)


def test_links_are_read_from_text_and_html(read_one: Any) -> None:
    body = (
        "--b\nContent-Type: text/plain; charset=utf-8\n\n"
        "(see http://a.example/x) http://b.example/yをご覧\n"
        "--b\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n"
        "<a href=3D\"https://c.example/?a=3D1&amp;b=3D2\">x</a> <a HREF=3D'//d.example/'>"
        '<a href=3Dmailto:x@y.example><a href=3D"ht\ntps://e.example/">\n--b--\n'
    ).encode()
    assert read_one(MIXED + body)["links"] == [
        "http://a.example/x",
        "http://b.example/y",
        "https://c.example/?a=1&b=2",
        "http://d.example/",
        "https://e.example/",
    ]


def test_an_attached_message_and_what_it_holds_are_both_listed(read_one: Any) -> None:
    inner = b"Content-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: application/zip;\n"
    inner += b" name=a.zip\n\nPK\n--c--\n"
    row = read_one(MIXED + b"--b\nContent-Type: message/rfc822\n\nFrom: x@y.example\n" + inner)
    found = [(a["name"], a["mime_type"]) for a in row["attachments"]]
    assert found == [(None, "message/rfc822"), ("a.zip", "application/zip")]


# ---------------------------------------------------------------- the path and the verdicts


EXCHANGE = b"""\
Received: from A.prod.outlook.example (2001:db8::1) by B.prod.outlook.example with HTTPS;
 Mon, 2 Mar 2026 00:00:09 +0000
Authentication-Results: spf=softfail (sender IP is 203.0.113.9) smtp.mailfrom=x.example;
 dkim=none (message not signed) header.d=none;dmarc=fail action=none
 header.from=own.example;compauth=fail reason=001
Received-SPF: SoftFail (protection.outlook.example: domain of transitioning x.example
 discourages use of 203.0.113.9 as permitted sender)
Received: from x.example (203.0.113.9) by A.mail.protection.outlook.example (10.0.0.1) with
 Microsoft SMTP Server; Mon, 2 Mar 2026 00:00:07 +0000
"""
GOOGLE = b"""\
Received: by 2001:db8:0:0:0:0:0:1 with SMTP id a1csp1; Mon, 2 Mar 2026 00:00:09 -0800 (PST)
ARC-Authentication-Results: i=2; mx.google.example; arc=pass (i=1); spf=pass
Return-Path: <list@lists.example>
Received: from lists.example (lists.example. [198.51.100.4]) by mx.google.example with ESMTPS;
 Mon, 02 Mar 2026 00:00:08 -0800 (PST)
Received-SPF: pass (google.example: domain of list@lists.example) client-ip=198.51.100.4;
Authentication-Results: mx.google.example; dkim=fail header.i=@b.example header.s=s;
 dkim=pass header.i=@lists.example; arc=pass (i=1 spf=pass); dmarc=fail (p=NONE)
Received: from evil.example ([203.0.113.66]) by lists.example; Mon, 02 Mar 2026 00:00:01 -0800
Authentication-Results: mx.google.example; dmarc=pass
"""


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            EXCHANGE,
            ("softfail", "x.example", "none", None, "fail", "fail", None, "203.0.113.9", 9),
        ),
        (
            GOOGLE,
            (
                "pass",
                "lists.example",
                "pass",
                "lists.example",
                "fail",
                None,
                "pass",
                "198.51.100.4",
                9,
            ),
        ),
        (
            b"Received: from h (HELO 192.0.2.1) (203.0.113.5) by mx.own.example;\n"
            b" 2 Mar 2026 00:00:09 GMT\n"
            b"Received-SPF: pass (forged) client-ip=192.0.2.77; receiver=evil.example\n",
            (None, None, None, None, None, None, None, "203.0.113.5", 9),
        ),
    ],
    ids=["exchange", "google", "no verdict"],
)
def test_verdicts_and_sender_are_those_of_the_gateway(
    read_one: Any, header: bytes, expected: tuple[object, ...]
) -> None:
    row = read_one(header + TOP + b"\nx\n")
    columns = ("spf", "spf_domain", "dkim", "dkim_domain", "dmarc", "compauth", "arc", "sender_ip")
    assert (*(row[column] for column in columns), row["time"].second) == expected


def test_without_received_the_date_field_is_the_time(read_one: Any) -> None:
    row = read_one(TOP + b"\nx\n")
    assert row["time"] == row["time_alt"] == datetime.fromisoformat("2026-03-02T00:00")


# ---------------------------------------------------------------- damage and hostility


def test_a_message_without_any_field_is_a_reject(tmp_path: Path) -> None:
    path = tmp_path / "box"
    head = b"From x@y.example Mon Mar  2 10:00:00 2026\n"
    path.write_bytes(head + b"\x00\x01 no field\n\n" + head + TOP + b"\nx\n")
    rows, rejects, count = read_file(path)
    assert [row["record_no"] for row in rows] == [4]
    assert [(r.record_no, r.reason) for r in rejects] == [
        (1, "no From, To, Subject, Date or Received field")
    ]
    assert count == 2


def test_a_cut_attachment_has_no_hash(read_one: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MESSAGE_BYTES", len(MIXED) + 80)
    part = b"--b\nContent-Type: application/zip; name=a.zip\n\n" + b"x" * 500 + b"\n--b--\n"
    row = read_one(MIXED + part)
    assert (row["truncated"], row["bytes"]) == (True, len(MIXED + part))
    assert row["attachments"][0]["sha256"] is None


HOSTILE = {
    "parts": MIXED + b"--b\nContent-Type: text/plain\n\nx\n" * 200_000,
    "addresses": TOP
    + b"Cc: "
    + b",\n ".join(b"<u%d@d.example>" % i for i in range(20_000))
    + b"\n\nx",
    "depth": TOP
    + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(1_000)
    ),
    "messages": TOP + b"Content-Type: message/rfc822\n\n" * 1_000,
    "bytes": MIXED
    + b"--b\nContent-Type: a/b\nContent-Transfer-Encoding: base64\n\n"
    + b"QUJD" * 7_000_000,
    "hyphens": MIXED + b"--\n" * 8_000_000,
    "header": TOP + b"X: y\n" * 5_000_000,
    "quotes": TOP + b"Cc: " + b'"\\' * 60_000 + b"\n\nx" + b"X" * limits.MESSAGE_BYTES,
    "words": TOP + b"X-Mailer: " + b"=?a?Q?" * 4_000_000 + b"\n\nx",
    "links": TOP + b"Content-Type: text/html\n\n" + b"href=\" href=' " * 1_800_000,
    "colons": TOP + b"Content-Type: text/html\n\n" + b'href="x:y" ' * 2_400_000,
    "repeats": TOP + b"Content-Type: text/plain\n\n" + b"http://a.example/ " * 1_500_000,
}
MOST_SECONDS = 2.0  # of CPU: what a machine does besides is no fault of the mail's


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_ends_at_a_limit_and_says_so(tmp_path: Path, name: str) -> None:
    path = tmp_path / "hostile.eml"
    path.write_bytes(HOSTILE[name])
    begun = time.process_time()
    rows, _rejects, count = read_file(path)
    assert time.process_time() - begun < MOST_SECONDS
    assert (count, rows[0]["truncated"]) == (1, True)
    assert len(rows[0]["to_addresses"]) <= limits.ADDRESSES


def test_many_recipients_and_links_are_cut_at_their_limits(read_one: Any) -> None:
    boxes = b",".join(b"u%d@d.example" % i for i in range(1_500))
    body = b" ".join(b"http://h%d.example/" % i for i in range(300))
    row = read_one(b"From: a@b.example\nTo: " + boxes + b"\n\n" + body)
    assert (len(row["to_addresses"]), len(row["links"]), row["truncated"]) == (1_000, 200, True)


FRAGMENTS = st.sampled_from(
    [
        *(
            b'"',
            b"(",
            b")",
            b"<",
            b">",
            b"=?",
            b"?=",
            b"\n",
            b"\r\n",
            b"\0",
            b"\x1b$B",
            b"\xff",
            b";",
        ),
        *(
            b"*0*=",
            b"''",
            b"--",
            b"--b\n",
            b"charset=utf-7",
            b"charset=idna",
            b"From ",
            b": ",
            b" by ",
        ),
        b"Content-Type: multipart/mixed; boundary=b\n",
        b"Content-Type: message/rfc822\n\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Received: from [::ffff:192.0.2.1%eth0] by x; Mon, 99 Foo 2026 99:99:99 +9999\n",
        b"Authentication-Results: i=1; ((a; spf=\n",
        b"Date: 31 Dec 9999 23:59:59 -2400\n",
    ]
)


@settings(deadline=None)
@given(st.lists(FRAGMENTS | st.binary(max_size=8), max_size=60).map(b"".join))
def test_no_bytes_end_in_an_exception(raw: bytes) -> None:
    row = as_row(TOP.rstrip(b"\n") + raw)
    pa.Table.from_pylist([row], schema=mail._COLUMNS)
    assert row["bytes"] == len(TOP) - 1 + len(raw)


# ---------------------------------------------------------------- real mail


def real_messages() -> Iterator[tuple[str, bytes]]:
    for path in sorted(REAL.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if not name.endswith("/"):
                    yield f"{path.name}!{name}", archive.read(name)


def attached(parsed: Message) -> list[str]:
    """Hashes of what the standard library takes for attachments."""
    found = []
    for part in parsed.walk():
        kind = part.get_content_type()
        named = part.get_filename() or part.get_content_disposition() == "attachment"
        if part.get_content_maintype() in ("multipart", "message"):
            continue
        if named or kind not in ("text/plain", "text/html"):
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            found.append(hashlib.sha256(content).hexdigest())
    return sorted(found)


@pytest.mark.real_data
def test_real_attachments_have_the_hashes_that_the_standard_library_finds() -> None:
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is absent")
    different, unread = [], []
    for label, raw in real_messages():
        try:
            row = as_row(raw)
        except NotAMessageError:
            unread.append(label)
            continue
        mine = [a for a in row["attachments"] if not a["mime_type"].startswith("message/")]
        if sorted(a["sha256"] for a in mine) != attached(email.message_from_bytes(raw)):
            different.append(label)
    # The standard library ends the header of the first early and misses its archive; the second
    # is a gateway's reply in words.
    assert [label.rpartition("__")[2] for label in different] == ["mail_malformed_1"]
    assert [label.rpartition("__")[2] for label in unread] == ["dmarc_reject_hard.eml"]


def test_a_body_in_one_long_line_is_read_and_its_attachment_looked_into(tmp_path: Path) -> None:
    program = b"MZ" + b"\0" * (3 << 20)
    path = tmp_path / "long.eml"
    path.write_bytes(
        b"From: a@elsewhere.example\r\nTo: hana@acme.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
        b"Date: Mon, 02 Mar 2026 09:00:00 +0000\r\nReceived: by mx.acme.example; Mon, 02 Mar 2026 "
        b"09:00:00 +0000\r\nContent-Type: application/pdf; name=a.pdf\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(program) + b"\r\n"
    )
    lake = tmp_path / "lake"
    (line,) = ingest(lake, [path])
    assert (line.source, line.stored) == ("mail", 1)
    found = "SELECT attachments[1].bytes, findings FROM read_parquet(?)"
    with duckdb.connect() as con:
        rows = con.execute(found, [f"{lake}/events/email_activity/**/*.parquet"]).fetchall()
    findings = ["program: a.pdf", "program under a document's name: a.pdf"]
    assert rows == [(len(program), findings)]


def test_of_many_archives_that_swell_only_the_first_is_opened(read_one: Any) -> None:
    bomb = zipped({f"{n}": b"\0" * 9_000_000 for n in range(20)})
    body = b"".join(
        b"--b\nContent-Type: application/zip; name=%d.zip\nContent-Transfer-Encoding: base64\n\n"
        % number + base64.encodebytes(bomb + b"\0" * number) for number in range(15)
    )  # fmt: skip
    began = time.process_time()
    row = read_one(MIXED + body + b"--b--\n")
    assert row["truncated"] is True
    assert len(row["attachments"]) == 15
    assert time.process_time() - began < 2


def test_a_link_whose_text_is_another_address_is_told(read_one: Any) -> None:
    row = read_one(
        TOP
        + b'Content-Type: text/html\n\n<a href="http://login.elsewhere.example/x">www.acme.example</a>'
        b'<a href="http://www.acme.example/">acme.example/news</a><a href="http://x.example">here</a>'
    )
    assert row["findings"] == ["link shown as another: www.acme.example is login.elsewhere.example"]
