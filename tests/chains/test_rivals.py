"""Every rival story does what its cases say, and explains a whole group or nothing."""

from __future__ import annotations

import pytest

from kizashi import detectors, pipeline
from kizashi.chains import cases, chains
from kizashi.chains.rivals import Explained, explain, rivals

KNOWN = pipeline.detector_facts(detectors.detectors())
ALL = [
    pytest.param(case, id=f"{rival.id}: {case.name}")
    for rival in rivals().values()
    for case in cases.load_cases(rival.folder)
]


@pytest.mark.parametrize("case", ALL)
def test_rival_case(case: cases.Case) -> None:
    told = cases.run_case(case, chains(), KNOWN, detectors.signal_table_sql(), pipeline.derive)
    assert told == []


def test_a_rival_that_leaves_a_signal_over_explains_nothing() -> None:
    found = {"backup": {"s0": Explained("hozon.exe", 0, 5)}}
    assert explain(["s0", "s1"], found) is None
    honest = explain(["s0"], found)
    assert honest is not None
    assert (honest.id, "hozon.exe" in honest.story, "hozon.exe" in honest.story_ja) == (
        "backup", True, True
    )  # fmt: skip


def test_of_two_rivals_the_one_with_more_evidence_is_told() -> None:
    found = {
        "backup": {"s0": Explained("a.exe", 0, 5)},
        "deployment": {"s0": Explained("b.exe", 4, 1)},
    }
    honest = explain(["s0"], found)
    assert honest is not None and honest.id == "deployment"
