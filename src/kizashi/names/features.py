"""What the name model measures of a label: its shape, how its letters follow one another, and which
words it is made of. Whole batches of labels are measured at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

WIDTH = 40  # characters of a label that are looked at
LONGEST_WORD = 12
SHORTEST_WORD = 2
ALPHABET = b"abcdefghijklmnopqrstuvwxyz0123456789-_"
CODES = np.full(256, len(ALPHABET) + 1, dtype=np.uint8)  # anything else
CODES[list(ALPHABET)] = np.arange(1, len(ALPHABET) + 1)
CODES[0] = 0  # the end, and the beginning
SYMBOLS = len(ALPHABET) + 2
FOREIGN = len(ALPHABET) + 1  # what no registry takes
UNKNOWN_LETTER = 6.5  # cost of a letter outside every word: natural logarithm of its rarity
UNLIKELY, VERY_UNLIKELY = 5.0, 7.0  # cost of a letter after three others, natural logarithm
WHOLE_WORD = 4  # letters of a word of the dictionary that is no accident
NO_COST = 20.0  # where a label has no such word
_PRIME = np.uint64(1_099_511_628_211)
_MIX = np.uint64(0x9E3779B97F4A7C15)
Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Columns = dict[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """What is learned of ordinary names. Costs are natural logarithms of rarity, in 8-bit steps of
    `step`."""

    pairs: Bytes  # [a, b]
    triples: Bytes  # [a, b, c]
    fours: Bytes  # [a, b, c, d]
    word_keys: NDArray[np.uint32]  # slot -> check bits, 0 where free
    word_costs: Bytes  # slot -> cost
    dictionary: NDArray[np.bool_]  # slot -> an English dictionary has it
    step: float


def encoded(labels: Sequence[str]) -> tuple[Bytes, Numbers]:
    """Labels as codes [row, place] of WIDTH places, 0 after the end, and their lengths."""
    try:
        raw = np.array(labels, dtype=f"S{WIDTH}")
    except UnicodeEncodeError:
        raw = np.array(
            [label.encode("ascii", "replace")[:WIDTH] for label in labels], dtype=f"S{WIDTH}"
        )
    codes = CODES[raw.view(np.uint8).reshape(len(labels), WIDTH)]
    return codes, (codes > 0).sum(axis=1)


def _of(text: bytes) -> NDArray[np.bool_]:
    member = np.zeros(SYMBOLS, dtype=bool)
    member[CODES[list(text)]] = True
    return member


LETTERS, DIGITS = _of(b"abcdefghijklmnopqrstuvwxyz"), _of(b"0123456789")
_VOWELS, _OPEN = _of(b"aeiou"), _of(b"aeiouy")
_HEX, _RARE = _of(b"0123456789abcdef"), _of(b"jqxzwk")
_HYPHEN = CODES[ord("-")]


def glance(codes: Bytes, lengths: Numbers, known: Tables) -> Floats:
    """The few cheap measures that settle most labels: [row, measure]."""
    size = np.maximum(lengths, 1)
    digits = DIGITS[codes].sum(axis=1)
    is_hex = _HEX[codes].sum(axis=1) == lengths
    cost, counted = letter_costs(codes, lengths, known.fours)
    cost = np.where(counted, cost, 0)
    total = cost.sum(axis=1, dtype=np.int64) * known.step
    columns = (
        lengths, digits, digits / size, (codes == _HYPHEN).sum(axis=1),
        _VOWELS[codes].sum(axis=1) / size, is_hex, is_hex * digits, total, total / (lengths + 1),
        cost.max(axis=1) * known.step,
    )  # fmt: skip
    return np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)


def measured(codes: Bytes, lengths: Numbers, known: Tables) -> Columns:
    """Every measure of some labels, by name."""
    found = _shape(codes, lengths) | _letters(codes, lengths, known)
    found |= _words(codes, lengths, known, found["four_sum"])
    return {name: np.asarray(column, dtype=np.float32) for name, column in found.items()}


def _shape(codes: Bytes, lengths: Numbers) -> Columns:
    there = codes > 0
    size = np.maximum(lengths, 1)
    letters, digits, vowels = LETTERS[codes], DIGITS[codes], _VOWELS[codes]
    closed = letters & ~_OPEN[codes]
    counts = np.zeros((len(codes), SYMBOLS), dtype=np.float32)
    np.add.at(counts, (np.repeat(np.arange(len(codes)), codes.shape[1]), codes.ravel()), 1)
    counts[:, 0] = 0
    share = counts / size[:, None]
    is_hex = _HEX[codes] & there
    mixed = (is_hex.sum(1) == lengths) & digits.any(1) & letters.any(1)
    both = letters[:, 1:] & letters[:, :-1]
    turned = (vowels[:, 1:] != vowels[:, :-1]) & both
    changes = (digits[:, 1:] != digits[:, :-1]) & there[:, 1:]
    same = (codes[:, 1:] == codes[:, :-1]) & there[:, 1:]
    used = counts[:, 1:27] > 0
    inner = digits[:, 1:-1] & (letters[:, :-2] | letters[:, 2:])
    last_digit = np.where(digits, np.arange(codes.shape[1]), -1).max(axis=1)
    return {
        "length": lengths,
        "letters": letters.sum(1) / size,
        "digits": digits.sum(1) / size,
        "digit_count": digits.sum(1),
        "hyphens": (codes == _HYPHEN).sum(1),
        "vowels": vowels.sum(1) / np.maximum(letters.sum(1), 1),
        "distinct": (counts > 0).sum(1) / size,
        "distinct_count": (counts > 0).sum(1),
        "entropy": -(share * np.log2(np.where(share > 0, share, 1))).sum(1),
        "commonest": counts.max(1) / size,
        "repeats": same.sum(1) / size,
        "digit_changes": changes.sum(1) / size,
        "change_count": changes.sum(1),
        "inner_digits": inner.sum(1),
        "digit_first": digits[:, 0],
        "digit_last": last_digit == lengths - 1,
        "consonant_run": _longest(letters & ~vowels),
        "closed_run": _longest(closed),
        "vowel_run": _longest(vowels),
        "digit_run": _longest(digits),
        "alternation": turned.sum(1) / np.maximum(both.sum(1), 1),
        "syllables": (closed[:, :-1] & _OPEN[codes][:, 1:]).sum(1) / size,
        "hex_only": is_hex.sum(1) == lengths,
        # Both letters and digits, all of them hexadecimal: a hash or a number, seldom a word.
        "hex_length": np.where(mixed, np.minimum(lengths, 16), 0),
        "hex_share": is_hex.sum(1) / size,
        "rare_letters": _RARE[codes].sum(1) / size,
        "first_letter": np.where(used, np.arange(1, 27), 99).min(1),
        "last_letter": np.where(used, np.arange(1, 27), 0).max(1),
    }


def _longest(member: NDArray[np.bool_]) -> Numbers:
    """Length of the longest run of True in each row."""
    best = run_now = np.zeros(len(member), dtype=np.int64)
    for place in range(member.shape[1]):
        run_now = np.where(member[:, place], run_now + 1, 0)
        best = np.maximum(best, run_now)
    return best


def letter_costs(codes: Bytes, lengths: Numbers, table: Bytes) -> tuple[Bytes, NDArray[np.bool_]]:
    """What each letter costs after those before it, the end included, and which places count. The
    depth of the table says how many letters are looked at."""
    depth = table.ndim
    blank = np.zeros((len(codes), 1), dtype=np.uint8)
    text = np.concatenate([*[blank] * (depth - 1), codes, blank], axis=1)
    width = codes.shape[1] + 1
    place = np.zeros((len(codes), width), dtype=np.int32)
    for shift in range(depth):
        place = place * SYMBOLS + text[:, shift : shift + width]
    counted = np.arange(width) <= lengths[:, None]
    return table.ravel()[place], counted


def _letters(codes: Bytes, lengths: Numbers, known: Tables) -> Columns:
    """How likely the letters follow one another, beginning and end included."""
    steps = lengths + 1
    found: Columns = {}
    for name, table in (("pair", known.pairs), ("triple", known.triples), ("four", known.fours)):
        raw, counted = letter_costs(codes, lengths, table)
        cost = np.where(counted, raw, 0) * np.float32(known.step)
        found[f"{name}_mean"] = cost.sum(axis=1) / steps
    total, mean = cost.sum(axis=1), found["four_mean"]
    above = np.where(counted, cost - mean[:, None], 0)
    highest = -np.sort(-cost, axis=1)
    tail = np.maximum(lengths[:, None] - np.arange(WHOLE_WORD), 0)
    is_hex = (_HEX[codes] & (codes > 0)).sum(axis=1) == lengths
    found |= {
        "four_sum": total,
        # Against even draws from an alphabet: over 0, an even draw is the likelier maker.
        "against_letters": total - lengths * np.log(26),
        "against_alphanumeric": total - lengths * np.log(36),
        "against_hex": np.where(is_hex, total - lengths * np.log(16), -30),
        "four_spread": np.sqrt((above**2).sum(axis=1) / steps),
        "four_first": highest[:, 0],
        "four_second": highest[:, 1],
        "four_fourth": highest[:, 3],
        "head": cost[:, :WHOLE_WORD].sum(axis=1),
        "tail": np.take_along_axis(cost, tail, axis=1).sum(axis=1),
        "unlikely": ((cost > UNLIKELY) & counted).sum(axis=1) / steps,
        "very_unlikely": ((cost > VERY_UNLIKELY) & counted).sum(axis=1),
    }
    for size in (4, 7):
        found[f"worst_{size}"], found[f"best_{size}"] = _windows(cost, counted, size)
    return found


def _windows(cost: Floats, counted: NDArray[np.bool_], size: int) -> tuple[Floats, Floats]:
    """The highest and lowest mean cost of `size` letters in a row; below 0 if there are fewer."""
    total = np.cumsum(np.pad(cost, ((0, 0), (1, 0))), axis=1)
    inside = total[:, size:] - total[:, :-size]
    whole = counted[:, size - 1 :]
    worst = np.where(whole, inside, -1).max(axis=1) / size
    best = np.where(whole, inside, np.inf).min(axis=1) / size
    return worst, np.where(np.isfinite(best), best, worst)


def hashes(codes: Bytes) -> NDArray[np.uint64]:
    """Hash of the first 1, 2, ... characters of each row, by which substrings are told apart."""
    out = np.zeros((len(codes), codes.shape[1] + 1), dtype=np.uint64)
    for place in range(codes.shape[1]):
        out[:, place + 1] = out[:, place] * _PRIME + codes[:, place]
    return out


@cache
def powers() -> NDArray[np.uint64]:
    """What the hash of a beginning is multiplied by to cut it off a longer one, by length."""
    each = np.full(WIDTH + 1, _PRIME, dtype=np.uint64)
    each[0] = 1
    return np.cumprod(each, dtype=np.uint64)


def slots(hashed: NDArray[np.uint64], size: int) -> tuple[Numbers, NDArray[np.uint32]]:
    """(slot, check bits) of hashed substrings in a word table of `size` slots, a power of two."""
    mixed = hashed * _MIX
    mixed ^= mixed >> np.uint64(29)
    place = (mixed & np.uint64(size - 1)).astype(np.int64)
    return place, ((mixed >> np.uint64(32)).astype(np.uint32) | np.uint32(1))


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Labels cut into words and single letters, the last piece first: [row, piece]."""

    cost: Floats  # of the whole label
    slot: Numbers  # of a word in the table, -1 for a letter outside every word
    size: Numbers  # letters, 0 where there are no more pieces


