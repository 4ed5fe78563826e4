"""Each record lands once, whatever becomes of files and processes."""

from __future__ import annotations

import gzip
import io
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from kizashi.errors import UsageError
from kizashi.lake.engine import open_lake
from kizashi.lake.ingest import Line, ingest
from kizashi.lake.manifest import Manifest
from tests.lake.zeek_logs import FIRST_RECORD, HEADER, dns_line, dns_log

FIRST_SECOND = 1_772_409_600


def read(lake: Path, *paths: Path) -> dict[str, Line]:
    return {line.file: line for line in ingest(lake, list(paths))}


def queries(lake: Path) -> list[str]:
    con = open_lake(lake)
    found = con.execute("SELECT query FROM dns_activity ORDER BY time, query").fetchall()
    con.close()
    return [row[0] for row in found]


def test_a_file_read_twice_adds_nothing(tmp_path: Path) -> None:
    log = dns_log(tmp_path / "dns.log", 5)
    first = read(tmp_path / "lake", log)["dns.log"]
    again = read(tmp_path / "lake", log)["dns.log"]
    assert (first.read, first.stored, first.duplicate) == (5, 5, 0)
    assert (again.read, again.stored, again.duplicate) == (5, 0, 5)
    assert len(queries(tmp_path / "lake")) == 5


