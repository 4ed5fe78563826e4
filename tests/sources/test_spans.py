"""What is taken apart by the places of bytes is what the regular expressions of the format take."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi.sources import mapped, sources, spans
from kizashi.sources.mapping import Layout

NAMES = ("a", "b.c", "name", "severity", "1", "2", "3", "7", "src")
# Ends, quotes, escapes and blanks where they do and do not belong.
PIECES = st.sampled_from(
    ("a", "b.c", "=", "=", '"', '"', '""', "\\", " ", " ", ",", ",", "\t", ";", "|", "-", "N/A",
     "1", "x", "é", "[", ":", "src=", 'a="p q"', " b.c=", "name=x", "\\=", "a=-", ' a=""', "__")
)  # fmt: skip
BODIES = st.lists(PIECES, min_size=1, max_size=30).map("".join)
HEADS = st.sampled_from(
    ("CEF:0|v|p|1|2|n|3|", "CEF: 1|v|-|1| x |n|3|", "CEF:0|v|p\\||1|2|n|3|", "x ")
)


@cache
def layouts() -> dict[str, Layout]:
    """A mapping of each format that is taken apart so."""
    found = [one.layout for one in sources().values() if isinstance(one, mapped.MappedSource)]
    return {one.format: one for one in found if one.format in spans.FORMATS and not one.pairs}


@cache
def engine() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 1})
    con.execute(mapped._sql("text"))
    return con


def by_expression(form: str, texts: list[str]) -> list[tuple[str | None, ...]]:
    con = engine()
    con.register("body_row", pa.table({"at": range(len(texts)), "body": texts}))
    sql = mapped._fielded_sql(con, layouts()[form], NAMES, "SELECT * FROM body_row")
    rows = mapped._cleaned(con.sql(sql).to_arrow_table()).sort_by("at").to_pylist()
    return [tuple(row[f"f{at}"] for at in range(1, len(NAMES) + 1)) for row in rows]


def differing(form: str, texts: list[str]) -> Iterator[tuple[str, object, object]]:
    columns, is_plain = spans.take_apart(form, NAMES, pa.array(texts))
    taken = zip(*(column.to_pylist() for column in columns), strict=True)
    for text, plain, here, there in zip(
        texts, is_plain, taken, by_expression(form, texts), strict=True
    ):
        if plain and here != there:
            yield text, here, there


@settings(max_examples=60, deadline=None)
@given(st.lists(BODIES, min_size=1, max_size=40))
@pytest.mark.parametrize("form", ["pairs", "list"])
def test_any_text_is_taken_apart_alike(form: str, texts: list[str]) -> None:
    assert list(differing(form, texts)) == []


def test_an_empty_value_ends_before_the_quote_of_the_next_text() -> None:
    assert list(differing("pairs", ["name=x a=", '"q" a=1', 'src=1 b.c="', '"', 'a="', '"'])) == []
    columns, _is_plain = spans.take_apart("pairs", ("a",), pa.array(["x=1 a=", '"q" a=1']))
    assert columns[0].to_pylist()[0] is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(HEADS, BODIES).map("".join), min_size=1, max_size=40))
def test_any_cef_is_taken_apart_alike(texts: list[str]) -> None:
    assert list(differing("cef", texts)) == []


@pytest.mark.parametrize(
    ("form", "text", "values"),
    [
        ("pairs", 'a=1 b.c="x y",src=-;name="" a=2', ("1", "x y", None, None)),
        ("pairs", "[x:a=p=q", ("p=q", None, None, None)),
        ("cef", "CEF:0|v|p|1|2| n |3|a=x y  src=z\\=1", ("x y", None, "n", "3")),
        ("list", 'p, q ,"r, s",,N/A', (None, None, None, None)),
    ],
)
def test_ordinary_texts_need_no_expression(
    form: str, text: str, values: tuple[str | None, ...]
) -> None:
    columns, is_plain = spans.take_apart(form, NAMES, pa.array(["", text]))
    assert (bool(is_plain[1]), tuple(c[1].as_py() for c in columns[:4])) == (True, values)


def test_cells_are_numbered_from_one_and_lose_their_quotes() -> None:
    columns, _plain = spans.take_apart("list", NAMES, pa.array(['p, q ,"r, s",,N/A,x,y']))
    cells = {name: column[0].as_py() for name, column in zip(NAMES, columns, strict=True)}
    assert {name: cells[name] for name in ("1", "2", "3", "7")} == {
        "1": "p", "2": "q", "3": "r, s", "7": "y",
    }  # fmt: skip


def test_quotes_that_nothing_closes_are_left_to_the_expressions() -> None:
    texts = ['a="x b.c=1', "a=2 b.c=3", 'a="x\\" b.c=4"', 'say "hello" a=5']
    _columns, is_plain = spans.take_apart("pairs", NAMES, pa.array(texts))
    assert is_plain.tolist() == [False, True, False, False]
