"""The name model as packaged: order, bad input, suffixes, reasons."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from kizashi.cli import app
from kizashi.names import model, reasons

ORDINARY = ["example.com", "city-library.example", "mail.office.example.co.jp", "northwind.example"]
ODD = ["xkqzvwjtrbpl.com", "q7x2kd93mzpw41.net", "a6c9d2378cfabbb482d4.org"]


def test_odd_labels_score_above_ordinary_ones() -> None:
    scores = model.score([*ORDINARY, *ODD])
    assert scores[: len(ORDINARY)].max() < 0.5 < scores[len(ORDINARY) :].min()


def test_scores_come_in_the_order_of_the_names_and_repeat() -> None:
    names = [*ODD, *ORDINARY, *ODD]
    together = model.score(names)
    alone = np.array([model.score([name])[0] for name in names])
    assert np.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("suffix", ["com", "tk", "co.jp", "life", "kz"])
def test_the_public_suffix_takes_no_part(suffix: str) -> None:
    assert model.score([f"xkqzvwjtrbpl.{suffix}"])[0] == model.score(["xkqzvwjtrbpl.com"])[0]


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a", "_ldap._tcp.dc._msdcs.example", "a" * 255, "x." * 127, "xn--", "xn--fiq",
     "例え.example", "\x00\xff.com", "a..b", "-" * 63 + ".com", " ", "💥.example"],
)  # fmt: skip
def test_bad_input_gets_a_score(name: str) -> None:
    (value,) = model.score([name])
    assert 0 <= value <= 1
    assert reasons.explain(name).reasons


@pytest.mark.parametrize(
    "name", [".com", "..", "\xff\xfe\x80.com", "a" * 20 + "\u2028.com", "x y?z.net"]
)
def test_what_nobody_can_register_is_not_algorithmic(name: str) -> None:
    assert model.score([name])[0] == 0


def test_an_internationalised_name_scores_as_it_is_asked_for() -> None:
    assert model.score(["例え.example"])[0] == model.score(["xn--r8jz45g.example"])[0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet=string.printable, max_size=80), max_size=30))
def test_any_text_gets_a_score(names: list[str]) -> None:
    scores = model.score(names)
    assert len(scores) == len(names)
    assert all(0 <= value <= 1 for value in scores)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a5e01a7a.com", "hexadecimal"),
        ("xkqzvwjtrbpl.com", "consonants in a row"),
        ("hotelservice.com", "made of words"),
        ("zvooauzhmh.lan", "nobody registers"),
    ],
)
def test_a_reason_can_be_read(name: str, said: str) -> None:
    assert any(said in text for text, _ja in reasons.explain(name).reasons)


def test_the_command_writes_one_score_a_line_in_input_order() -> None:
    done = CliRunner().invoke(app, ["names", "score"], input="\n".join([*ODD, *ORDINARY]) + "\n")
    values = [float(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert min(values[: len(ODD)]) > max(values[len(ODD) :])