def test_renamed_and_compressed_copies_add_nothing(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    plain = dns_log(logs / "dns.log", 5).read_bytes()
    (logs / "other-name.txt").write_bytes(plain)
    (logs / "dns.log.gz").write_bytes(gzip.compress(plain))
    (logs / "dns.log.zst").write_bytes(zstandard.compress(plain))
    with zipfile.ZipFile(logs / "logs.zip", "w") as archive:
        archive.writestr("inside/dns.log", plain)
    with tarfile.open(logs / "logs.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo("inside/dns.log")
        info.size = len(plain)
        tar.addfile(info, io.BytesIO(plain))
    lines = read(tmp_path / "lake", logs)
    assert {name: line.read for name, line in lines.items()} == {
        "dns.log": 5,
        "dns.log.gz": 5,
        "dns.log.zst": 5,
        "logs.tar.gz!inside/dns.log": 5,
        "logs.zip!inside/dns.log": 5,
        "other-name.txt": 5,
    }
    assert sum(line.stored for line in lines.values()) == 5
    assert len(queries(tmp_path / "lake")) == 5


def test_a_grown_file_adds_only_what_is_new_and_keeps_line_numbers(tmp_path: Path) -> None:
    log = dns_log(tmp_path / "dns.log", 3, close=False)
    read(tmp_path / "lake", log)
    with log.open("a") as stream:
        stream.write(dns_line(3) + "\n" + dns_line(4) + "\n")
    grown = read(tmp_path / "lake", log)["dns.log"]
    assert (grown.read, grown.stored) == (2, 2)
    con = open_lake(tmp_path / "lake")
    found = con.execute("SELECT record_no FROM dns_activity ORDER BY time").fetchall()
    con.close()
    assert [row[0] for row in found] == list(range(FIRST_RECORD, FIRST_RECORD + 5))
    manifest = Manifest(tmp_path / "lake")
    assert [(e.read, e.stored) for e in manifest.file_entries()] == [(5, 5)]
    manifest.close()


def test_overlapping_exports_add_each_record_once(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    dns_log(logs / "a.log", 6)
    dns_log(logs / "b.log", 6, first=3)
    lines = read(tmp_path / "lake", logs)
    assert (lines["b.log"].stored, lines["b.log"].duplicate) == (3, 3)
    assert queries(tmp_path / "lake") == [f"n{n}.example" for n in range(9)]


def test_a_damaged_line_is_set_aside_with_its_number_and_the_rest_keeps_theirs(
    tmp_path: Path,
) -> None:
    log = tmp_path / "dns.log"
    log.write_text(HEADER + dns_line(0) + "\nbroken\n" + dns_line(1) + "\n")
    line = read(tmp_path / "lake", log)["dns.log"]
    assert (line.read, line.stored, line.rejected) == (3, 2, 1)
    manifest = Manifest(tmp_path / "lake")
    assert manifest.rejects() == [
        ("dns.log", FIRST_RECORD + 1, "1 fields where the header names 24", "broken")
    ]
    manifest.close()
    con = open_lake(tmp_path / "lake")
    found = con.execute("SELECT query, record_no FROM dns_activity ORDER BY time").fetchall()
    con.close()
    assert found == [("n0.example", FIRST_RECORD), ("n1.example", FIRST_RECORD + 2)]


def test_a_hash_mark_in_a_name_hides_nothing(tmp_path: Path) -> None:
    log = tmp_path / "dns.log"
    log.write_text(HEADER + dns_line(0, "a#b.example") + "\n" + dns_line(1) + "\n")
    assert read(tmp_path / "lake", log)["dns.log"].stored == 2
    assert queries(tmp_path / "lake") == ["a#b.example", "n1.example"]


def test_a_line_still_being_written_waits_for_its_end(tmp_path: Path) -> None:
    log = dns_log(tmp_path / "dns.log", 2, close=False)
    with log.open("a") as stream:
        stream.write(dns_line(2)[:40])
    line = read(tmp_path / "lake", log)["dns.log"]
    assert (line.read, line.stored, line.rejected) == (3, 2, 1)


def test_a_truncated_gzip_gives_what_came_before(tmp_path: Path) -> None:
    # Random names, so that the packed bytes come in many blocks.
    names = random.Random(7)
    body = HEADER + "".join(
        dns_line(n, f"{names.getrandbits(256):064x}.example") + "\n" for n in range(5_000)
    )
    packed = gzip.compress(body.encode())
    (tmp_path / "dns.log.gz").write_bytes(packed[: len(packed) // 2])
    line = read(tmp_path / "lake", tmp_path / "dns.log.gz")["dns.log.gz"]
    assert 1_000 < line.stored < 5_000
    assert line.read == line.stored + line.rejected
    assert "damaged after" in line.note


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.log", b"", "empty"),
        ("capture.pcap", b"\xd4\xc3\xb2\xa1" + bytes(64), "packet capture"),
        ("noise.bin", bytes(range(256)) * 8, "not a format Kizashi knows"),
        ("bad.zip", b"PK\x03\x04" + bytes(64), "zip"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / name).write_bytes(content)
    dns_log(logs / "zz.log", 2)
    lines = read(tmp_path / "lake", logs)
    assert says in lines[name].note
    assert lines["zz.log"].stored == 2


def test_a_bomb_ends_at_a_named_limit(tmp_path: Path) -> None:
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(200 << 20), 9))
    line = read(tmp_path / "lake", tmp_path / "bomb.gz")["bomb.gz"]
    assert line.stored == 0
    assert "bomb" in line.note or "not a format" in line.note


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_bomb_inside_an_archive_ends_at_a_named_limit(tmp_path: Path, kind: str) -> None:
    path, zeros = tmp_path / f"bomb.{kind}", bytes(200 << 20)
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb.log", zeros)
    else:
        with tarfile.open(path, "w:gz") as tar:
            info = tarfile.TarInfo("bomb.log")
            info.size = len(zeros)
            tar.addfile(info, io.BytesIO(zeros))
    lines = read(tmp_path / "lake", tmp_path / f"bomb.{kind}").values()
    assert ["a bomb" in line.note for line in lines] == [True]


def test_members_with_tricky_paths_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../../outside.log", "x")
        archive.writestr("dns.log", HEADER + dns_line(0) + "\n")
    lines = read(tmp_path / "lake", tmp_path / "a.zip")
    assert "leads out" in lines["a.zip!../../outside.log"].note
    assert lines["a.zip!dns.log"].stored == 1
    assert not (tmp_path.parent / "outside.log").exists()


def test_a_line_over_the_limit_costs_only_itself(tmp_path: Path) -> None:
    log = tmp_path / "dns.log"
    log.write_text(HEADER + dns_line(0) + "\n" + "x" * (64 << 20) + "\n" + dns_line(1) + "\n")
    line = read(tmp_path / "lake", log)["dns.log"]
    assert (line.read, line.stored, line.rejected) == (3, 2, 1)


def test_a_missing_path_is_an_error_before_any_work(tmp_path: Path) -> None:
    log = dns_log(tmp_path / "dns.log", 1)
    with pytest.raises(UsageError, match="no such file"):
        read(tmp_path / "lake", log, tmp_path / "nowhere")
    assert not (tmp_path / "lake").exists()


def test_killed_ingests_lose_and_double_nothing(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for part in range(12):
        dns_log(logs / f"dns.{part:02d}.log", 3_000, first=part * 3_000)
    script = (
        "import sys; from pathlib import Path; from kizashi.lake.ingest import ingest; "
        "from kizashi import entities; from kizashi.lake.settle import settle; "
        f"list(ingest(Path({str(tmp_path / 'lake')!r}), [Path({str(logs)!r})])); "
        f"settle(Path({str(tmp_path / 'lake')!r}), entities)"
    )
    chance = random.Random(20)
    for _ in range(int(os.environ.get("KIZASHI_KILLS", "8"))):
        child = subprocess.Popen([sys.executable, "-c", script])
        time.sleep(chance.uniform(0.2, 1.4))
        child.send_signal(signal.SIGKILL)
        child.wait()
    subprocess.run([sys.executable, "-c", script], check=True)
    assert queries(tmp_path / "lake") == sorted(
        (f"n{n}.example" for n in range(36_000)), key=lambda q: int(q[1:-8])
    )


@pytest.mark.parametrize(
    "line",
    [
        b"1767225601.0\tC2\t10.0.0.7\t5\r3\t10.0.0.1\t53\tudp",
        b"1767225601.0\tC2\t10.0.0.7\t53\t10.0.0.1\t53\tu\x00dp",
    ],
    ids=["a return", "a NUL"],
)
def test_a_control_character_in_a_line_loses_nothing_else(tmp_path: Path, line: bytes) -> None:
    head = (
        b"#separator \\x09\n#path\tconn\n"
        b"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n"
        b"#types\ttime\tstring\taddr\tport\taddr\tport\tenum\n"
    )
    good = b"1767225600.0\tC1\t10.0.0.7\t50000\t10.0.0.1\t53\tudp\n"
    (tmp_path / "conn.log").write_bytes(head + good + line + b"\n" + good.replace(b"C1", b"C3"))
    (told,) = ingest(tmp_path / "lake", [tmp_path / "conn.log"])
    assert told.note == ""
    assert told.stored >= 2
    assert told.read == told.stored + told.rejected == 3


@pytest.mark.parametrize("extra", [b'"": 1', b'"TS": 1', b'"a": 1, "A": 2'])
def test_a_key_that_no_column_can_have_loses_no_record(tmp_path: Path, extra: bytes) -> None:
    record = (
        b'{"ts": 1767225600.0, "uid": "C1", "id.orig_h": "10.0.0.7", "query": "a.example", %s}\n'
    )
    log = tmp_path / "dns.log"
    log.write_bytes(record % b'"proto": "udp"' + record % extra)
    (told,) = ingest(tmp_path / "lake", [log])
    assert (told.read, told.stored + told.rejected, told.note) == (2, 2, "")
    assert told.stored >= 1


@pytest.mark.parametrize(
    "damage",
    [
        (b"#separator \\x09", b"#separator \\x"),
        (b"\tid.orig_p", b"\t"),
        (b"#types", b"#ty\xffpes"),
    ],
    ids=["separator", "field without a name", "types"],
)
def test_a_damaged_header_is_read_as_far_as_it_says(
    tmp_path: Path, damage: tuple[bytes, bytes]
) -> None:
    head = (
        b"#separator \\x09\n#path\tconn\n"
        b"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n"
        b"#types\ttime\tstring\taddr\tport\taddr\tport\tenum\n"
    ).replace(*damage)
    log = tmp_path / "conn.log"
    log.write_bytes(head + b"1767225600.0\tC1\t10.0.0.7\t50000\t10.0.0.1\t53\tudp\n")
    (told,) = ingest(tmp_path / "lake", [log])
    assert (told.read, told.stored, told.note) == (1, 1, "")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_archive_of_any_method_loses_nothing_beside_it(
    method: int, seed: int, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.write(dns_log(tmp_path / "dns.log", 200), "dns.log")
    # Inside the member: its name and the directory stay whole.
    broken = bytearray(packed.getvalue())
    damage = random.Random(seed)
    for _ in range(20):
        broken[damage.randrange(60, len(broken) - 100)] = damage.randrange(256)
    (logs / "a.zip").write_bytes(broken)
    dns_log(logs / "zz.log", 2)
    lines = read(tmp_path / "lake", logs)
    assert lines["zz.log"].stored == 2
    assert [line.note != "" for name, line in lines.items() if name != "zz.log"] == [True]


def test_a_grown_file_says_how_late_its_newest_record_came(tmp_path: Path) -> None:
    log = dns_log(tmp_path / "dns.log", 3, close=False)
    read(tmp_path / "lake", log)
    with closing(Manifest(tmp_path / "lake")) as manifest:
        # A file that is read for the first time may have been copied at any time.
        assert manifest.lags() == {}
    with log.open("a") as stream:
        stream.write(dns_line(3, start=FIRST_SECOND) + "\n")
    os.utime(log, (FIRST_SECOND + 93, FIRST_SECOND + 93))
    read(tmp_path / "lake", log)
    with closing(Manifest(tmp_path / "lake")) as manifest:
        assert [round(lag_s) for lag_s in manifest.lags()["zeek"]] == [90]
