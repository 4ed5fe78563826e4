"""How algorithmic a name looks, 0 to 1, from the label that its owner chose, not its suffix.

A small network over features of the label: how likely its letters follow one another in ordinary
names, how much of it is words, and its shape. Tables and weights are learned by `training/`; the
card there says from what, how well, and what the model cannot tell. A name alone is never enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizashi.names import dynamic_dns_parents, suffixes

VERSION = "1"
WIDTH = 40  # characters of a label that are looked at
LONGEST_WORD = 12
SHORTEST_WORD = 2
BLOCK = 20_000
ALPHABET = b"abcdefghijklmnopqrstuvwxyz0123456789-_"
_CODES = np.full(256, len(ALPHABET) + 1, dtype=np.uint8)  # anything else
_CODES[list(ALPHABET)] = np.arange(1, len(ALPHABET) + 1)  # 0 is the end and the beginning
SYMBOLS = len(ALPHABET) + 2
_PRIME = np.uint64(1_099_511_628_211)
_MIX = np.uint64(0x9E3779B97F4A7C15)
UNKNOWN_LETTER = -4.5  # log chance of a letter outside every word, natural logarithm
# RFC 2606, RFC 6761, RFC 6762 appendix G, and the suffixes of home routers.
PRIVATE = frozenset(
    ("local", "localdomain", "localhost", "lan", "home", "corp", "internal", "intranet", "private",
     "domain", "workgroup", "test", "example", "invalid", "arpa")
)  # fmt: skip
FEATURES = (
    "length", "letters", "digits", "hyphens", "vowels", "distinct", "entropy", "repeats",
    "digit_changes", "consonant_run", "digit_run", "hex_only", "hex_length", "hex_share",
    "rare_letters",
    "pair_mean", "triple_mean", "four_mean", "four_low", "four_spread", "four_low_share",
    "words", "word_share", "word_mean", "longest_word", "longest_gap", "short_words", "word_cost",
    "first_word", "last_word", "labels", "subdomain_length", "subdomain_digits", "is_private",
)  # fmt: skip
Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """What is learned of ordinary names. Log chances are natural logarithms, as 8-bit steps of
    `step` below zero."""

    pairs: Bytes  # [a, b]
    triples: Bytes  # [a, b, c]
    fours: Bytes  # [a, b, c, d]
    word_keys: NDArray[np.uint32]  # slot -> check bits, 0 where free
    word_costs: Bytes  # slot -> cost
    step: float


class Network(NamedTuple):
    """Layers as (weights, bias), and how features are scaled before the first."""

    centre: Floats
    scale: Floats
    layers: tuple[tuple[Floats, Floats], ...]


def score(names: Sequence[str]) -> Floats:
    """0 to 1 for each name, in order; higher is more algorithmic. Any text gets a score."""
    distinct, place = np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)
    out = np.empty(len(distinct), dtype=np.float32)
    for start in range(0, len(distinct), BLOCK):
        block = distinct[start : start + BLOCK].tolist()
        out[start : start + BLOCK] = run(network(), features(block))
    return out[place]


def run(net: Network, found: Floats) -> Floats:
    """The network over rows of features."""
    x = (found - net.centre) / net.scale
    for weights, bias in net.layers[:-1]:
        x = np.maximum(x @ weights + bias, 0)
    weights, bias = net.layers[-1]
    return (1 / (1 + np.exp(-np.clip((x @ weights + bias)[:, 0], -30, 30)))).astype(np.float32)


@cache
def _known_suffixes() -> frozenset[str]:
    return frozenset(suffixes()) | frozenset(dynamic_dns_parents())


class Split(NamedTuple):
    """The label that the owner chose, what stands left of it, and whether the name is a network's
    own: under `.lan` or `.local` nobody registers anything."""

    label: str
    rest: str
    is_private: bool


def split(name: str) -> Split:
    """The parts of a name; of a name of one label, that label."""
    labels = name.rstrip(".").lower().split(".")
    known = _known_suffixes()
    last = len(labels) - 1
    if last == 0:
        return Split(labels[0], "", is_private=True)
    # The longest listed suffix wins; without one the last label is the suffix.
    at = last
    for start in range(max(1, last - 3), last):
        if ".".join(labels[start:]) in known:
            at = start
            break
    return Split(labels[at - 1], ".".join(labels[: at - 1]), labels[last] in PRIVATE)


def features(names: Sequence[str]) -> Floats:
    """Rows of FEATURES of some names."""
    parts = [split(name) for name in names]
    codes, lengths = encoded([part.label for part in parts])
    columns = [*_shape(codes, lengths), *_letters(codes, lengths), *_words(codes, lengths)]
    rest = [part.rest for part in parts]
    columns.append(np.array([r.count(".") + bool(r) for r in rest], dtype=np.float32))
    columns.append(np.array([len(r) for r in rest], dtype=np.float32))
    columns.append(np.array([sum(map(str.isdigit, r)) for r in rest], dtype=np.float32))
    columns.append(np.array([part.is_private for part in parts], dtype=np.float32))
    return np.stack(columns, axis=1).astype(np.float32)


def encoded(labels: Sequence[str]) -> tuple[Bytes, NDArray[np.int64]]:
    """Labels as codes [row, place] of WIDTH places, 0 after the end, and their lengths."""
    raw = np.array(
        [label.encode("ascii", "replace")[:WIDTH] for label in labels], dtype=f"S{WIDTH}"
    )
    table = raw.view(np.uint8).reshape(len(labels), WIDTH)
    codes = np.where(table == 0, np.uint8(0), _CODES[table])
    return codes, (codes > 0).sum(axis=1)


def _of(text: bytes) -> NDArray[np.bool_]:
    member = np.zeros(SYMBOLS, dtype=bool)
    member[_CODES[list(text)]] = True
    return member


_VOWELS, _DIGITS, _HEX = _of(b"aeiou"), _of(b"0123456789"), _of(b"0123456789abcdef")
_LETTERS, _RARE = _of(b"abcdefghijklmnopqrstuvwxyz"), _of(b"jqxzwk")


def _shape(codes: Bytes, lengths: NDArray[np.int64]) -> list[Floats]:
    there = codes > 0
    size = np.maximum(lengths, 1)
    letters, digits = _LETTERS[codes], _DIGITS[codes]
    vowels = _VOWELS[codes]
    consonants = letters & ~vowels
    counts = np.zeros((len(codes), SYMBOLS), dtype=np.float32)
    rows = np.repeat(np.arange(len(codes)), codes.shape[1])
    np.add.at(counts, (rows, codes.ravel()), 1)
    counts[:, 0] = 0
    share = counts / size[:, None]
    entropy = -(share * np.log2(np.where(share > 0, share, 1))).sum(axis=1)
    changes = (digits[:, 1:] != digits[:, :-1]) & there[:, 1:]
    same = (codes[:, 1:] == codes[:, :-1]) & there[:, 1:]
    is_hex = _HEX[codes] & there
    # Both letters and digits, all of them hexadecimal: a hash or a number, seldom a word.
    mixed = (is_hex.sum(1) == lengths) & digits.any(1) & letters.any(1)
    plain = [
        np.minimum(lengths, 28), letters.sum(1) / size, digits.sum(1) / size,
        (codes == _CODES[ord("-")]).sum(1),
        vowels.sum(1) / np.maximum(letters.sum(1), 1), (counts > 0).sum(1) / size, entropy,
        same.sum(1) / size, changes.sum(1) / size, _longest(consonants), _longest(digits),
        is_hex.sum(1) == lengths, np.where(mixed, np.minimum(lengths, 16), 0),
        is_hex.sum(1) / size, _RARE[codes].sum(1) / size,
    ]  # fmt: skip
    return [np.asarray(column, dtype=np.float32) for column in plain]


def _longest(member: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Length of the longest run of True in each row."""
    best = run_now = np.zeros(len(member), dtype=np.int64)
    for place in range(member.shape[1]):
        run_now = np.where(member[:, place], run_now + 1, 0)
        best = np.maximum(best, run_now)
    return best


