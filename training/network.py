"""A small network, trained by Adam in numpy: the same seed gives the same weights."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from kizashi.names.model import Network

BATCH = 2048
RATE = 2e-3
DECAY = 1e-5


def fit(
    found: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray,
    hidden: tuple[int, ...],
    epochs: int,
    seed: int,
) -> Network:
    """The network that tells label 1 from 0; `weight` says how much each row counts, `hidden`
    how wide the layers between are."""
    chance = np.random.default_rng(seed)
    centre = found.mean(axis=0)
    scale = np.maximum(found.std(axis=0), 1e-3)
    x = ((found - centre) / scale).astype(np.float32)
    sizes = (x.shape[1], *hidden, 1)
    weights = [
        (chance.standard_normal((a, b)) * np.sqrt(2 / a)).astype(np.float32)
        for a, b in pairwise(sizes)
    ]
    biases = [np.zeros(b, dtype=np.float32) for b in sizes[1:]]
    learned = [*weights, *biases]
    first = [np.zeros_like(p) for p in learned]
    second = [np.zeros_like(p) for p in learned]
    total = epochs * -(-len(x) // BATCH)
    step = 0
    for _epoch in range(epochs):
        order = chance.permutation(len(x))
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            step += 1
            gradients = _gradients(x[rows], label[rows], weight[rows], weights, biases)
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / total))
            for n, (value, gradient) in enumerate(zip(learned, gradients, strict=True)):
                first[n] = 0.9 * first[n] + 0.1 * gradient
                second[n] = 0.999 * second[n] + 0.001 * gradient * gradient
                moved = (first[n] / (1 - 0.9**step)) / (
                    np.sqrt(second[n] / (1 - 0.999**step)) + 1e-8
                )
                value -= (rate * (moved + DECAY * value)).astype(np.float32)
    layers = tuple(zip(weights, biases, strict=True))
    return Network(centre.astype(np.float32), scale.astype(np.float32), layers)


def _gradients(
    x: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray,
    weights: list[np.ndarray],
    biases: list[np.ndarray],
) -> list[np.ndarray]:
    held = [x]
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        held.append(np.maximum(held[-1] @ w + b, 0))
    out = 1 / (1 + np.exp(-np.clip((held[-1] @ weights[-1] + biases[-1])[:, 0], -30, 30)))
    back = ((out - label) * weight / len(x))[:, None].astype(np.float32)
    by_weight: list[np.ndarray] = []
    by_bias: list[np.ndarray] = []
    for n in range(len(weights) - 1, -1, -1):
        by_weight.insert(0, held[n].T @ back)
        by_bias.insert(0, back.sum(axis=0))
        if n:
            back = (back @ weights[n].T) * (held[n] > 0)
    return [*by_weight, *by_bias]
