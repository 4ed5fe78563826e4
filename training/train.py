"""Trains the name model from ../shared/data/domains and writes its card.

    python -m training.train ../shared/data/domains

Families are left out whole to measure: word-based ones one at a time, the others in five parts. The
packaged model is then trained on all of them.
"""

from __future__ import annotations

import argparse
import io
import time
import tomllib
from pathlib import Path

import duckdb
import numpy as np

from kizashi.names import model
from training.network import fit
from training.tables import STEP, letter_tables, word_table, words

HERE = Path(__file__).resolve().parent
PACKAGED = Path(model.__file__).with_name("model.npz")
CARD = HERE / "CARD.md"
TEMPLATE = HERE / "card_template.md"
SEED = 20260302
A_FAMILY = 8_000
BENIGN = 360_000
EPOCHS = 12
CLASSES = ("random", "hex", "pronounceable", "word_list")
# No name can tell a browser's probe from an algorithm's; the others are presumed benign by their
# source, not verified, and hold names that algorithms made.
UNTOLD = ("synth_chrome_probe", "tranco_new", "disposable_mail")


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


def main() -> None:
    """Trains, measures, writes model and card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    began = time.perf_counter()
    train, valid = load(folder, "train"), load(folder, "valid")
    benign = [n for family, names in train.items() if family.startswith("benign:") for n in names]
    order = np.random.default_rng(SEED).permutation(len(benign))
    half = len(benign) // 2
    # What the tables saw looks too ordinary to train the network on.
    for_tables = [model.split(benign[i]).label for i in order[:half]]
    packed = letter_tables(for_tables) | word_table(words(for_tables))
    packed |= {"step": np.float32(STEP)}
    known = model.tables_of(packed)
    model.tables = lambda: known  # type: ignore[assignment]
    print(f"tables: {time.perf_counter() - began:.0f} s", flush=True)
    rows = {"benign": features([benign[i] for i in order[half : half + BENIGN]])}
    held = {}
    for family in sorted({*train, *valid}):
        if not family.startswith("benign:"):
            names = [*train.get(family, []), *valid.get(family, [])]
            rows[family] = features(names[:A_FAMILY])
    ordinary = [n for family, names in valid.items() if family.startswith("benign:") for n in names]
    held["benign"] = features(ordinary)
    print(f"features: {time.perf_counter() - began:.0f} s", flush=True)
    kind = classes()
    families = [family for family in rows if family != "benign"]
    found: dict[str, tuple[float, float]] = {}
    for left_out in folds(families, kind):
        net = trained(rows, [f for f in families if f not in left_out], kind)
        ordinary_scores = model.run(net, held["benign"])
        marks = np.quantile(ordinary_scores, [0.999, 0.99])
        for family in left_out:
            scores = model.run(net, rows[family])
            found[family] = (float((scores > marks[0]).mean()), float((scores > marks[1]).mean()))
        print(left_out, [found[f][0].__round__(2) for f in left_out], flush=True)
    net = trained(rows, families, kind)
    marks = np.quantile(model.run(net, held["benign"]), [0.999, 0.99])
    for n, (weights, bias) in enumerate(net.layers):
        packed |= {f"weights_{n}": weights, f"bias_{n}": bias}
    packed |= {"layers": np.int64(len(net.layers)), "centre": net.centre, "scale": net.scale}
    write(PACKAGED, packed)
    CARD.write_text(card(found, kind, marks, len(benign), len(ordinary)), "utf-8")
    print(CARD.read_text("utf-8"))
    print(f"{time.perf_counter() - began:.0f} s, {PACKAGED.stat().st_size:,} bytes")


def features(names: list[str]) -> np.ndarray:
    """Rows of features, in blocks."""
    blocks = range(0, len(names), model.BLOCK)
    return np.concatenate([model.features(names[n : n + model.BLOCK]) for n in blocks])


def folds(families: list[str], kind: dict[str, str]) -> list[list[str]]:
    """Families to leave out together: one word-based family and a fifth of the others."""
    by_word = [f for f in families if kind.get(f) == "word_list"]
    # Of each class a fifth, so that none is left out whole.
    others = sorted((f for f in families if f not in by_word), key=lambda f: (kind.get(f, ""), f))
    return [[word, *others[n :: len(by_word)]] for n, word in enumerate(by_word)]


def trained(
    rows: dict[str, np.ndarray], families: list[str], kind: dict[str, str]
) -> model.Network:
    """A network of the families; each family counts the same, word lists more."""
    found = np.concatenate([rows["benign"], *(rows[f] for f in families)])
    label = np.ones(len(found))
    label[: len(rows["benign"])] = 0
    weight = [np.ones(len(rows["benign"]))]
    for family in families:
        share = 3.0 if kind.get(family) == "word_list" else 1.0
        weight.append(np.full(len(rows[family]), share * A_FAMILY / len(rows[family])))
    return fit(found, label, np.concatenate(weight), EPOCHS, SEED)


def write(path: Path, packed: dict[str, np.ndarray]) -> None:
    """The arrays as one compressed file, the same bytes for the same arrays."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **packed)
    path.write_bytes(buffer.getvalue())


def card(
    found: dict[str, tuple[float, float]],
    kind: dict[str, str],
    marks: np.ndarray,
    benign: int,
    ordinary: int,
) -> str:
    """The model card."""
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
        ordinary=ordinary,
        mark_low=marks[0],
        mark_high=marks[1],
        by_class="\n".join(by_class),
        by_family="\n".join(by_family),
    )


if __name__ == "__main__":
    main()
