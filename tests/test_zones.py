"""Four clocks over New Year: an endpoint in UTC, a firewall that says no zone, one that says its
own, and a syslog without a year. What happened in turn must be read in turn."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kizashi import pipeline
from kizashi.config import Config

BEGIN = datetime(2025, 12, 31, 14, 30, tzinfo=UTC)  # 23:30 in Tokyo
STEP = timedelta(minutes=5)
TURNS = 24  # two hours, over the New Year of Tokyo
ARRIVED = datetime(2026, 1, 3, tzinfo=UTC)


def endpoint(moment: datetime, number: int) -> str:
    return json.dumps(
        {
            "Timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
            "ActionType": "ProcessCreated",
            "DeviceName": "pc-07.example.co.jp",
            "FileName": "cmd.exe",
            "ProcessCommandLine": f"cmd.exe /c rem step-{number}",
            "ProcessId": 4000 + number,
            "InitiatingProcessFileName": "explorer.exe",
        }
    )


def firewall(moment: datetime, number: int, zone: str, said: str) -> str:
    local = moment.astimezone(ZoneInfo(zone))
    return (
        f'date={local:%Y-%m-%d} time={local:%H:%M:%S} {said}devname="fw" logid="0000000013" '
        'type="traffic" subtype="forward" srcip=192.0.2.7 srcport=50000 '
        f'dstip=198.51.100.{number} dstport=443 proto=6 action="accept"'
    )


def resolver(moment: datetime, number: int) -> str:
    local = moment.astimezone(ZoneInfo("Asia/Tokyo"))
    stamp = f"{local:%b} {local.day:>2} {local:%H:%M:%S}"
    return f"{stamp} ns1 dnsmasq[811]: query[A] step-{number}.example from 192.0.2.7"


def written(folder: Path) -> None:
    """One record every five minutes, the four logs in turn."""
    logs: dict[str, list[str]] = {"edr.json": [], "jst.log": [], "ist.log": [], "dns.log": []}
    for number in range(TURNS):
        moment = BEGIN + STEP * number
        name = list(logs)[number % 4]
        logs[name].append(
            {
                "edr.json": lambda m, n: endpoint(m, n),
                "jst.log": lambda m, n: firewall(m, n, "Asia/Tokyo", ""),
                "ist.log": lambda m, n: firewall(m, n, "Europe/Istanbul", 'tz="+0300" '),
                "dns.log": lambda m, n: resolver(m, n),
            }[name](moment, number)
        )
    for name, lines in logs.items():
        (folder / name).write_text("\n".join(lines) + "\n", "utf-8")
        os.utime(folder / name, (ARRIVED.timestamp(), ARRIVED.timestamp()))


def order(lake: Path) -> list[int]:
    """The numbers of the steps in the order in which they were read."""
    with pipeline.open_settled(lake) as con:
        found = con.execute(
            """
            SELECT time, regexp_extract(command_line, 'step-(\\d+)', 1)::INT FROM process_activity
            UNION ALL
            SELECT time, split_part(server_ip, '.', 4)::INT FROM network_activity
            UNION ALL
            SELECT time, regexp_extract(query, 'step-(\\d+)', 1)::INT FROM dns_activity
            ORDER BY ALL
            """
        ).fetchall()
    return [number for _time, number in found]


def test_with_the_zones_said_every_step_comes_in_its_turn(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    written(logs)
    config = Config(source_zones={"fortigate": "Asia/Tokyo", "dnsmasq": "Asia/Tokyo"})
    for line in pipeline.read(tmp_path / "lake", [logs], config):
        assert (line.rejected, line.note) == (0, ""), line
    assert order(tmp_path / "lake") == [*range(TURNS)]
    assert pipeline.hunt(tmp_path / "lake", pipeline.HuntOptions(config)).warnings == ()


def test_a_zone_that_nobody_said_is_named_before_all_else(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    written(logs)
    assert len([*pipeline.read(tmp_path / "lake", [logs], Config())]) == 4
    warned = [
        note.text for note in pipeline.hunt(tmp_path / "lake", pipeline.HuntOptions()).warnings
    ]
    assert [text.partition(" writes")[0] for text in warned] == [
        "source dnsmasq",
        "source fortigate",
    ]


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29 00:59:59"),
        ("Europe/Berlin", "2026-03-29 03:00:00", "2026-03-29 01:00:00"),
        ("Europe/Berlin", "2026-10-25 03:00:00", "2026-10-25 02:00:00"),
        ("Asia/Tehran", "2026-03-02 03:30:00", "2026-03-02 00:00:00"),
        ("Europe/Istanbul", "2026-03-02 03:00:00", "2026-03-02 00:00:00"),
        ("Asia/Tokyo", "2024-02-29 09:00:00", "2024-02-29 00:00:00"),
    ],
)
def test_a_local_time_is_brought_to_utc(tmp_path: Path, zone: str, local: str, utc: str) -> None:
    day, clock = local.split()
    log = tmp_path / "fw.log"
    log.write_text(
        f'date={day} time={clock} devname="fw" logid="0000000013" type="traffic" '
        'subtype="forward" srcip=192.0.2.7 dstip=198.51.100.9 dstport=443 action="accept"\n',
        "utf-8",
    )
    (line,) = pipeline.read(tmp_path / "lake", [log], Config(zone=zone))
    assert line.stored == 1
    with pipeline.open_settled(tmp_path / "lake") as con:
        assert con.execute("SELECT time::VARCHAR FROM network_activity").fetchall() == [(utc,)]