def cut(
    codes: Bytes, lengths: Numbers, keys: NDArray[np.uint32], costs: Bytes | Floats, step: float
) -> Pieces:
    """The cheapest way to write each label as words and single letters, place by place."""
    rows, width = codes.shape
    prefix = hashes(codes)
    cost = np.full((rows, width + 1), np.inf, dtype=np.float32)
    cost[:, 0] = 0
    back = np.ones((rows, width + 1), dtype=np.int8)
    known = np.full((rows, width + 1), -1, dtype=np.int32)
    for end in range(1, int(lengths.max(initial=0)) + 1):
        cost[:, end] = cost[:, end - 1] + np.float32(UNKNOWN_LETTER)
        for size in range(SHORTEST_WORD, min(LONGEST_WORD, end) + 1):
            hashed = prefix[:, end] - prefix[:, end - size] * powers()[size]
            slot, check = slots(hashed, len(keys))
            hit = np.flatnonzero(keys[slot] == check)
            total = cost[hit, end - size] + costs[slot[hit]] * np.float32(step)
            better = total < cost[hit, end]
            hit = hit[better]
            cost[hit, end], back[hit, end] = total[better], size
            known[hit, end] = slot[hit]
    every = np.arange(rows)
    place = lengths.copy()
    found_slots: list[Numbers] = []
    found_sizes: list[Numbers] = []
    while (place > 0).any() or len(found_slots) < 2:
        is_open = place > 0
        taken = np.where(is_open, back[every, place], 0).astype(np.int64)
        found_slots.append(np.where(is_open, known[every, place], -1))
        found_sizes.append(taken)
        place = place - taken
    return Pieces(
        cost[every, lengths],
        np.stack(found_slots, axis=1).astype(np.int64),
        np.stack(found_sizes, axis=1),
    )


