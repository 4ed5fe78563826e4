"""Tables of ordinary names: how letters follow one another, and which words names are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from kizashi.names import model

STEP = 0.06
WORD_SLOTS = 1 << 18
LEAST_WORD = 6
SMOOTH = (0.5, 4.0, 4.0)


def quantised(log_chance: np.ndarray) -> np.ndarray:
    """Natural logarithms as 8-bit steps below zero."""
    return np.clip(np.round(-log_chance / STEP), 0, 255).astype(np.uint8)


def letter_tables(labels: list[str]) -> dict[str, np.ndarray]:
    """pairs, triples and fours: each smoothed by the shorter one."""
    size = model.SYMBOLS
    ones = np.zeros(size)
    pairs = np.zeros((size,) * 2)
    triples = np.zeros((size,) * 3)
    fours = np.zeros((size,) * 4, dtype=np.float32)
    for start in range(0, len(labels), 50_000):
        codes, lengths = model.encoded(labels[start : start + 50_000])
        pad = np.zeros((len(codes), 1), dtype=np.uint8)
        text = np.concatenate([pad, pad, pad, codes, pad], axis=1).astype(np.int64)
        counted = np.concatenate([codes > 0, pad > 0], axis=1)
        counted[np.arange(len(codes)), lengths] = True
        a, b, c, d = (text[:, n : n + codes.shape[1] + 1][counted] for n in range(4))
        np.add.at(ones, d, 1)
        np.add.at(pairs, (c, d), 1)
        np.add.at(triples, (b, c, d), 1)
        np.add.at(fours, (a, b, c, d), 1)
    p1 = (ones + 1) / (ones + 1).sum()
    p2 = (pairs + 20 * SMOOTH[0] * p1) / (pairs.sum(-1, keepdims=True) + 20 * SMOOTH[0])
    p3 = (triples + SMOOTH[1] * p2) / (triples.sum(-1, keepdims=True) + SMOOTH[1])
    p4 = (fours + SMOOTH[2] * p3) / (fours.sum(-1, keepdims=True) + SMOOTH[2])
    return {
        "pairs": quantised(np.log(p2)),
        "triples": quantised(np.log(p3)),
        "fours": quantised(np.log(p4)),
    }


def words(labels: Iterable[str]) -> dict[str, int]:
    """Words by how often names hold them: what owners part by hyphens, and short whole labels."""
    counts: Counter[str] = Counter()
    for label in labels:
        parts = label.split("-") if "-" in label else ()
        for part in parts:
            if model.SHORTEST_WORD <= len(part) <= model.LONGEST_WORD and part.isalpha():
                counts[part] += 1
        if not parts and 3 <= len(label) <= 8 and label.isalpha():
            counts[label] += 1
    return {word: n for word, n in counts.items() if n >= LEAST_WORD}


def word_table(counts: dict[str, int]) -> dict[str, np.ndarray]:
    """Words by hash; of two in one slot the commoner stays."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    codes, lengths = model.encoded([word for word, _n in ordered])
    hashed = model.hashes(codes)[np.arange(len(codes)), lengths]
    place, check = model.slots(hashed, WORD_SLOTS)
    total = sum(counts.values())
    costs = quantised(np.log(np.array([n for _w, n in ordered]) / total))
    keys = np.zeros(WORD_SLOTS, dtype=np.uint32)
    priced = np.zeros(WORD_SLOTS, dtype=np.uint8)
    for slot, bits, cost in zip(place[::-1], check[::-1], costs[::-1], strict=True):
        keys[slot], priced[slot] = bits, cost
    return {"word_keys": keys, "word_costs": priced}
