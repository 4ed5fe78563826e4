"""Names: registered domain, dynamic-DNS parents, label shape, grade by the name model.

Everything is SQL on the caller's connection: `install` lays down the macros of `macros.sql` and
`registered_domain.sql` and fills the table that the latter joins. No network is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from duckdb.func import PythonUDFType
from publicsuffixlist import PublicSuffixList

if TYPE_CHECKING:
    from kizashi.names.model import Model

# registered_domain.sql joins the last 1 to 8 labels; a longer rule would be silently missed.
MAX_SUFFIX_LABELS = 8
# Reverse names are one domain each way, or a scan of addresses would count as many domains.
_REVERSE = frozenset({"in-addr.arpa", "ip6.arpa"})


def install(con: duckdb.DuckDBPyConnection) -> None:
    """Macros of this package, function `grade_of`, and tables `public_suffix(suffix, kind)` and
    `label_grade` on the connection.

    `kind` is exact, wildcard, exception or dynamic_dns; a suffix may stand there once for each.
    """
    install_grades(con)
    rules = sorted({*_listed_rules(), *((name, "dynamic_dns") for name in dynamic_dns_parents())})
    suffixes, kinds = zip(*rules, strict=True)
    con.register("public_suffix_rules", pa.table({"suffix": suffixes, "kind": kinds}))
    con.execute(_sql("public_suffix"))
    con.unregister("public_suffix_rules")
    con.execute(_sql("macros"))
    con.execute(_sql("registered_domain"))


def install_grades(con: duckdb.DuckDBPyConnection, chosen: Model | None = None) -> None:
    """Function `grade_of(label)` and table `label_grade(grade, letter_odds, word_odds)`: what the
    name model says of a label that somebody registered. `chosen` stands for the packaged model."""
    from kizashi.names import model as judging  # which imports this package

    known = chosen or judging.model()

    def grade_of(labels: pa.Array) -> pa.Array:
        return pa.array(judging.grades(known, labels.to_pylist()), pa.int64())

    present = "SELECT 1 FROM duckdb_functions() WHERE function_name = 'grade_of'"
    if con.execute(present).fetchall():
        con.remove_function("grade_of")
    con.create_function("grade_of", grade_of, ["VARCHAR"], "BIGINT", type=PythonUDFType.ARROW)
    odds = {"letter_odds": known.letter_odds.tolist(), "word_odds": known.word_odds.tolist()}
    rows = {"grade": list(range(len(known.letter_odds))), **odds}
    con.register("label_grade_rows", pa.table(rows))
    con.execute(_sql("label_grade"))
    con.unregister("label_grade_rows")


def registered_domains(con: duckdb.DuckDBPyConnection, relation: str) -> duckdb.DuckDBPyRelation:
    """(query, registered_domain, label, domain_label, is_dynamic_dns) per distinct query of a
    table or view with a column `query`. `install` must have run on the connection."""
    return con.sql("FROM registered_domains($relation)", params={"relation": relation})


def dynamic_dns_parents() -> tuple[str, ...]:
    """Parents of dynamic_dns.txt, sorted."""
    lines = files(__package__).joinpath("dynamic_dns.txt").read_text("utf-8").splitlines()
    return tuple(sorted({line.strip() for line in lines if line.strip() and line[0] != "#"}))


def suffixes() -> tuple[str, ...]:
    """Every exact suffix of a registry, sorted. What hosting companies listed for their customers
    is none: their machines name what stands below."""
    registry = PublicSuffixList(only_icann=True)._publicsuffix
    return tuple(sorted(rule for rule in registry if rule[:1] not in "!*"))


def _listed_rules() -> Iterator[tuple[str, str]]:
    for rule in PublicSuffixList()._publicsuffix:
        suffix, kind = _parsed(rule)
        if rule.count(".") >= MAX_SUFFIX_LABELS:
            raise AssertionError(f"public suffix rule {rule} has over {MAX_SUFFIX_LABELS} labels")
        if suffix not in _REVERSE:
            yield suffix, kind


def _parsed(rule: str) -> tuple[str, str]:
    if rule.startswith("!"):
        return rule[1:], "exception"
    if rule.startswith("*."):
        return rule[2:], "wildcard"
    return rule, "exact"


def _sql(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text("utf-8")
