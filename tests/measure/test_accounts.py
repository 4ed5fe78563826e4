"""Ordinary accounts raise nothing; an account that is taken among them is told as a chain."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from kizashi import pipeline
from kizashi.config import Config
from kizashi.incidents import HuntResult
from kizashi.measure import accounts

FIRST = datetime.fromisoformat("2026-03-02")
VICTIM = "p003@tsubaki.example"


def hunted(folder: Path) -> HuntResult:
    lake = folder / "lake"
    assert all(line.rejected == 0 for line in pipeline.read(lake, [folder / "logs"], Config()))
    return pipeline.hunt(lake, pipeline.HuntOptions())


def test_three_weeks_of_ordinary_accounts_raise_no_incident(tmp_path: Path) -> None:
    assert accounts.write(tmp_path / "logs", 30, FIRST, 21, seed=5) == 630
    assert hunted(tmp_path).incidents == ()


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        accounts.write(tmp_path / name, 4, FIRST, 3, seed=5)
    for file in ("entra.json", "m365.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_stolen_token_a_consent_and_a_rule_among_them_are_one_chain(tmp_path: Path) -> None:
    accounts.write(tmp_path / "logs", 12, FIRST, 10, seed=5)
    stolen = {
        "category": "SignInLogs", "operationName": "Sign-in activity", "resultType": "0",
        "properties": {
            "createdDateTime": "2026-03-11T03:00:00Z", "userPrincipalName": VICTIM,
            "ipAddress": "203.0.113.250", "autonomousSystemNumber": 64999,
            "authenticationProtocol": "deviceCode", "resourceDisplayName": "Microsoft Graph",
            "appId": "29d9ed98-a469-4536-ade2-f981bc1d605e",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0", "status": {"errorCode": 0},
            "location": {"countryOrRegion": "NL"},
        },
    }  # fmt: skip
    rule = {
        "CreationTime": "2026-03-11T03:20:00", "Workload": "Exchange", "Operation": "New-InboxRule",
        "UserId": VICTIM, "ClientIP": "203.0.113.250", "ResultStatus": "True",
        "Parameters": [
            {"Name": "Name", "Value": "."},
            {"Name": "SubjectContainsWords", "Value": "invoice"},
            {"Name": "MoveToFolder", "Value": "RSS Feeds"},
        ],
    }  # fmt: skip
    _append(tmp_path / "logs" / "entra.json", stolen)
    _append(tmp_path / "logs" / "m365.json", rule)
    (incident,) = hunted(tmp_path).incidents
    assert (incident.chain, incident.users) == ("account_takeover", (VICTIM,))
    assert {stage.detector for stage in incident.stages} == {
        "authentication_new_origin",
        "authentication_token_misuse",
        "account_mailbox_rule",
    }
    assert incident.severity in ("high", "critical")


def _append(path: Path, record: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
