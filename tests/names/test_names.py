"""Registered domains against publicsuffixlist, and the words about paths and labels."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from kizashi import names

ORACLE = PublicSuffixList()
PARENTS = frozenset(names.dynamic_dns_parents())
RULES = sorted(rule.lstrip("!*.") for rule in ORACLE._publicsuffix)
LABEL = st.text("abcxyz019-_", min_size=1, max_size=12)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        names.install(connection)
        yield connection


def registered(con: duckdb.DuckDBPyConnection, *queries: str) -> dict[str, str | None]:
    con.execute("CREATE OR REPLACE TABLE asked (query VARCHAR)")
    con.execute("INSERT INTO asked SELECT unnest($1)", [list(queries)])
    return {row[0]: row[1] for row in names.registered_domains(con, "asked").fetchall()}


def expected(query: str) -> str | None:
    """The oracle's answer, but for dynamic DNS, reverse names and addresses."""
    name = query.lower().removesuffix(".")
    labels = name.split(".")
    if labels[-1].isdigit() or ":" in name:
        return None
    for reverse in ("in-addr.arpa", "ip6.arpa"):
        if name == reverse or name.endswith(f".{reverse}"):
            return None if "" in labels or name == "" else reverse
    if "" in labels:
        return None
    parents = [".".join(labels[at:]) for at in range(len(labels))]
    suffixes = [p for p in parents if p in PARENTS] + [ORACLE.publicsuffix(name) or ""]
    taken = max(suffix.count(".") + 1 for suffix in suffixes)
    return ".".join(labels[-taken - 1 :]) if len(labels) > taken else None


domain = st.one_of(
    st.lists(LABEL, min_size=1, max_size=9).map(".".join),
    st.tuples(st.lists(LABEL, max_size=3), st.sampled_from(RULES)).map(
        lambda pair: ".".join([*pair[0], pair[1]])
    ),
    st.tuples(st.lists(LABEL, max_size=3), st.sampled_from(sorted(PARENTS))).map(
        lambda pair: ".".join([*pair[0], pair[1]])
    ),
)


@given(st.lists(domain, min_size=1, max_size=60))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_registered_domains_agree_with_publicsuffixlist(
    con: duckdb.DuckDBPyConnection, queries: list[str]
) -> None:
    assert registered(con, *queries) == {query: expected(query) for query in queries}


def test_every_rule_of_the_list_splits_a_child_as_publicsuffixlist_does(
    con: duckdb.DuckDBPyConnection,
) -> None:
    queries = [f"a.b.{rule}" for rule in RULES] + RULES
    wrong = {
        query: (got, expected(query))
        for query, got in registered(con, *queries).items()
        if got != expected(query)
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("query", "domain"),
    [
        ("f13.ddnsking.com", "f13.ddnsking.com"),
        ("a.szzqwggurg.hbmc.net", "szzqwggurg.hbmc.net"),
        ("ejjnhkucbw.ix.tc", "ejjnhkucbw.ix.tc"),
        ("ix.tc", None),
        ("_ldap._tcp.dc._msdcs.corp.example", "corp.example"),
        ("wpad", None),
        ("", None),
        ("a..example", None),
        (".example.com", None),
        ("example.com.", "example.com"),
        ("WWW.Example.CO.JP", "example.co.jp"),
        ("192.0.2.7", None),
        ("2001:db8::7", None),
        ("::ffff:192.0.2.7", None),
        ("7.2.0.192.in-addr.arpa", "in-addr.arpa"),
        ("8.b.d.0.1.0.0.2.ip6.arpa", "ip6.arpa"),
        ("printer.home.arpa", "printer.home.arpa"),
        ("a.www.ck", "www.ck"),
        ("a.b.c.kawasaki.jp", "b.c.kawasaki.jp"),
        ("a.city.kawasaki.jp", "city.kawasaki.jp"),
        ("x.xn--55qx5d.cn", "x.xn--55qx5d.cn"),
        (f"{'.'.join(['a' * 49] * 5)}.com", f"{'a' * 49}.com"),
        (".".join(["a"] * 128), "a.a"),
    ],
)
def test_odd_names_have_the_registered_domain_that_an_analyst_expects(
    con: duckdb.DuckDBPyConnection, query: str, domain: str | None
) -> None:
    assert registered(con, query) == {query: domain}


