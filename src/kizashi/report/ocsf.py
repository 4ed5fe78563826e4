"""Incidents as OCSF 1.3 Detection Findings (class 2004), one each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from typing import Any

from kizashi.incidents import HuntResult, Incident, Stage
from kizashi.report.attack import TACTIC_IDS, is_technique, technique_name
from kizashi.report.escape import visible
from kizashi.report.moments import as_utc
from kizashi.report.story import story
from kizashi.report.wording import Wording, wording

_SEVERITY = {"low": 2, "medium": 3, "high": 4, "critical": 5}
_CREATE, _FINDINGS, _DETECTION_FINDING = 1, 2, 2004


def findings(result: HuntResult, lang: str = "en") -> Iterator[dict[str, Any]]:
    """A finding for each incident, in rank order."""
    words = wording(lang)
    for incident in result.incidents:
        yield _finding(incident, result, words)


def _finding(incident: Incident, result: HuntResult, words: Wording) -> dict[str, Any]:
    return {
        "activity_id": _CREATE,
        "category_uid": _FINDINGS,
        "class_uid": _DETECTION_FINDING,
        "type_uid": _DETECTION_FINDING * 100 + _CREATE,
        "severity_id": _SEVERITY.get(incident.severity, 0),
        "severity": visible(incident.severity).capitalize(),
        "status_id": 1,
        "time": _ms(incident.last_seen),
        "message": visible(story(incident, result.host_days, words).paragraph),
        "metadata": {
            "version": "1.3.0",
            "uid": visible(incident.id),
            "product": {
                "name": "Kizashi",
                "vendor_name": "Kizashi",
                "version": version("kizashi"),
            },
        },
        "finding_info": {
            "uid": visible(incident.id),
            "title": visible(words.pick(incident.title, incident.title_ja)),
            "created_time": _ms(incident.last_seen),
            "first_seen_time": _ms(incident.first_seen),
            "last_seen_time": _ms(incident.last_seen),
            "analytic": {
                "uid": visible(incident.chain),
                "name": visible(incident.chain),
                "type_id": 2,
            },
            "attacks": [a for stage in incident.stages for a in _attacks(stage)],
        },
        "evidences": [_evidence(stage, words) for stage in incident.stages],
        "observables": _observables(incident),
    }


def _attacks(stage: Stage) -> Iterator[dict[str, Any]]:
    tactic = {"name": visible(stage.stage), "uid": TACTIC_IDS.get(stage.stage, "")}
    for technique in filter(is_technique, stage.techniques):
        parent, _, sub = technique.partition(".")
        found: dict[str, Any] = {
            "version": "17.0",
            "tactic": tactic,
            "technique": {"uid": parent, "name": technique_name(parent)},
        }
        if sub:
            found["sub_technique"] = {"uid": technique, "name": technique_name(technique)}
        yield found


def _evidence(stage: Stage, words: Wording) -> dict[str, Any]:
    return {
        "data": {
            "time": _ms(stage.time),
            "detector": visible(stage.detector),
            "entity": visible(stage.entity),
            "summary": visible(words.pick(stage.summary, stage.summary_ja)),
            "inferred": stage.inferred,
            "records": [{"file": visible(p.file), "line": p.line} for p in stage.evidence],
        }
    }


def _observables(incident: Incident) -> list[dict[str, Any]]:
    """Host names (1), user names (4) and addresses or names spoken to (2, 1)."""
    said = [("device.hostname", 1, name) for name in incident.hosts]
    said += [("actor.user.name", 4, name) for name in incident.users]
    for place in incident.destinations:
        is_address = place.replace(".", "").isdigit() or ":" in place
        kind = ("dst_endpoint.ip", 2) if is_address else ("dst_endpoint.hostname", 1)
        said.append((*kind, place))
    return [{"name": name, "type_id": kind, "value": visible(value)} for name, kind, value in said]


def _ms(moment: datetime) -> int:
    return round(as_utc(moment).timestamp() * 1000)
