"""What leaves a lake and what stays: sites of their own time, forged dates, contacts, kill."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from kizashi import pipeline
from kizashi.config import Config, Site, load
from kizashi.errors import KizashiError
from kizashi.lake.manifest import Manifest

NOW = datetime(2026, 3, 11, 12, tzinfo=UTC)
CONFIG = Config(sites=(Site("tokyo", files=("tokyo*",)), Site("lab", files=("lab*",))))


def log(path: Path, newest: datetime, days: int) -> None:
    """One connection a day over so many days, as Zeek writes it."""
    rows = [
        {
            "ts": (newest - timedelta(days=n)).timestamp(),
            "uid": f"C{path.stem}{n}", "id.orig_h": "192.0.2.10", "id.orig_p": 50_000 + n,
            "id.resp_h": "198.51.100.7", "id.resp_p": 443, "proto": "tcp", "service": "ssl",
            "duration": 1.0, "orig_bytes": 100, "resp_bytes": 200, "conn_state": "SF",
        }
        for n in range(days)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def lake_of(tmp_path: Path, **newest: datetime) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir(exist_ok=True)
    for name, moment in newest.items():
        log(folder / f"{name}.conn.log", moment, 5)
    for line in pipeline.read(tmp_path / "lake", [folder], CONFIG):
        assert line.stored == 5, line
    return tmp_path / "lake"


def days_of(lake: Path, table: str = "network_activity") -> list[tuple[str, str]]:
    day = "day" if table == "contact" else "time::DATE"
    with pipeline.open_settled(lake) as con:
        return con.execute(f"SELECT site, ({day})::VARCHAR FROM {table} ORDER BY ALL").fetchall()


def test_each_site_keeps_the_last_days_before_its_own_newest_event(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, tokyo=NOW, lab=datetime(1970, 1, 9, tzinfo=UTC))
    assert pipeline.retain(lake, 2, NOW) == 6
    assert days_of(lake) == [
        ("lab", "1970-01-08"), ("lab", "1970-01-09"),
        ("tokyo", "2026-03-10"), ("tokyo", "2026-03-11"),
    ]  # fmt: skip
    assert pipeline.retain(lake, 2, NOW) == 0


def test_a_part_that_two_sites_share_loses_only_the_rows_that_leave(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, tokyo=NOW, lab=NOW - timedelta(days=3))
    pipeline.retain(lake, 2, NOW)
    assert [day for site, day in days_of(lake) if site == "lab"] == ["2026-03-07", "2026-03-08"]
    assert [day for site, day in days_of(lake) if site == "tokyo"] == ["2026-03-10", "2026-03-11"]


def test_a_record_dated_in_the_future_empties_nothing(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, tokyo=NOW)
    log(tmp_path / "logs" / "tokyo-forged.conn.log", datetime(2099, 1, 1, tzinfo=UTC), 1)
    list(pipeline.read(lake, [tmp_path / "logs"], CONFIG))
    assert pipeline.retain(lake, 5, NOW) == 0


def test_contacts_of_days_that_left_stay(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, tokyo=NOW)
    before = days_of(lake, "contact")
    assert len(before) == 5
    pipeline.retain(lake, 3, NOW)
    assert days_of(lake, "contact") == before
    pipeline.retain(lake, 1, NOW)
    assert days_of(lake, "contact") == before
    assert days_of(lake) == [("tokyo", "2026-03-11")]


def test_a_rhythm_is_found_over_days_whose_events_have_left(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    first = NOW - timedelta(days=60)
    ordinary = [(first + timedelta(hours=n), "198.51.100.1") for n in range(24 * 60)]
    beats = [(first + timedelta(days=20, hours=6 * n), "198.51.100.9") for n in range(40)]
    rows = [
        {
            "ts": moment.timestamp(), "uid": f"C{server}{n}", "id.orig_h": "10.0.0.10",
            "id.orig_p": 50_000, "id.resp_h": server, "id.resp_p": 8443, "proto": "tcp",
            "conn_state": "SF", "orig_bytes": 100, "resp_bytes": 200,
        }
        for n, (moment, server) in enumerate(ordinary + beats)
    ]  # fmt: skip
    (folder / "conn.log").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    list(pipeline.read(tmp_path / "lake", [folder], Config()))
    asked = (
        "SELECT destination, period_s, is_new, is_old, hours_on FROM judged_rhythm "
        "WHERE destination = '198.51.100.9:8443'"
    )
    found = []
    for keep in (None, 5):
        if keep:
            pipeline.retain(tmp_path / "lake", keep, NOW)
        with pipeline.open_settled(tmp_path / "lake") as con:
            found.append(con.execute(asked).fetchall())
    assert found[0][0][:4] == ("198.51.100.9:8443", 21600, True, False)
    assert found[0] == found[1]


def contacts(lake: Path) -> list[tuple[object, ...]]:
    columns = (
        "host_id, destination, day, hits, times, bytes_out, bytes_in, protocol, "
        "date_trunc('second', first_seen), date_trunc('second', last_seen)"
    )
    with pipeline.open_settled(lake) as con:
        return con.execute(f"SELECT {columns} FROM contact ORDER BY ALL").fetchall()


def test_contacts_whose_events_left_tell_the_same_to_the_second(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, tokyo=NOW)
    before = contacts(lake)
    pipeline.retain(lake, 3, NOW)
    pipeline.retain(lake, 1, NOW)
    assert contacts(lake) == before


def test_history_of_an_older_format_is_read_beside_the_new(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, tokyo=NOW)
    before = contacts(lake)
    pipeline.retain(lake, 3, NOW)
    (part,) = (lake / "history" / "contact").glob("*.parquet")
    rows = f"SELECT *, day::TIMESTAMP AS first_seen FROM '{part}'"
    duckdb.execute(f"COPY ({rows}) TO '{tmp_path / 'old.parquet'}' (FORMAT parquet)")
    (tmp_path / "old.parquet").replace(part)
    pipeline.retain(lake, 1, NOW)
    assert contacts(lake) == before


def test_reading_a_file_again_brings_nothing_back(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, tokyo=NOW)
    pipeline.retain(lake, 1, NOW)
    (line,) = pipeline.read(lake, [tmp_path / "logs"], CONFIG)
    assert (line.stored, line.duplicate) == (0, 5)
    assert days_of(lake) == [("tokyo", "2026-03-11")]


def test_what_a_killed_run_left_in_history_is_swept(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, tokyo=NOW)
    pipeline.retain(lake, 1, NOW)
    left = lake / "history" / "contact" / "99999999.parquet.part"
    left.write_bytes(b"half")
    list(pipeline.read(lake, [tmp_path / "logs"], CONFIG))
    assert not left.exists()
    assert len(days_of(lake, "contact")) == 5


def test_a_lake_of_another_format_says_how_to_go_on(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.set_fact("format", "1")
    manifest.close()
    with pytest.raises(KizashiError, match=r"lake of format 1.* Make it anew: kizashi ingest"):
        Manifest(tmp_path)


@pytest.mark.parametrize("days", ["0", "true", '"90"', "1.5"])
def test_keep_days_is_a_whole_number_of_days(tmp_path: Path, days: str) -> None:
    path = tmp_path / "kizashi.toml"
    path.write_text(f"[lake]\nkeep_days = {days}\n", "utf-8")
    with pytest.raises(KizashiError, match="keep_days must be a whole number of days"):
        load(path)


def test_keep_days_is_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "kizashi.toml"
    path.write_text("[lake]\nkeep_days = 90\n", "utf-8")
    assert load(path).keep_days == 90
