"""Why a name looks algorithmic or ordinary, in words, from what the model measures of it."""

from __future__ import annotations

from typing import NamedTuple

from kizashi.names import model

# Beyond these a measure is worth a line: about one in twenty ordinary labels lies there.
FEW_VOWELS, MANY_VOWELS = 0.2, 0.6
LONG_RUN = 5
UNLIKELY_LETTERS = 4.0
LONG_LABEL = 18
MOSTLY_WORDS, FEW_WORDS = 0.85, 0.4


class Explained(NamedTuple):
    """A name's score, and reasons in English and Japanese, the weightiest kind first."""

    score: float
    reasons: tuple[tuple[str, str], ...]


def explain(name: str) -> Explained:
    """The score of one name and what it rests on."""
    parts = model.split(name)
    measures = model.features([parts], model.model().tables)
    found = {measure: float(value[0]) for measure, value in measures.items()}
    label = parts.label
    out: list[tuple[str, str]] = [
        (f'judged: the label "{label[:63]}"', f"判定したラベル：「{label[:63]}」")
    ]
    if not label or not label.isascii():
        out.append(("no registry takes such a label", "登録できないラベル"))
    if found["hex_length"] >= 8:
        out.append(("only hexadecimal digits, letters among them", "16 進数の文字だけから成る"))
    mean = found["four_mean"]
    if mean > UNLIKELY_LETTERS:
        out.append(
            (
                f"letters follow one another as in one of {10 ** (mean / 2.303):,.0f} "
                "ordinary cases each",
                f"文字の並びは通常の名前では 1 文字ごとに {10 ** (mean / 2.303):,.0f} 回に 1 回",
            )
        )
    if found["letters"] > 0.5 and not FEW_VOWELS <= found["vowels"] <= MANY_VOWELS:
        share = f"{found['vowels']:.0%}"
        out.append((f"{share} of the letters are vowels", f"母音の割合が {share}"))
    if found["consonant_run"] >= LONG_RUN:
        run = f"{found['consonant_run']:.0f}"
        out.append((f"{run} consonants in a row", f"子音が {run} 文字続く"))
    if found["digit_changes"] > 0.25:
        out.append(("letters and digits take turns", "英字と数字が入り交じる"))
    if found["word_share"] >= MOSTLY_WORDS:
        words = f"{found['words']:.0f}"
        out.append((f"made of words ({words})", f"単語 {words} 個から成る"))
    elif found["word_share"] < FEW_WORDS:
        out.append(("hardly any word in it", "単語をほとんど含まない"))
    if found["length"] >= LONG_LABEL:
        out.append((f"long: {len(label)} characters", f"長い：{len(label)} 文字"))
    if found["is_private"]:
        out.append(
            ("under a network's own suffix, which nobody registers", "登録されない内部用の接尾辞")
        )
    return Explained(float(model.score([name])[0]), tuple(out))
