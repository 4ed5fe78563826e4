"""Incidents as one STIX 2.1 bundle, with ids that are the same for the same incident.

An incident, the attack patterns that it shows, and observed data with the names, addresses,
accounts and files of each stage. Nothing here is an indicator: that a thing was met in an incident
does not make it bad elsewhere.
"""

from __future__ import annotations

import ipaddress
import json
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from kizashi.incidents import HuntResult, Incident, Stage
from kizashi.report.attack import is_technique, technique_name
from kizashi.report.escape import visible
from kizashi.report.moments import as_utc
from kizashi.report.story import story
from kizashi.report.wording import Wording, wording

Thing = dict[str, Any]
# STIX 2.1, section 2.9: ids of observables are made in this namespace from their properties.
_OBSERVABLE = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
_OURS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:kizashi")
_BEGIN = "2026-01-01T00:00:00.000Z"
_ATTACK = "https://attack.mitre.org/techniques/"


def bundle(result: HuntResult, lang: str = "en") -> Thing:
    """Everything that the hunt told, as one bundle."""
    words = wording(lang)
    objects: dict[str, Thing] = {}
    maker = _named("identity", "kizashi") | {
        "name": "Kizashi",
        "identity_class": "system",
        "created": _BEGIN,
        "modified": _BEGIN,
    }
    for thing in (maker, *_incidents(result, words, str(maker["id"]))):
        objects.setdefault(str(thing["id"]), thing)
    named = " ".join(sorted(objects))
    return {
        "type": "bundle",
        "id": f"bundle--{uuid.uuid5(_OURS, named)}",
        "objects": list(objects.values()),
    }


def _incidents(result: HuntResult, words: Wording, maker: str) -> Iterator[Thing]:
    for incident in result.incidents:
        created, modified = _stamp(incident.first_seen), _stamp(incident.last_seen)
        own = {"created_by_ref": maker, "created": created, "modified": modified}
        told = _named("incident", incident.id) | own | {
            "name": visible(words.pick(incident.title, incident.title_ja)),
            "description": visible(story(incident, result.host_days, words).paragraph),
            "labels": [visible(incident.severity), visible(incident.chain)],
            "external_references": [
                {"source_name": "kizashi", "external_id": visible(incident.id)}
            ],
        }  # fmt: skip
        yield told
        for technique in filter(is_technique, incident.techniques):
            pattern = _pattern(technique, maker)
            yield pattern
            yield _related(told, pattern, own)
        for number, stage in enumerate(incident.stages, 1):
            seen = list(_observables(incident, stage))
            yield from seen
            data = _observed(incident, number, stage, seen, own)
            yield data
            yield _related(told, data, own)


def _pattern(technique: str, maker: str) -> Thing:
    return _named("attack-pattern", technique) | {
        "created_by_ref": maker,
        "created": _BEGIN,
        "modified": _BEGIN,
        "name": technique_name(technique) or technique,
        "external_references": [
            {
                "source_name": "mitre-attack",
                "external_id": technique,
                "url": _ATTACK + technique.replace(".", "/"),
            }
        ],
    }


def _observed(
    incident: Incident, number: int, stage: Stage, seen: list[Thing], own: Thing
) -> Thing:
    moment = _stamp(stage.time)
    return _named("observed-data", f"{incident.id}/{number}") | own | {
        "first_observed": moment,
        "last_observed": moment,
        "number_observed": max(1, len(stage.evidence)),
        "object_refs": [thing["id"] for thing in seen],
        "labels": [visible(stage.stage), visible(stage.detector)],
    }  # fmt: skip


def _observables(incident: Incident, stage: Stage) -> Iterator[Thing]:
    """What the stage was about: its file, and for contact the places spoken to."""
    for proof in stage.evidence[:1]:
        yield _observable("file", {"name": visible(proof.file.rsplit("/", 1)[-1]) or "-"})
    if stage.stage in ("command-and-control", "exfiltration"):
        for place in incident.destinations:
            yield _place(place)
    for user in incident.users:
        yield _observable("user-account", {"account_login": visible(user)})


def _place(place: str) -> Thing:
    try:
        kind = f"ipv{ipaddress.ip_address(place).version}-addr"
    except ValueError:
        kind = "domain-name"
    return _observable(kind, {"value": visible(place)})


def _related(source: Thing, target: Thing, own: Thing) -> Thing:
    return _named("relationship", f"{source['id']} {target['id']}") | own | {
        "relationship_type": "related-to",
        "source_ref": source["id"],
        "target_ref": target["id"],
    }  # fmt: skip


def _named(kind: str, name: str) -> Thing:
    own = uuid.uuid5(_OURS, visible(f"{kind}/{name}"))
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{own}"}


def _observable(kind: str, properties: Thing) -> Thing:
    said = json.dumps(properties, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    own = f"{kind}--{uuid.uuid5(_OBSERVABLE, said)}"
    return {"type": kind, "spec_version": "2.1", "id": own, **properties}


def _stamp(moment: datetime) -> str:
    return as_utc(moment).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
