"""How algorithmic a name looks, 0 to 1, from the label that its owner chose, not its suffix.

A cascade of two small networks. The first glances at length, alphabet and letter order and settles
most names; the doubtful rest is measured closely: shape, letter order, words, and what stands left
of the label. Tables and weights are learned by `training/`; the card there says from what, how
well, and what the model cannot tell. A name alone is never enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizashi.names import dynamic_dns_parents, suffixes
from kizashi.names.features import FOREIGN, Columns, Floats, Tables, encoded, glance, measured

VERSION = "2"
BLOCK = 20_000  # labels measured at once
# RFC 2606, RFC 6761, RFC 6762 appendix G, and the suffixes of home routers.
PRIVATE = frozenset(
    ("local", "localdomain", "localhost", "lan", "home", "corp", "internal", "intranet", "private",
     "domain", "workgroup", "test", "example", "invalid", "arpa")
)  # fmt: skip


class Network(NamedTuple):
    """Layers as (weights, bias), and how features are scaled before the first."""

    centre: Floats
    scale: Floats
    layers: tuple[tuple[Floats, Floats], ...]


class Model(NamedTuple):
    """All that is learned. Names that the glance scores under `doubtful` are settled there. Scores
    over `marks[i - 1]` and up to `marks[i]` are of grade i: `letter_odds[i]` is the log10 of how
    much likelier an algorithm that draws letters gives it than an owner does, `word_odds[i]` one
    that joins words."""

    tables: Tables
    first: Network
    second: Network
    doubtful: float
    marks: Floats
    letter_odds: Floats
    word_odds: Floats


class Split(NamedTuple):
    """The label that the owner chose, what stands left of it, and whether the name is a network's
    own: under `.lan` or `.local` nobody registers anything."""

    label: str
    rest: str
    is_private: bool


def score(names: Sequence[str]) -> Floats:
    """0 to 1 for each name, in order; higher is more algorithmic. Any text gets a score."""
    distinct = list(dict.fromkeys(names))
    parts = [split(name) for name in distinct]
    told = dict(zip(distinct, judged(model(), parts).tolist(), strict=True))
    return np.fromiter(map(told.__getitem__, names), dtype=np.float32, count=len(names))


def grades(known: Model, labels: Sequence[str]) -> NDArray[np.int64]:
    """The grade of each label, as if somebody had registered it."""
    scores = judged(known, [Split(label, "", False) for label in labels])
    return np.searchsorted(known.marks, scores)


def judged(known: Model, parts: Sequence[Split]) -> Floats:
    """Scores of split names by a model."""
    labels = list(dict.fromkeys(part.label for part in parts))
    first = np.empty(len(labels), dtype=np.float32)
    for start in range(0, len(labels), BLOCK):
        codes, lengths = encoded(labels[start : start + BLOCK])
        said = run(known.first, glance(codes, lengths, known.tables))
        # Nobody can register an empty label, or one with such characters.
        said[(lengths == 0) | (codes == FOREIGN).any(axis=1)] = 0
        first[start : start + BLOCK] = said
    place = dict(zip(labels, range(len(labels)), strict=True))
    glanced = first[[place[part.label] for part in parts]]
    second = np.zeros(len(parts), dtype=np.float32)
    doubtful = np.flatnonzero(glanced >= known.doubtful)
    for start in range(0, len(doubtful), BLOCK):
        rows = doubtful[start : start + BLOCK]
        second[rows] = run(known.second, stacked(features([parts[i] for i in rows], known.tables)))
    return settled(glanced, known.doubtful, second)


def settled(first: Floats, doubtful: float, second: Floats) -> Floats:
    """Scores of the cascade: the first where it settles a name, the second where it is in doubt."""
    # Below what the second look gives to anything that it finds algorithmic.
    low = first * np.float32(doubtful)
    return np.where(first < np.float32(doubtful), low, second)


def run(net: Network, found: Floats) -> Floats:
    """The network over rows of features."""
    x = (found - net.centre) / net.scale
    for weights, bias in net.layers[:-1]:
        x = np.maximum(x @ weights + bias, 0)
    weights, bias = net.layers[-1]
    return (1 / (1 + np.exp(-np.clip((x @ weights + bias)[:, 0], -30, 30)))).astype(np.float32)


@cache
def _known_suffixes() -> tuple[frozenset[str], frozenset[str]]:
    """Suffixes of two labels and more, and every ending of one that is longer still."""
    known = {name for name in (*suffixes(), *dynamic_dns_parents()) if "." in name}
    stems = {name.split(".", n)[n] for name in known for n in range(1, name.count(".") + 1)}
    return frozenset(known), frozenset(stems)


def _as_asked(name: str) -> str:
    """An internationalised name in the letters that a resolver is asked for."""
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def split(name: str) -> Split:
    """The parts of a name; of a name of one label, that label."""
    labels = _as_asked(name).rstrip(".").lower().split(".")
    at = len(labels) - 1
    if at == 0:
        return Split(labels[0], "", is_private=True)
    known, stems = _known_suffixes()
    ending = labels[at]
    is_private = ending in PRIVATE
    # The longest listed suffix wins; without one the last label is the suffix.
    for start in range(at - 1, 0, -1):
        if ending not in stems:
            break
        ending = f"{labels[start]}.{ending}"
        if ending in known:
            at = start
    return Split(labels[at - 1], ".".join(labels[: at - 1]), is_private)


def features(parts: Sequence[Split], known: Tables) -> Columns:
    """Every measure of some split names, by name."""
    found = measured(*encoded([part.label for part in parts]), known)
    rest = [part.rest for part in parts]
    beside = {
        "labels": [r.count(".") + bool(r) for r in rest],
        "rest_length": [len(r) for r in rest],
        "rest_digits": [sum(map(str.isdigit, r)) for r in rest],
        "is_private": [part.is_private for part in parts],
    }
    return found | {name: np.array(column, dtype=np.float32) for name, column in beside.items()}


def stacked(columns: Columns) -> Floats:
    """Measures as rows for a network."""
    return np.stack(list(columns.values()), axis=1)


@cache
def model() -> Model:
    """The packaged model."""
    data = files(__package__).joinpath("model.npz").read_bytes()
    with np.load(BytesIO(data)) as packed:
        return unpacked({name: packed[name] for name in packed.files})


def unpacked(packed: Mapping[str, NDArray[Any]]) -> Model:
    """The model as read from its arrays."""
    return Model(
        tables_of(packed),
        network_of(packed, "first"),
        network_of(packed, "second"),
        float(packed["doubtful"]),
        packed["marks"],
        packed["letter_odds"],
        packed["word_odds"],
    )


def tables_of(packed: Mapping[str, NDArray[Any]]) -> Tables:
    """The tables among the arrays of a model."""
    return Tables(
        packed["pairs"],
        packed["triples"],
        packed["fours"],
        packed["word_keys"],
        packed["word_costs"],
        packed["dictionary"],
        float(packed["step"]),
    )


def network_of(packed: Mapping[str, NDArray[Any]], name: str) -> Network:
    """One network among the arrays of a model."""
    count = int(packed[f"{name}_layers"])
    layers = ((packed[f"{name}_weights_{n}"], packed[f"{name}_bias_{n}"]) for n in range(count))
    return Network(packed[f"{name}_centre"], packed[f"{name}_scale"], tuple(layers))
