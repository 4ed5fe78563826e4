"""Labels made up to stand for algorithms that no family of the data shows: even draws from
alphabets of every size, and words, parts of words and letters put together. No family's own
algorithm is here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOWELS = "aeiou"
CONSONANTS = "".join(letter for letter in LETTERS if letter not in VOWELS)
DIGITS = "0123456789"
HEX = DIGITS + "abcdef"
HEX_LENGTHS = (8, 10, 12, 14, 16, 20, 24, 32, 40)

Maker = Callable[[Random, Sequence[str]], str]


def _even(chance: Random, alphabet: Sequence[str], length: int) -> str:
    return "".join(chance.choice(alphabet) for _ in range(length))


def _letters(chance: Random, _words: Sequence[str]) -> str:
    return _even(chance, LETTERS, chance.randint(6, 30))


def _alphanumeric(chance: Random, _words: Sequence[str]) -> str:
    return _even(chance, LETTERS + DIGITS, chance.randint(6, 40))


def _hex(chance: Random, _words: Sequence[str]) -> str:
    return _even(chance, HEX, chance.choice((chance.choice(HEX_LENGTHS), chance.randint(6, 40))))


def _some_letters(chance: Random, _words: Sequence[str]) -> str:
    return _even(chance, chance.sample(LETTERS, chance.randint(6, 18)), chance.randint(8, 24))


def _in_turn(chance: Random, _words: Sequence[str]) -> str:
    """Consonants and vowels in turn, mostly."""
    made, vowel = "", chance.random() < 0.5
    for _ in range(chance.randint(6, 16)):
        made += chance.choice(VOWELS if vowel else CONSONANTS)
        vowel = not vowel if chance.random() < 0.85 else vowel
    return made


def _syllables(chance: Random, words: Sequence[str]) -> str:
    made, length = "", chance.randint(6, 14)
    while len(made) < length:
        word = chance.choice(words)
        start = chance.randint(0, len(word) - 2)
        made += word[start : start + chance.choice((2, 3))]
    return made


def _joined(chance: Random, words: Sequence[str]) -> str:
    return "".join(chance.choice(words) for _ in range(chance.choice((2, 2, 3, 3, 4, 5))))


def _parts(chance: Random, words: Sequence[str]) -> str:
    """Words that lack a letter or two at either end."""
    made, length = "", chance.randint(12, 24)
    while len(made) < length:
        word, lost = chance.choice(words), chance.randint(0, 2)
        made += word[lost:] if chance.random() < 0.5 else word[: max(2, len(word) - lost)]
    return made


def _with_letters(chance: Random, words: Sequence[str]) -> str:
    """A word or two beside a few letters."""
    word = "".join(chance.choice(words) for _ in range(chance.choice((1, 1, 2))))
    extra = _even(chance, LETTERS, chance.randint(3, 6))
    return extra + word if chance.random() < 0.5 else word + extra


# How much a label of each kind counts: kinds of which the data hold many families count less.
KINDS: tuple[tuple[Maker, float], ...] = (
    (_letters, 0.3), (_alphanumeric, 1.2), (_hex, 1.5), (_some_letters, 0.4), (_in_turn, 0.3),
    (_syllables, 0.3), (_joined, 1.5), (_parts, 1.5), (_with_letters, 1.0),
)  # fmt: skip


def labels(count: int, words: Sequence[str], seed: int) -> tuple[list[str], list[float]]:
    """`count` labels of each kind, and how much each counts."""
    chance = Random(seed)
    usual = [word for word in words if len(word) <= 9]
    made = [(maker(chance, usual), weight) for maker, weight in KINDS for _ in range(count)]
    return [label for label, _weight in made], [weight for _label, weight in made]
