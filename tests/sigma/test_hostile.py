"""Rules that mean harm end in under a second, with file, line and reason, and stop nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kizashi import sigma

HEAD = """title: t
id: 5f1abf38-0000-4000-8000-000000000000
logsource: {product: windows, category: process_creation}
"""
DETECTION = HEAD + "detection:\n"
END = "\n  condition: s\n"
MEGABYTE = 1 << 20


def many(count: int, head: str) -> str:
    return f"{DETECTION}  s:\n    {head}:\n" + "      - '-v -w 1'\n" * count + "  condition: s\n"


HOSTILE: dict[str, tuple[str, int, str]] = {
    "a bomb of aliases": (
        "a0: &a0 [x, x]\n"
        + "\n".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))
        + "\ndetection: *a39\n",
        2,
        "aliases are not read",
    ),
    "an alias merged in": ("a: &a {x: 1}\nb:\n  <<: *a\ndetection: {s: 1}\n", 3, "aliases"),
    "brackets that would end the process": (
        DETECTION + "  s: " + "[" * 100_000 + "]" * 100_000 + END, 5, "nested deeper"
    ),
    "mappings within mappings": (
        DETECTION + "  s: " + "{a: " * 5000 + "1" + "}" * 5000 + END, 5, "nested deeper"
    ),
    "sequences on one line": (DETECTION + "  s:\n    " + "- " * 400_000 + "x" + END, 6, "nested"),
    "a pattern that explodes elsewhere": (
        DETECTION + "  s:\n    A: b\n    C|re: '((a{1,100}){1,100}){1,100}'" + END,
        7,
        "RE2 cannot read",
    ),
    "a pattern without end": (DETECTION + "  s: {C|re: '" + "(a|b)*" * 150_000 + "'}" + END, 5,
                              "more than 5,000 characters"),
    "a value without end": (DETECTION + "  s: {A: '" + "*x" * 500_000 + "'}" + END, 5, "more than"),
    "ten thousand names in a condition": (
        DETECTION + "  s: {A: b}\n  condition: " + " or ".join(["s"] * 2500) + "\n",
        6,
        "more than 2,000 words",
    ),
    "brackets in a condition": (
        DETECTION + "  s: {A: b}\n  condition: " + "(" * 5000 + "s" + ")" * 5000 + "\n", 6, "words"
    ),
    "forty thousand values": (many(40_000, "A|contains"), 12_007, "more than 12,000 values"),
    "values that a modifier multiplies": (many(500, "A|contains|windash"), 407, "with windash"),
    "fields without end": (
        DETECTION + "  s:\n" + "".join(f"    F{n}: v\n" for n in range(40_000)) + END,
        0,
        "more than",
    ),
    "documents without end": ("---\n".join([DETECTION + "  s: {A: b}" + END] * 5000), 0,
                              "more than 1,000 documents"),
    "a megabyte and more": ("a: " + "x" * MEGABYTE, 0, "more than 1024 KB"),
    "zero bytes": ("\0" * 1000, 0, "not YAML"),
    "a number in base sixty": (DETECTION + "  s: {A: " + "1:" * 200_000 + "1}" + END, 5, "number"),
    "a number without end": (DETECTION + "  s: {A: " + "9" * 900_000 + "}" + END, 5, "a number"),
    "a tag that runs code": ("a: !!python/object/apply:os.system [x]\n", 1, "not YAML"),
    "YAML that breaks off": (DETECTION + "  s: {A: b\n  condition: s\n", 6, "not YAML"),
    "a field name without end": (DETECTION + "  s: {" + "A" * 900 + ": b}" + END, 5, "field name"),
    "an unknown modifier": (DETECTION + "  t: {A: b}\n  s:\n    B: c\n    A|nonsense: b" + END, 8,
                            "nonsense"),
    "an unknown name in the condition": (DETECTION + "  s: {A: b}\n  condition: t\n", 6, "Sigma"),
    "a misspelt key": (HEAD + "detections:\n  s: {A: b}" + END, 4, "Did you mean 'detection'?"),
    "no detection": ("title: t\nlogsource: {product: windows}\n", 1, "no detection"),
    "a source of no log": (HEAD.replace("process_creation", "weather") + "detection: {s: {A: b}, "
                           "condition: s}\n", 3, "no log here"),
    "a correlation's unknown key": ("title: t\ncorrelation:\n  type: temporal\n  within: 5m\n", 2,
                                    "unknown key 'within'"),
    "a correlation's wrong type": ("title: t\ncorrelation:\n  rules: [a]\n  type: burst\n", 4,
                                   "unknown correlation 'burst'"),
    "a correlation of nothing": ("title: t\ncorrelation:\n  type: temporal\n  rules: [a, b]\n"
                                 "  timespan: 5m\n", 4, "refers to 'a', 'b'"),
    "a correlation of too many": ("title: t\ncorrelation:\n  type: temporal\n  timespan: 5m\n"
                                  "  rules: [" + ", ".join(["r"] * 50_000) + "]\n", 5, "than 50"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_rule_ends_at_once_with_line_and_reason(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    (tmp_path / "a.yml").write_text(text, "utf-8")
    (tmp_path / "b.yml").write_text(DETECTION + "  s: {A: b}" + END, "utf-8")
    began = time.process_time()
    found = sigma.load([tmp_path])
    assert time.process_time() - began < 1
    assert [rule.path for rule in found.rules] == [str(tmp_path / "b.yml")]
    (broken,) = found.broken
    assert broken.path == str(tmp_path / "a.yml")
    assert reason in broken.reason
    assert line in (0, broken.line), (broken.line, broken.reason)


@pytest.mark.parametrize(
    "value", ["5", "[]", "{}", "[1, [2]]", "null", "true", "1.5", "'x'", "{a: {b: []}}"]
)
@pytest.mark.parametrize(
    "key", ["title", "id", "name", "status", "level", "date", "tags", "logsource", "detection",
            "fields", "references", "author", "falsepositives", "related", "correlation"]
)  # fmt: skip
def test_a_value_of_a_wrong_type_ends_in_a_reason_or_a_rule(key: str, value: str) -> None:
    document: dict[str, Any] = yaml.safe_load(DETECTION + "  s: {A: b}" + END)
    document[key] = yaml.safe_load(value)
    found = sigma.parse([("rule.yml", yaml.safe_dump(document))])
    assert len(found.rules) + len(found.broken) + len(found.correlations) == 1
    assert all(broken.reason and broken.line > 0 for broken in found.broken)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["A", "B|re", "C|contains", "D|cidr", "E|gt", "s", "condition", "F|all"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_whatever_a_detection_holds_nothing_is_raised(selection: Any, condition: Any) -> None:
    document = yaml.safe_load(HEAD) | {"detection": {"s": selection, "condition": condition}}
    found = sigma.parse([("rule.yml", yaml.safe_dump(document))])
    assert len(found.rules) + len(found.broken) <= 1


def test_ten_thousand_values_are_read_and_run_in_a_second() -> None:
    values = ", ".join(f"'w{n}'" for n in range(10_000))
    began = time.process_time()
    found = sigma.parse([("r.yml", DETECTION + f"  s: {{A|contains: [{values}]}}" + END)])
    group = sigma.Group("microsoft-windows-sysmon/operational", 1)
    group.places.append(sigma.Place("f", 1))
    group.rows.append({"A": "x w9999 y"})
    assert [hit.place.line for hit in sigma.hits([group], found.rules)] == [1]
    assert time.process_time() - began < 1
