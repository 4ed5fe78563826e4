"""Exports of other programs' forms, read back by the library of the form, or held to its schema."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stix2
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

from kizashi.incidents import HuntResult
from kizashi.report import exports
from kizashi.report.escape import visible
from tests.report.hunt_results import empty, hostile, realistic

# ATT&CK Navigator, layer format 4.5: the properties that it knows, True where it needs them.
LAYER = {
    "name": True, "versions": True, "domain": True, "description": False, "filters": False,
    "sorting": False, "layout": False, "hideDisabled": False, "techniques": False,
    "gradient": False, "legendItems": False, "metadata": False, "links": False,
}  # fmt: skip
TECHNIQUE = {
    "techniqueID": True, "tactic": False, "score": False, "color": False, "comment": False,
    "enabled": False, "metadata": False, "links": False, "showSubtechniques": False,
}  # fmt: skip


@pytest.fixture(params=[realistic, hostile, empty], ids=lambda make: make.__name__)
def result(request: pytest.FixtureRequest) -> HuntResult:
    made: HuntResult = request.param()
    return made


def test_stix_is_read_by_the_library_and_says_the_same(result: HuntResult) -> None:
    text = exports.stix_bundle(result)
    read = stix2.parse(text, allow_custom=False)
    # The library writes no milliseconds where there are none, but what is false by default.
    said, again = (json.loads(t.replace('.000Z"', 'Z"')) for t in (text, read.serialize()))
    both = zip(said["objects"], again["objects"], strict=True)
    assert [told | thing for thing, told in both] == again["objects"]
    ids = [thing["id"] for thing in said["objects"]]
    assert len(set(ids)) == len(ids)
    named = {ref for thing in said["objects"] for ref in references(thing)}
    assert named <= set(ids)
    told = [t for t in said["objects"] if t["type"] == "incident"]
    assert [t["external_references"][0]["external_id"] for t in told] == [
        visible(i.id) for i in result.incidents
    ]


def references(thing: dict[str, Any]) -> list[str]:
    found = [value for key, value in thing.items() if key.endswith("_ref")]
    return found + [r for key, value in thing.items() if key.endswith("_refs") for r in value]


def test_the_library_refuses_what_is_no_stix() -> None:
    broken = json.loads(exports.stix_bundle(realistic()))
    told = next(t for t in broken["objects"] if t["type"] == "observed-data")
    told["number_observed"] = 0
    with pytest.raises(stix2.exceptions.STIXError):
        stix2.parse(json.dumps(broken), allow_custom=False)


def test_each_ocsf_finding_fits_its_class(result: HuntResult) -> None:
    lines = exports.ocsf_findings(result).splitlines()
    assert len(lines) == len(result.incidents)
    for line, incident in zip(lines, result.incidents, strict=True):
        finding = DetectionFinding.model_validate_json(line)
        assert finding.finding_info.uid == visible(incident.id)
        assert finding.finding_info.analytic.uid == visible(incident.chain)
        assert len(finding.evidences) == len(incident.stages)


def test_a_layer_holds_what_the_navigator_knows_and_needs(result: HuntResult) -> None:
    layer = json.loads(exports.navigator(result))
    for thing, known in ((layer, LAYER), *((t, TECHNIQUE) for t in layer["techniques"])):
        assert set(thing) <= set(known)
        assert {name for name, needed in known.items() if needed} <= set(thing)
    assert set(layer["versions"]) == {"attack", "navigator", "layer"}
    assert layer["gradient"]["minValue"] < layer["gradient"]["maxValue"]
    assert len(layer["gradient"]["colors"]) >= 2  # a gradient runs from one to another
    assert all(isinstance(t["score"], int | float) for t in layer["techniques"])
