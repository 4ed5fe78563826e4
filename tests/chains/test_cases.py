"""Every chain does what its cases say."""

from __future__ import annotations

import pytest

from kizashi import detectors, pipeline
from kizashi.chains import cases, chains

ALL = [
    pytest.param(case, id=f"{chain.id}: {case.name}")
    for chain in chains().values()
    for case in cases.load_cases(chain.folder)
]


@pytest.mark.parametrize("case", ALL)
def test_chain_case(case: cases.Case) -> None:
    known = pipeline.detector_facts(detectors.detectors())
    told = cases.run_case(case, chains(), known, detectors.signal_table_sql(), pipeline.derive)
    assert told == []
