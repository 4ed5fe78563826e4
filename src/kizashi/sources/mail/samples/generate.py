"""Writes the sample messages beside it; names are .example names, addresses documentation ones.

python generate.py
"""

from __future__ import annotations

import base64
import zipfile
from io import BytesIO
from pathlib import Path

HERE = Path(__file__).parent
GATEWAY = "mx1.tsubaki.example"


def gateway_header(
    sender: str, envelope: str, address: str, verdicts: str, minute: int, recipient: str
) -> str:
    """What the gateway puts on top of a message it takes in."""
    domain = envelope.rpartition("@")[2]
    date = f"Mon, 02 Mar 2026 09:{minute:02}:05 +0900"
    return (
        f"Return-Path: <{envelope}>\n"
        f"Delivered-To: {recipient}\n"
        f"Received: from {GATEWAY} ([10.1.0.25]) by store.tsubaki.example with LMTP;\n"
        f"\t{date}\n"
        f"Authentication-Results: {GATEWAY};\n"
        f"\tspf={verdicts.split()[0]} (sender IP is {address}) smtp.mailfrom={domain};\n"
        f"\tdkim={verdicts.split()[1]} header.d={sender.rpartition('@')[2]};\n"
        f"\tdmarc={verdicts.split()[2]} (p=none) header.from={sender.rpartition('@')[2]}\n"
        f"Received: from out.{domain} (out.{domain} [{address}])\n"
        f"\tby {GATEWAY} (Postfix) with ESMTPS id 4F{minute:04}\n"
        f"\tfor <{recipient}>; {date}\n"
    )


def invitation() -> bytes:
    """Fails SPF and DMARC, forges a result of its own, and carries a macro workbook."""
    name = base64.b64encode("招待者一覧.xlsm".encode("cp932")).decode()
    subject = base64.b64encode("①招待状のご送付".encode("cp932")).decode()
    top = gateway_header(
        "protocol@ministry.example",
        "bounce@mailer-77.example",
        "203.0.113.61",
        "fail none fail",
        15,
        "aoki@tsubaki.example",
    )
    return (
        top
        + "Received: from localhost (localhost [127.0.0.1]) by out.mailer-77.example;\n"
        + "\tMon, 02 Mar 2026 00:14:58 +0000\n"
        + f"Authentication-Results: {GATEWAY};\n"
        + "\tspf=pass smtp.mailfrom=ministry.example; dmarc=pass\n"
        + 'From: "Protocol Office" <protocol@ministry.example>\n'
        + "Reply-To: reply@freemail.example\n"
        + "To: Aoki <AOKI@tsubaki.example>\n"
        + f"Subject: =?Shift_JIS?B?{subject}?=\n"
        + "Date: Mon, 02 Mar 2026 00:14:57 +0000\n"
        + "Message-ID: <20260302001457.1@mailer-77.example>\n"
        + "MIME-Version: 1.0\n"
        + 'Content-Type: multipart/mixed; boundary="=_b1"\n\n'
        + "--=_b1\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
        + "詳細は http://files.ministry-guests.example/list?id=7をご覧ください。\n"
        + "--=_b1\nContent-Type: application/vnd.ms-excel.sheet.macroEnabled.12;\n"
        + f' name="=?Shift_JIS?B?{name}?="\n'
        + "Content-Disposition: attachment;\n"
        + " filename*0*=utf-8''%E6%8B%9B%E5%BE%85;\n filename*1*=%E8%80%85%E4%B8%80%E8%A6%A7.xlsm\n"
        + "Content-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(b"not a workbook: a sample of Kizashi\n").decode()
        + "--=_b1--\n"
    ).encode()


def archive_mail() -> bytes:
    """A partner's locked-zip habit in ISO-2022-JP, everything passing."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("memo.txt"), "sample")
    top = gateway_header(
        "sato@partner.example",
        "sato@partner.example",
        "198.51.100.7",
        "pass pass pass",
        20,
        "aoki@tsubaki.example",
    )
    subject = base64.b64encode("資料送付の件".encode("iso2022_jp")).decode()
    return (
        top.encode()
        + b"From: =?iso-2022-jp?B?GyRCOjRGIxsoQg==?= <sato@partner.example>\n"
        + b"To: aoki@tsubaki.example, mori@tsubaki.example\n"
        + f"Subject: =?ISO-2022-JP?B?{subject}?=\n".encode()
        + b"Date: Mon, 02 Mar 2026 09:20:00 +0900\nMessage-ID: <zip.1@partner.example>\n"
        + b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=zz\n\n"
        + b"--zz\nContent-Type: text/plain; charset=iso-2022-jp\n\n"
        + "パスワードは別便です。\n".encode("iso2022_jp")
        + b"--zz\nContent-Type: application/zip\n"
        + b'Content-Disposition: attachment; filename="'
        + "資料.zip".encode("cp932")
        + b'"\nContent-Transfer-Encoding: base64\n\n'
        + base64.encodebytes(packed.getvalue())
        + b"--zz--\n"
    )


def newsletter() -> bytes:
    """HTML with links, signed by a mailing service."""
    top = gateway_header(
        "news@digest.example",
        "bounce@mailings.example",
        "198.51.100.30",
        "pass pass none",
        25,
        "mori@tsubaki.example",
    )
    return (
        top.encode()
        + b"From: Digest <news@digest.example>\nTo: mori@tsubaki.example\n"
        + b"List-Id: <weekly.digest.example>\n"
        + b"Subject: Les nouvelles de la semaine \xe9t\xe9\n"
        + b"Date: Mon, 02 Mar 2026 00:24:50 +0000\nMessage-ID: <n.1@digest.example>\n"
        + b"MIME-Version: 1.0\nContent-Type: text/html; charset=iso-8859-1\n"
        + b"Content-Transfer-Encoding: quoted-printable\n\n"
        + b'<a href=3D"https://www.digest.example/issue/4?a=3D1&amp;b=3D2">=E9t=E9</a>\n'
        + b">From the editor: www and mailto:news@digest.example are no links.\n"
    )


def mbox(messages: list[bytes]) -> bytes:
    """The messages as one mbox (mboxrd: quoted From lines gain another >)."""
    out = b""
    for number, message in enumerate(messages):
        quoted = message.replace(b"\n>From ", b"\n>>From ")
        out += f"From sender{number}@relay.example Mon Mar  2 09:3{number}:00 2026\n".encode()
        out += quoted + b"\n"
    return out


def main() -> None:
    """Writes all samples."""
    (HERE / "invitation.eml").write_bytes(invitation())
    (HERE / "archive.eml").write_bytes(archive_mail().replace(b"\n", b"\r\n"))
    (HERE / "box").write_bytes(mbox([invitation(), archive_mail(), newsletter()]))


if __name__ == "__main__":
    main()
