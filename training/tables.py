"""Tables of ordinary names: how letters follow one another, and which words names are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from kizashi.names import features

STEP = 0.06
SMOOTH = (10.0, 4.0, 4.0)
BLOCK = 40_000
WORD_SLOTS = 1 << 18
CANDIDATE_SLOTS = 1 << 21
PASSES = 3
# How often names must hold a run of letters before it may be a word of theirs, by its length.
OFTEN = {2: 200, 3: 60, 4: 20}
OFTEN_LONG = 8
LEAST_USED = 4
DICTIONARY_COUNT = 3.0  # what a listed word is worth that no name holds


def quantised(log_chance: np.ndarray) -> np.ndarray:
    """Natural logarithms as 8-bit steps below zero."""
    return np.clip(np.round(-log_chance / STEP), 0, 255).astype(np.uint8)


def letter_tables(labels: Sequence[str]) -> dict[str, np.ndarray]:
    """pairs, triples and fours: each smoothed by the shorter one."""
    size = features.SYMBOLS
    counts = [np.zeros((size,) * depth, dtype=np.float32) for depth in range(1, 5)]
    for codes, lengths in blocks(labels):
        pad = np.zeros((len(codes), 1), dtype=np.uint8)
        text = np.concatenate([pad, pad, pad, codes, pad], axis=1).astype(np.int64)
        width = codes.shape[1] + 1
        counted = np.arange(width) <= lengths[:, None]
        columns = [text[:, n : n + width][counted] for n in range(4)]
        for depth, count in enumerate(counts, 1):
            np.add.at(count, tuple(columns[4 - depth :]), 1)
    chance = (counts[0] + 1) / (counts[0] + 1).sum()
    found = {}
    for name, count, smooth in zip(("pairs", "triples", "fours"), counts[1:], SMOOTH, strict=True):
        chance = (count + smooth * chance) / (count.sum(-1, keepdims=True) + smooth)
        found[name] = quantised(np.log(chance))
    return found


def blocks(labels: Sequence[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Labels encoded, some at a time."""
    for start in range(0, len(labels), BLOCK):
        yield features.encoded(labels[start : start + BLOCK])


class _Words(NamedTuple):
    hashed: np.ndarray
    count: np.ndarray


def word_tables(labels: Sequence[str], dictionary: Sequence[str]) -> dict[str, np.ndarray]:
    """Words by hash, with what each costs: those of the dictionary, and runs of letters that names
    repeat. What is used when names are cut into the cheapest words is counted, and so again."""
    listed = np.unique(np.concatenate([_whole(*block) for block in blocks(dictionary)]))
    words = _repeated(labels)
    for _pass in range(PASSES):
        keys, costs, hashed, _listed = _slotted(_with(words, listed), listed, CANDIDATE_SLOTS)
        used = np.zeros(CANDIDATE_SLOTS)
        for codes, lengths in blocks(labels):
            pieces = features.cut(codes, lengths, keys, costs, 1.0)
            np.add.at(used, pieces.slot[pieces.slot >= 0], 1)
        kept = used >= LEAST_USED
        words = _Words(hashed[kept], used[kept])
    keys, costs, _hashed, in_dictionary = _slotted(_with(words, listed), listed, WORD_SLOTS)
    return {"word_keys": keys, "word_costs": quantised(-costs), "dictionary": in_dictionary}


def _whole(codes: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    return features.hashes(codes)[np.arange(len(codes)), lengths]


def _repeated(labels: Sequence[str]) -> _Words:
    """Runs of letters by how often labels hold them, longer ones weightier."""
    found, counts = [], []
    for size in range(features.SHORTEST_WORD, features.LONGEST_WORD + 1):
        runs = np.concatenate([_runs(codes, size) for codes, _lengths in blocks(labels)])
        hashed, count = np.unique(runs, return_counts=True)
        often = count >= OFTEN.get(size, OFTEN_LONG)
        found.append(hashed[often])
        counts.append(count[often] * size / 6)
    return _Words(np.concatenate(found), np.concatenate(counts))


def _runs(codes: np.ndarray, size: int) -> np.ndarray:
    """Hashes of every run of `size` letters."""
    prefix = features.hashes(codes)
    letters = np.cumsum(np.pad(features.LETTERS[codes], ((0, 0), (1, 0))), axis=1)
    whole = letters[:, size:] - letters[:, :-size] == size
    return (prefix[:, size:] - prefix[:, :-size] * features.powers()[size])[whole]


def _with(words: _Words, listed: np.ndarray) -> _Words:
    hashed, place = np.unique(np.concatenate([words.hashed, listed]), return_inverse=True)
    count = np.zeros(len(hashed))
    count[place[: len(words.hashed)]] += words.count
    count[place[len(words.hashed) :]] += DICTIONARY_COUNT
    return _Words(hashed, count)


def _slotted(
    words: _Words, listed: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(keys, costs, hashes, is listed) by slot; of two words in one slot the commoner stays."""
    order = np.argsort(words.count, kind="stable")
    hashed, count = words.hashed[order], words.count[order]
    place, check = features.slots(hashed, size)
    keys, costs = np.zeros(size, dtype=np.uint32), np.zeros(size, dtype=np.float32)
    kept, in_dictionary = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=bool)
    keys[place], kept[place] = check, hashed
    costs[place] = -np.log(count / count.sum())
    in_dictionary[place] = np.isin(hashed, listed)
    return keys, costs, kept, in_dictionary
