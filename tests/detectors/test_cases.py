"""Every case of every detector folder does what it says."""

from __future__ import annotations

import pytest

from kizashi.detectors import Detector, detectors
from kizashi.detectors.cases import Case, Derive, load_cases, run_case

CASES = [
    pytest.param(detector, case, id=f"{detector.id}: {case.name}")
    for detector in detectors().values()
    for case in load_cases(detector.folder)
]


@pytest.mark.parametrize(("detector", "case"), CASES)
def test_a_case_does_what_its_name_says(detector: Detector, case: Case, derive: Derive) -> None:
    assert run_case(detector, case, derive) == []
