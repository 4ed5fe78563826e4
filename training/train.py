"""Trains the name model from ../shared/data/domains and writes its card.

    python -m training.train ../shared/data/domains

Families are left out whole to measure: word-based ones one at a time, the others in five parts. The
packaged model is then trained on all of them. `--folds DIR` keeps the five models, each with the
families that it never saw, for measuring detectors.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np

from kizashi.names import features, model
from training import made
from training.network import fit
from training.tables import STEP, letter_tables, word_tables

HERE = Path(__file__).resolve().parent
PACKAGED = Path(model.__file__).with_name("model.npz")
CARD = HERE / "CARD.md"
TEMPLATE = HERE / "card_template.md"
SEED = 20260302
A_FAMILY = 4_000
A_KIND = 4_000  # of made-up labels
BENIGN = 200_000
EPOCHS = 12
GLANCE, CLOSE = (16,), (64, 32)  # widths of the two networks
DOUBTFUL = 0.08  # share of ordinary names that get the second look
CLASSES = ("random", "hex", "pronounceable", "word_list")
FALSE_SHARES = (0.001, 0.01)
# Scores are graded by how many ordinary names exceed them, for the odds.
GRADES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)
# No name can tell a browser's probe from an algorithm's; the others are presumed benign by their
# source, not verified, and hold names that algorithms made.
UNTOLD = ("synth_chrome_probe", "tranco_new", "disposable_mail")


class Rows(NamedTuple):
    """Features of one set of names for both networks."""

    glance: np.ndarray
    close: np.ndarray


class Fold(NamedTuple):
    """A model, and what it scores: ordinary names, and families that it never saw."""

    packed: dict[str, np.ndarray]
    ordinary: np.ndarray
    unseen: dict[str, np.ndarray]


class Lessons(NamedTuple):
    """All that is learned from: `rows` by family, with `benign`, `made` and what these count."""

    tables: features.Tables
    rows: dict[str, Rows]
    made_weight: np.ndarray
    held: Rows
    kind: dict[str, str]


def load(folder: Path, split: str) -> dict[str, list[str]]:
    """Names by family; benign kinds are keyed `benign:<kind>`. Bare labels are left out."""
    rows = duckdb.sql(
        f"SELECT CASE label WHEN 0 THEN 'benign:' || family ELSE family END AS family, "
        f"list(domain ORDER BY hash(domain)) FROM '{folder}/domains_{split}.parquet' "
        "WHERE contains(domain, '.') GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return {family: names for family, names in rows if family.split(":")[-1] not in UNTOLD}


def classes() -> dict[str, str]:
    """Class by family; the others are random."""
    table = tomllib.loads((HERE / "families.toml").read_text("utf-8"))
    return {family: name for name, families in table.items() for family in families}


def ordinary(data: dict[str, list[str]]) -> list[model.Split]:
    """Every ordinary name of a split, in parts."""
    return [
        model.split(n)
        for family in sorted(data)
        if family.startswith("benign:")
        for n in data[family]
    ]


def main() -> None:
    """Trains, measures, writes model and card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--folds", type=Path, help="keep the five models of the measurement here")
    parser.add_argument("--dry", action="store_true", help="measure only; write no model, no card")
    given = parser.parse_args()
    began = time.perf_counter()
    train, valid = load(given.folder, "train"), load(given.folder, "valid")
    packed, others = learned_tables(ordinary(train))
    print(f"tables: {time.perf_counter() - began:.0f} s", flush=True)
    lessons = gathered(model.tables_of(packed), train, valid, others)
    print(f"features: {time.perf_counter() - began:.0f} s", flush=True)
    results = [evaluated(lessons, left_out) for left_out in folds(lessons)]
    packed |= graded(results, lessons.kind)
    print({name: packed[name].round(2).tolist() for name in ("marks", "letter_odds", "word_odds")})
    if given.folds:
        keep(given.folds, packed, results)
    final = evaluated(lessons, [])
    marks = np.quantile(final.ordinary, [1 - share for share in FALSE_SHARES])
    text = card(shares(results), lessons, marks, len(ordinary(train)))
    if not given.dry:
        write(PACKAGED, packed | final.packed)
        CARD.write_text(text, "utf-8")
    print(text)
    print(f"{time.perf_counter() - began:.0f} s, {PACKAGED.stat().st_size:,} bytes")