def test_each_distinct_name_comes_back_once_with_its_labels(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute(
        "CREATE OR REPLACE TABLE asked AS "
        "SELECT unnest(['x.k7.ix.tc', 'x.k7.ix.tc', NULL]) AS query"
    )
    assert names.registered_domains(con, "asked").fetchall() == [
        ("x.k7.ix.tc", "k7.ix.tc", "x", "k7", True)
    ]


@pytest.mark.parametrize(
    ("path", "name", "writable"),
    [
        (r"C:\Users\bob\Downloads\Invite.EXE", "invite.exe", True),
        (r"C:\Users\Public\a.dll", "a.dll", True),
        (r"C:\Documents and Settings\bob\a.exe", "a.exe", True),
        (r"\Device\HarddiskVolume2\Windows\Temp\x.dll", "x.dll", True),
        (r'"C:\ProgramData\a b.exe"', "a b.exe", True),
        (r"C:\$Recycle.Bin\S-1-5\a.exe", "a.exe", True),
        (r"C:\Windows\Tasks\a.exe", "a.exe", True),
        (r"%APPDATA%\a.exe", "a.exe", True),
        ("C:/Temp/a.exe", "a.exe", True),
        ("/tmp/a", "a", True),
        (r"C:\Windows\System32\cmd.exe", "cmd.exe", False),
        (r"C:\Program Files\Users Guide\a.exe", "a.exe", False),
        (r"C:\Program Files\Template\a.exe", "a.exe", False),
        (
            r"C:\ProgramData\Microsoft\Windows Defender\Platform\4.18\MsMpEng.exe",
            "msmpeng.exe",
            False,
        ),
        ("cmd.exe", "cmd.exe", False),
        (None, None, None),
    ],
)
def test_paths_say_their_file_and_whether_an_account_can_write_there(
    con: duckdb.DuckDBPyConnection, path: str | None, name: str | None, writable: bool | None
) -> None:
    row = con.execute("SELECT file_name($1), is_user_writable($1)", [path]).fetchone()
    assert row == (name, writable)


@pytest.mark.parametrize(
    ("label", "alphabet", "is_hex", "vowels", "characters"),
    [
        ("9877fa8b", "hex", True, 1 / 3, "789abf"),
        ("facade", "letters", False, 0.5, "acdef"),
        ("lklptttt", "letters", False, 0.0, "klpt"),
        ("20261123", "digits", False, None, "01236"),
        ("pc07x", "alphanumeric", False, 0.0, "07cpx"),
        ("xn--p1ai", "punycode", False, 0.4, "-1ainpx"),
        ("my-host", "hyphenated", False, 1 / 6, "-hmosty"),
        ("_ldap", "service", False, 0.25, "_adlp"),
        ("", "other", False, None, ""),
        (None, None, None, None, None),
    ],
)
def test_labels_show_their_shape(
    con: duckdb.DuckDBPyConnection,
    label: str | None,
    alphabet: str | None,
    is_hex: bool | None,
    vowels: float | None,
    characters: str | None,
) -> None:
    row = con.execute(
        "SELECT alphabet_class($1), is_hex_label($1), vowel_ratio($1), characters_of($1)", [label]
    ).fetchone()
    assert row == (alphabet, is_hex, vowels, characters)


def test_the_parents_of_known_campaigns_are_listed() -> None:
    assert {
        "ddns.net", "dynu.net", "ddnsking.com", "ix.tc", "privatedns.org", "hbmc.net",
        "conningstone.net", "mooo.com", "strangled.net", "duckdns.org",
    } <= PARENTS  # fmt: skip