def _letters(codes: Bytes, lengths: NDArray[np.int64]) -> list[Floats]:
    """How likely the letters follow one another, beginning and end included."""
    known = tables()
    pad = np.zeros((len(codes), 1), dtype=np.uint8)
    text = np.concatenate([pad, pad, pad, codes, pad], axis=1).astype(np.int64)
    # A place counts up to the end sign.
    counted = np.concatenate([codes > 0, pad > 0], axis=1)
    counted[np.arange(len(codes)), lengths] = True
    a, b, c, d = (text[:, n : n + codes.shape[1] + 1] for n in range(4))
    steps = np.maximum(lengths + 1, 1)
    out = []
    for table in (known.pairs[c, d], known.triples[b, c, d], known.fours[a, b, c, d]):
        cost = np.where(counted, table, 0) * np.float32(known.step)
        out.append(cost.sum(axis=1) / steps)
    fours = np.where(counted, known.fours[a, b, c, d], 0) * np.float32(known.step)
    mean = out[-1]
    spread = np.sqrt(
        np.maximum((np.where(counted, (fours - mean[:, None]) ** 2, 0)).sum(1) / steps, 0)
    )
    out += [fours.max(axis=1), spread, ((fours > 6) & counted).sum(1) / steps]
    return [np.asarray(column, dtype=np.float32) for column in out]


