"""Literals found by one automaton are those that looking for each would find."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kizashi.sigma import matching
from kizashi.sigma.matching import _PLAIN, _Literals  # the oracle beside the automaton
from kizashi.sigma.rules import Test as Asked

WORDS = st.text(st.sampled_from("ab\\.*(\n é日\x00"), max_size=5)
TESTS = st.lists(
    st.builds(Asked, st.just("f"), st.sampled_from(sorted(_PLAIN)), WORDS), max_size=6, unique=True
)
VALUES = st.lists(st.none() | WORDS, max_size=6)


def plainly(tests: list[Asked], values: list[str | None]) -> dict[Asked, list[int]]:
    found = {
        test: [
            place
            for place, value in enumerate(values)
            if value is not None and _PLAIN[test.op](value, test.value)
        ]
        for test in tests
    }
    return {test: places for test, places in found.items() if places}


@given(TESTS, VALUES)
def test_the_automaton_finds_what_each_test_would(
    tests: list[Asked], values: list[str | None]
) -> None:
    assert _Literals(tests).met(values) == plainly(tests, values)


class Exhausted:
    """An automaton that ran out of memory: it says that nothing matched."""

    def Match(self, _value: str) -> None:  # noqa: N802 - the library's name
        return None


def test_an_automaton_without_memory_is_not_taken_for_nothing_found() -> None:
    tests = [Asked("f", "contains", "b"), Asked("f", "ends", "c")]
    literals = _Literals(tests)
    literals._set = Exhausted()
    assert literals.met(["abc", None, "x"]) == {tests[0]: [0], tests[1]: [0]}
    assert matching.AUTOMATON_BYTES > 1 << 20