def _words(codes: Bytes, lengths: Numbers, known: Tables, four_sum: Floats) -> Columns:
    """How much of a label is words, how rare they are, and what is left."""
    pieces = cut(codes, lengths, known.word_keys, known.word_costs, known.step)
    letters = np.maximum(lengths, 1)
    is_word, size = pieces.slot >= 0, pieces.size
    slot = np.maximum(pieces.slot, 0)
    price = np.where(is_word, known.word_costs[slot] * np.float32(known.step), 0)
    count = np.maximum(is_word.sum(axis=1), 1)
    whole = is_word & (size >= WHOLE_WORD)
    short = is_word & (size < WHOLE_WORD)
    listed = whole & known.dictionary[slot]
    in_words = np.where(is_word, size, 0)
    return {
        "pieces": (size > 0).sum(1),
        "words": is_word.sum(1),
        "word_share": in_words.sum(1) / letters,
        "dictionary_share": np.where(listed, size, 0).sum(1) / letters,
        "dictionary_words": listed.sum(1),
        "short_words": short.sum(1),
        "cut_cost": pieces.cost / letters,
        "cut_against_letters": pieces.cost - four_sum,
        "word_cost": price.sum(1) / count,
        "rarest_word": price.max(1),
        "rarest_letters": (price / np.maximum(size, 1)).max(1),
        "longest_word": in_words.max(1),
        "word_mean": in_words.sum(1) / count,
        "whole_cost": np.where(whole, price, 0).sum(1) / np.maximum(whole.sum(1), 1),
        "commonest_whole": np.where(whole, price, NO_COST).min(1),
        "commonest_short": np.where(short, price, NO_COST).min(1),
        "outside_words": ((size > 0) & ~is_word).sum(1) / letters,
    }
