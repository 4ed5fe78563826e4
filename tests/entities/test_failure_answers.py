"""Failures that a resolver rewrites into answers, and honest crowds of names at one address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from tests.entities.lake_tables import add, at, derived, empty_lake

PAGE = "203.0.113.9"
RESOLVER = "192.0.2.53"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with empty_lake() as connection:
        yield connection


def lookup(
    minute: float, query: str, answers: list[str] | None = None, host: str = "pc-01", **more: Any
) -> dict[str, Any]:
    return {
        "time": at(9, minute), "device": host, "host_id": f"/{host}", "query": query,
        "rcode": "NOERROR" if answers else "NXDOMAIN", "answers": answers, "server_ip": RESOLVER,
        "source": "zeek", "vantage": "sensor", "query_type": "A", **more,
    }  # fmt: skip


def drawn(count: int, suffix: str = "example") -> list[str]:
    """Names as an algorithm draws them."""
    letters = "qzxjvkwhgbpfmd"
    return [
        "".join(letters[(i * 5 + k * (i % 3 + 3)) % len(letters)] for k in range(9))
        + f"{i:02d}.{suffix}"
        for i in range(count)
    ]


def written(count: int) -> list[str]:
    """Names as owners choose them."""
    words = ("library", "garden", "museum", "bakery", "school", "hotel", "theatre", "harbour")
    places = ("north", "river", "castle", "city", "green", "old", "market", "sunny")
    return [
        f"{places[i % 8]}-{words[(i // 8 + i) % 8]}{i // 8 or ''}.example" for i in range(count)
    ]


def ordinary_life(con: duckdb.DuckDBPyConnection, names: int = 40) -> None:
    """Names that resolve, each at an address of its own, for three hosts."""
    for number, host in enumerate(("pc-01", "pc-02", "pc-03")):
        rows = [
            lookup(i, f"shop{i}.example", [f"198.51.100.{i}"], host, record_no=1_000 * number + i)
            for i in range(1, names + 1)
        ]
        add(con, "dns_activity", *[{**row, "file_id": 9} for row in rows])


def found(con: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return derived(con, "failure_answer", "addresses, domains, reason, is_sure")


def test_a_search_page_in_place_of_failures_is_told_where_nothing_fails(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ordinary_life(con)
    add(con, "dns_activity", *[lookup(i, n, [PAGE]) for i, n in enumerate(drawn(20))])
    assert found(con) == [([PAGE], 20, "nothing fails", True)]


def test_nine_names_at_one_address_are_too_few(con: duckdb.DuckDBPyConnection) -> None:
    ordinary_life(con)
    add(con, "dns_activity", *[lookup(i, n, [PAGE]) for i, n in enumerate(drawn(9))])
    assert found(con) == []


def test_a_page_with_two_addresses_in_turns_is_one_answer(con: duckdb.DuckDBPyConnection) -> None:
    ordinary_life(con)
    pair = [PAGE, "203.0.113.8"]
    rows = [lookup(i, n, pair[:: -1 if i % 2 else 1]) for i, n in enumerate(drawn(20))]
    add(con, "dns_activity", *rows)
    assert found(con) == [(sorted(pair), 20, "nothing fails", True)]


def test_a_filter_that_answers_nowhere_needs_no_other_sign(con: duckdb.DuckDBPyConnection) -> None:
    ordinary_life(con)
    rows = [lookup(i, n, ["0.0.0.0"]) for i, n in enumerate(written(12))]
    add(con, "dns_activity", *rows)
    assert [row[2:] for row in found(con)] == [("nowhere", True)]


def test_a_name_that_fails_for_ipv6_in_the_same_moment_does_not_exist(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ordinary_life(con)
    add(con, "dns_activity", *[lookup(i, f"gone{i}.example") for i in range(30)])
    for i, name in enumerate(written(12)):
        add(con, "dns_activity", lookup(i, name, [PAGE], record_no=100 + 2 * i))
        add(con, "dns_activity", lookup(i, name, query_type="AAAA", record_no=101 + 2 * i))
    assert [row[2] for row in found(con)] == ["fails elsewhere"]


def test_probes_without_a_dot_that_resolve_prove_the_page(con: duckdb.DuckDBPyConnection) -> None:
    ordinary_life(con)
    add(con, "dns_activity", *[lookup(i, f"gone{i}.example", file_id=3) for i in range(30)])
    names = [*written(12), "qzvkxwj", "hgrtyplm", "wkqjzxvbn"]
    add(con, "dns_activity", *[lookup(i, n, [PAGE]) for i, n in enumerate(names)])
    assert [row[2] for row in found(con)] == ["bare names"]


def test_a_sinkhole_beside_real_failures_is_told_by_its_made_labels_and_is_not_sure(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ordinary_life(con)
    add(con, "dns_activity", *[lookup(i, f"gone{i}.example", file_id=3) for i in range(30)])
    add(con, "dns_activity", *[lookup(i, n, [PAGE]) for i, n in enumerate(drawn(40))])
    assert [row[2:] for row in found(con)] == [("made labels", False)]


def test_a_content_network_is_no_failure(con: duckdb.DuckDBPyConnection) -> None:
    ordinary_life(con)
    for i, name in enumerate(written(30)):
        add(con, "dns_activity", lookup(i, name, [PAGE], record_no=200 + i))
        session = {
            "time": at(9, i, 1), "device": "pc-01", "host_id": "/pc-01", "sni": name,
            "server_ip": PAGE, "established": True, "record_no": i,
        }  # fmt: skip
        add(con, "tls_activity", session)
    assert found(con) == []


def test_a_hoster_of_parked_names_is_no_failure_where_names_do_fail(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ordinary_life(con)
    add(con, "dns_activity", *[lookup(i, n, [PAGE]) for i, n in enumerate(written(14))])
    add(con, "dns_activity", *[lookup(i, f"gone{i}.example", file_id=3) for i in range(8)])
    assert found(con) == []


def test_names_that_many_hosts_ask_for_are_somebodys_own(con: duckdb.DuckDBPyConnection) -> None:
    ordinary_life(con)
    for number in range(8):
        rows = [
            lookup(i, n, [PAGE], f"pc-{number}", record_no=500 * number + i, file_id=4)
            for i, n in enumerate(written(20))
        ]
        add(con, "dns_activity", *rows)
    assert found(con) == []


def test_a_wildcard_of_one_parent_is_one_domain(con: duckdb.DuckDBPyConnection) -> None:
    ordinary_life(con)
    rows = [lookup(i, f"k{i}.parent.example", [PAGE]) for i in range(60)]
    add(con, "dns_activity", *rows)
    assert found(con) == []


def test_children_that_a_company_gives_away_are_one_domain(con: duckdb.DuckDBPyConnection) -> None:
    ordinary_life(con)
    rows = [lookup(i, n, [PAGE]) for i, n in enumerate(drawn(40, "github.io"))]
    add(con, "dns_activity", *rows)
    assert found(con) == []


def test_the_address_of_the_organisations_proxy_is_no_failure(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ordinary_life(con)
    con.execute("INSERT INTO given_role VALUES ('', 'proxy', ?)", [PAGE])
    add(con, "dns_activity", *[lookup(i, n, [PAGE]) for i, n in enumerate(drawn(20))])
    assert found(con) == []


def test_a_portal_that_answers_every_name_is_no_failure(con: duckdb.DuckDBPyConnection) -> None:
    add(con, "dns_activity", *[lookup(i, n, [PAGE]) for i, n in enumerate(written(40))])
    assert found(con) == []


def test_rewritten_failures_are_failed_look_ups_that_keep_their_answer(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ordinary_life(con)
    add(con, "dns_activity", *[lookup(i, n, [PAGE]) for i, n in enumerate(drawn(20))])
    derived(con, "failed_lookup")
    facts = con.execute(
        "SELECT failed, rcode, answered_with, count(*) FROM dns_fact GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    assert facts == [(False, "NOERROR", None, 120), (True, "NXDOMAIN", PAGE, 20)]
    failures = "SELECT sum(failures), max(lookups - failures) FROM name WHERE failures > 0"
    assert con.execute(failures).fetchall() == [(20, 0)]
    assert con.execute("SELECT count(*) FROM failed_lookup").fetchall() == [(20,)]


def test_a_record_that_calls_itself_sinkholed_is_a_failure(con: duckdb.DuckDBPyConnection) -> None:
    add(con, "dns_activity", lookup(0, "bad.example", [PAGE], disposition="sinkholed"))
    assert derived(con, "dns_fact", "failed, answered_with") == [(True, PAGE)]


def test_of_what_a_filter_blocks_only_drawn_labels_failed(con: duckdb.DuckDBPyConnection) -> None:
    ordinary_life(con)
    names = [*written(12), *drawn(12)]
    add(con, "dns_activity", *[lookup(i, n, ["0.0.0.0"]) for i, n in enumerate(names)])
    derived(con, "dns_fact")
    failed = "SELECT count(*) FILTER (query IN ?), count(*) FROM dns_fact WHERE failed"
    ((of_drawn, of_all),) = con.execute(failed, [drawn(12)]).fetchall()
    # The model of names takes one written label in six for a drawn one.
    assert of_drawn == 12 and of_all <= 12 + 3


def test_a_drawn_name_that_many_infected_hosts_ask_for_still_failed(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ordinary_life(con)
    for number in range(1, 6):
        rows = [
            lookup(i, n, [PAGE], f"pc-{number:02d}", record_no=500 * number + i, file_id=4)
            for i, n in enumerate(drawn(20))
        ]
        add(con, "dns_activity", *rows)
    add(con, "dns_activity", *[lookup(5, "abcdefgh", [PAGE], record_no=i, host=f"pc-9{i}",
                                      file_id=5) for i in range(20)])  # fmt: skip
    facts = "SELECT host_id, count(*) FROM dns_fact WHERE answered_with = ? GROUP BY 1 ORDER BY 1"
    derived(con, "dns_fact")
    assert con.execute(facts, [PAGE]).fetchall()[:5] == [(f"/pc-{n:02d}", 20) for n in range(1, 6)]


def test_a_flood_of_children_at_the_page_hides_no_other_name(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ordinary_life(con)
    con.execute(
        "INSERT INTO dns_activity BY NAME SELECT '' AS site, 7::UBIGINT AS file_id, "
        "i::UBIGINT AS record_no, TIMESTAMP '2026-03-02 08:00:00' AS time, '/pc-02' AS host_id, "
        "0::UTINYINT AS bucket, 'k' || i || '.flood.example' AS query, 'NOERROR' AS rcode, "
        "[?] AS answers, 'zeek' AS source, 'sensor' AS vantage FROM range(2_000) AS r(i)",
        [PAGE],
    )
    add(con, "dns_activity", *[lookup(i, n, [PAGE]) for i, n in enumerate(drawn(40))])
    derived(con, "rewritten")
    told = "SELECT count(*), count(*) FILTER (file_id = 7) FROM rewritten"
    assert con.execute(told).fetchall() == [(40, 0)]