def hashes(codes: Bytes) -> NDArray[np.uint64]:
    """Hash of the first 1, 2, ... characters of each row, by which substrings are told apart."""
    out = np.zeros((len(codes), codes.shape[1] + 1), dtype=np.uint64)
    for place in range(codes.shape[1]):
        out[:, place + 1] = out[:, place] * _PRIME + codes[:, place]
    return out


@cache
def _powers() -> NDArray[np.uint64]:
    each = np.full(LONGEST_WORD + 1, _PRIME, dtype=np.uint64)
    each[0] = 1
    return np.cumprod(each, dtype=np.uint64)


def slots(hashed: NDArray[np.uint64], size: int) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """(slot, check bits) of hashed substrings in a word table of `size` slots, a power of two."""
    mixed = hashed * _MIX
    mixed ^= mixed >> np.uint64(29)
    place = (mixed & np.uint64(size - 1)).astype(np.int64)
    return place, ((mixed >> np.uint64(32)).astype(np.uint32) | np.uint32(1))


def _words(codes: Bytes, lengths: NDArray[np.int64]) -> list[Floats]:
    """The cheapest way to write the label as words and single letters, place by place."""
    known = tables()
    rows, width = codes.shape
    prefix = hashes(codes)
    cost = np.full((rows, width + 1), np.inf, dtype=np.float32)
    cost[:, 0] = 0
    # Of the best way so far: words, letters in words, longest word, letters outside, short words,
    # sum of the words' costs, first and last word.
    told = np.zeros((8, rows, width + 1), dtype=np.float32)
    gap = np.zeros((rows, width + 1), dtype=np.float32)
    widest = np.zeros((rows, width + 1), dtype=np.float32)
    longest = int(lengths.max(initial=0))
    every = np.arange(rows)
    for end in range(1, longest + 1):
        best = cost[:, end - 1] - np.float32(UNKNOWN_LETTER)
        size = np.zeros(rows, dtype=np.int64)
        word_cost = np.zeros(rows, dtype=np.float32)
        for n in range(SHORTEST_WORD, min(LONGEST_WORD, end) + 1):
            hashed = prefix[:, end] - prefix[:, end - n] * _powers()[n]
            slot, check = slots(hashed, len(known.word_keys))
            hit = known.word_keys[slot] == check
            if not hit.any():
                continue
            price = known.word_costs[slot] * np.float32(known.step)
            total = np.where(hit, cost[:, end - n] + price, np.inf)
            better = total < best
            best = np.where(better, total, best)
            size = np.where(better, n, size)
            word_cost = np.where(better, price, word_cost)
        cost[:, end] = best
        is_word = size > 0
        back = end - np.maximum(size, 1)
        before = told[:, every, back]
        told[:, :, end] = before
        told[0, :, end] += is_word
        told[1, :, end] += size
        told[2, :, end] = np.maximum(before[2], size)
        told[4, :, end] += is_word & (size <= 3)
        told[5, :, end] += word_cost
        told[6, :, end] = np.where(before[0] > 0, before[6], size)
        told[7, :, end] = np.where(is_word, size, before[7])
        gap[:, end] = np.where(is_word, 0, gap[every, back] + 1)
        widest[:, end] = np.maximum(widest[every, back], gap[:, end])
    final = told[:, every, lengths]
    size_of = np.maximum(lengths, 1).astype(np.float32)
    words = final[0]
    return [
        words, final[1] / size_of, final[1] / np.maximum(words, 1), final[2],
        widest[every, lengths], final[4] / np.maximum(words, 1), cost[every, lengths] / size_of,
        final[6], final[7],
    ]  # fmt: skip


@cache
def _packed() -> dict[str, NDArray[np.generic]]:
    data = files(__package__).joinpath("model.npz").read_bytes()
    with np.load(BytesIO(data), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


@cache
def tables() -> Tables:
    """The packaged tables."""
    return tables_of(_packed())


def tables_of(packed: dict[str, NDArray[np.generic]]) -> Tables:
    """Tables out of the arrays of a model file."""
    return Tables(
        pairs=np.asarray(packed["pairs"], dtype=np.uint8),
        triples=np.asarray(packed["triples"], dtype=np.uint8),
        fours=np.asarray(packed["fours"], dtype=np.uint8),
        word_keys=np.asarray(packed["word_keys"], dtype=np.uint32),
        word_costs=np.asarray(packed["word_costs"], dtype=np.uint8),
        step=float(np.asarray(packed["step"], dtype=np.float64)),
    )


@cache
def network() -> Network:
    """The packaged network."""
    packed = _packed()
    count = int(np.asarray(packed["layers"], dtype=np.int64))
    return Network(
        np.asarray(packed["centre"], dtype=np.float32),
        np.asarray(packed["scale"], dtype=np.float32),
        tuple(
            (
                np.asarray(packed[f"weights_{n}"], dtype=np.float32),
                np.asarray(packed[f"bias_{n}"], dtype=np.float32),
            )
            for n in range(count)
        ),
    )