def learned_tables(benign: list[model.Split]) -> tuple[dict[str, np.ndarray], list[model.Split]]:
    """Tables of half of the labels, and the names with other labels: what the tables saw looks too
    ordinary to train on."""
    labels = sorted({part.label for part in benign})
    mine = np.random.default_rng(SEED).random(len(labels)) < 0.5
    seen = {label for label, is_mine in zip(labels, mine, strict=True) if is_mine}
    packed = letter_tables(sorted(seen)) | word_tables(sorted(seen), dictionary())
    packed |= {"step": np.float32(STEP)}
    return packed, [part for part in benign if part.label not in seen]


def dictionary() -> list[str]:
    """English words of 3 to 12 letters; words_copyright.txt says whose list it is."""
    return gzip.decompress((HERE / "words.txt.gz").read_bytes()).decode().split()


def gathered(
    tables: features.Tables,
    train: dict[str, list[str]],
    valid: dict[str, list[str]],
    others: list[model.Split],
) -> Lessons:
    """Features of everything that is learned from or measured on."""
    order = np.random.default_rng(SEED).permutation(len(others))[:BENIGN]
    labels, weights = made.labels(A_KIND, dictionary(), SEED)
    rows = {
        "benign": rows_of([others[i] for i in order], tables),
        "made": rows_of([model.Split(label, "", False) for label in labels], tables),
    }
    for family in sorted({*train, *valid}):
        if not family.startswith("benign:"):
            names = [*train.get(family, []), *valid.get(family, [])][:A_FAMILY]
            rows[family] = rows_of([model.split(name) for name in names], tables)
    return Lessons(tables, rows, np.array(weights), rows_of(ordinary(valid), tables), classes())


def rows_of(parts: list[model.Split], tables: features.Tables) -> Rows:
    """Features of names, in blocks."""
    blocks = [parts[n : n + model.BLOCK] for n in range(0, len(parts), model.BLOCK)]
    glances = [
        features.glance(*features.encoded([part.label for part in block]), tables)
        for block in blocks
    ]
    close = [model.stacked(model.features(block, tables)) for block in blocks]
    return Rows(np.concatenate(glances), np.concatenate(close))


def folds(lessons: Lessons) -> Iterator[list[str]]:
    """Families to leave out together: one word-based family and a fifth of the others."""
    kind = lessons.kind
    families = [name for name in lessons.rows if name not in ("benign", "made")]
    by_word = [f for f in families if kind.get(f) == "word_list"]
    # Of each class a fifth, so that none is left out whole.
    others = sorted((f for f in families if f not in by_word), key=lambda f: (kind.get(f, ""), f))
    for n, word in enumerate(by_word):
        yield [word, *others[n :: len(by_word)]]


def evaluated(lessons: Lessons, left_out: list[str]) -> Fold:
    """Both networks trained without some families, and what they say of those."""
    rows = lessons.rows
    taught = [f for f in rows if f not in (*left_out, "benign", "made")]
    weight = [np.ones(len(rows["benign"].close)), lessons.made_weight]
    for family in taught:
        # Each family counts the same, word lists more.
        share = 3.0 if lessons.kind.get(family) == "word_list" else 1.0
        count = len(rows[family].close)
        weight.append(np.full(count, share * A_FAMILY / count))
    weights = np.concatenate(weight)
    label = np.ones(len(weights))
    label[: len(weight[0])] = 0
    nets = {}
    for name, part, hidden in (("first", 0, GLANCE), ("second", 1, CLOSE)):
        found = np.concatenate([rows[f][part] for f in ("benign", "made", *taught)])
        nets[name] = fit(found, label, weights, hidden, EPOCHS, SEED)
    glanced = model.run(nets["first"], lessons.held.glance)
    packed = {"doubtful": np.float32(np.quantile(glanced, 1 - DOUBTFUL))}
    for name, net in nets.items():
        for n, (values, bias) in enumerate(net.layers):
            packed |= {f"{name}_weights_{n}": values, f"{name}_bias_{n}": bias}
        packed |= {
            f"{name}_layers": np.array(len(net.layers)),
            f"{name}_centre": net.centre,
            f"{name}_scale": net.scale,
        }
    unseen = {family: cascade(packed, rows[family]) for family in left_out}
    print(left_out, flush=True)
    return Fold(packed, cascade(packed, lessons.held), unseen)


def cascade(packed: dict[str, np.ndarray], rows: Rows) -> np.ndarray:
    """Scores as `model.judged` gives them."""
    first = model.run(model.network_of(packed, "first"), rows.glance)
    second = model.run(model.network_of(packed, "second"), rows.close)
    return model.settled(first, float(packed["doubtful"]), second)


def graded(results: list[Fold], kind: dict[str, str]) -> dict[str, np.ndarray]:
    """How much likelier an algorithm that nobody saw gives a score of each grade: log10 of the
    share of unseen families' names (each family the same) by that of ordinary names. Algorithms
    that draw letters and those that join words are two cases, with odds of their own."""
    unseen = [(family, scores) for fold in results for family, scores in fold.unseen.items()]
    edges = [np.quantile(fold.ordinary, [1 - grade for grade in GRADES]) for fold in results]
    marks = np.maximum.accumulate(np.mean(edges, axis=0).astype(np.float32))
    grades = len(GRADES) + 1

    def spread(scores: np.ndarray) -> np.ndarray:
        return np.bincount(np.searchsorted(marks, scores), minlength=grades) / len(scores)

    usual = np.mean([spread(fold.ordinary) for fold in results], axis=0)
    found = {"marks": marks}
    for name, is_word in (("letter_odds", False), ("word_odds", True)):
        own = [s for family, s in unseen if (kind.get(family) == "word_list") is is_word]
        share = np.mean([spread(scores) for scores in own], axis=0)
        odds = np.log10((share + 1e-4) / (usual + 1e-4))
        found[name] = np.maximum.accumulate(odds).astype(np.float32)
    return found


def keep(folder: Path, packed: dict[str, np.ndarray], results: list[Fold]) -> None:
    """Each fold's model, and which families it never saw."""
    folder.mkdir(parents=True, exist_ok=True)
    unseen = {f"{n}.npz": sorted(fold.unseen) for n, fold in enumerate(results)}
    for (name, _families), fold in zip(unseen.items(), results, strict=True):
        write(folder / name, packed | fold.packed)
    (folder / "unseen.json").write_text(json.dumps(unseen, indent=1) + "\n", "utf-8")


def write(path: Path, packed: dict[str, np.ndarray]) -> None:
    """The arrays as one compressed file, the same bytes for the same arrays."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **packed)
    path.write_bytes(buffer.getvalue())


def shares(results: list[Fold]) -> dict[str, tuple[float, ...]]:
    """Share of each unseen family found at each share of false positives."""
    found = {}
    for fold in results:
        marks = np.quantile(fold.ordinary, [1 - share for share in FALSE_SHARES])
        for family, scores in fold.unseen.items():
            found[family] = tuple(float((scores > mark).mean()) for mark in marks)
    return found


def card(
    found: dict[str, tuple[float, ...]], lessons: Lessons, marks: np.ndarray, benign: int
) -> str:
    """The model card."""
    kind = lessons.kind
    by_class = ["| class | 0.1 % | 1 % | families |", "|---|---|---|---|"]
    for name in (*CLASSES, "all"):
        own = [f for f in found if name in ("all", kind.get(f, "random"))]
        low, high = (np.mean([found[f][n] for f in own]) for n in (0, 1))
        by_class.append(f"| {name} | {low:.1%} | {high:.1%} | {len(own)} |")
    by_family = ["| family | class | 0.1 % | 1 % |", "|---|---|---|---|"]
    by_family += [
        f"| {family} | {kind.get(family, 'random')} | {low:.1%} | {high:.1%} |"
        for family, (low, high) in sorted(found.items())
    ]
    return TEMPLATE.read_text("utf-8").format(
        version=model.VERSION,
        benign=benign,
        families=len(found),
        ordinary=len(lessons.held.close),
        mark_low=marks[0],
        mark_high=marks[1],
        by_class="\n".join(by_class),
        by_family="\n".join(by_family),
    )


if __name__ == "__main__":
    main()
