"""Loading and running detectors: what a wrong folder says, and what `run` leaves in `signal`."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import duckdb
import pytest

from kizashi import query
from kizashi.detectors import detectors, missing_columns, run, summarise
from kizashi.detectors.cases import Case, Derive, connect, run_case
from kizashi.errors import KizashiError

TOML = """
title = "Failed names"
title_ja = "名前解決の失敗"
summary = "{names} names failed, such as {sample}"
summary_ja = "{names} 件失敗（例：{sample}）"
attack = ["T1568.002"]
stage = "command-and-control"
entity = "host"
partition = "host"
family = "dns_failures"
status = "preview"
lateness_minutes = 60
benign = "A dead search suffix."
benign_ja = "使われなくなった検索サフィックス。"
[reads]
dns_activity = ["query", "rcode"]
[lookback]
hours = 24
[chance]
per_host_day = 0.01
source = "made up"
[settings]
min_names = { default = 3, unit = "names", why = "two mistyped names are a slip" }
"""
SQL = """
SELECT
    site,
    host_id,
    min(time) AS first_seen,
    max(time) AS last_seen,
    any_value(image) AS image,
    count(DISTINCT query) AS names,
    list_sort(list(DISTINCT query)) AS sample,
    list({'file_id': file_id, 'record_no': record_no} ORDER BY time) AS evidence
FROM dns_activity
WHERE rcode = 'NXDOMAIN'
GROUP BY site, host_id
HAVING count(DISTINCT query) >= getvariable('min_names')
"""
EVENTS = {
    "dns_activity": [
        {
            "time": "2026-03-02T09:00:00",
            "host_id": "tokyo/pc-07",
            "rcode": "NXDOMAIN",
            "repeat": {"count": 30, "step_s": 1, "query": "n{i}.example"},
        }
    ]
}


def nothing(con: duckdb.DuckDBPyConnection) -> None:
    """A detector that reads events alone needs no derived view."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's own folder of detectors, with one in it."""
    own = tmp_path / "mine" / "dns_failed_names"
    own.mkdir(parents=True)
    (own / "detector.toml").write_text(TOML, "utf-8")
    (own / "detector.sql").write_text(SQL, "utf-8")
    return own


def test_a_users_own_folder_loads_beside_ours(folder: Path) -> None:
    found = detectors([folder.parent])
    assert found["dns_failed_names"].reads == {"dns_activity": ("query", "rcode")}
    assert found["dns_failed_names"].chance.per_host_day == 0.01
    assert "dns_nxdomain_burst" in found


def test_one_of_the_tables_in_any_of_is_enough(folder: Path) -> None:
    either = '[reads.any_of]\nfile_activity = ["path"]\nhttp_activity = ["host"]\n\n[lookback]'
    (folder / "detector.toml").write_text(TOML.replace("[lookback]", either), "utf-8")
    detector = detectors([folder])["dns_failed_names"]
    con = duckdb.connect()
    for name, columns in {**detector.reads, **detector.any_of}.items():
        con.execute(f"CREATE TABLE {name} ({', '.join(f'{c} VARCHAR' for c in columns)})")
    con.execute("INSERT INTO dns_activity VALUES ('a.example', 'NOERROR')")
    assert missing_columns(detector, con) == ["file_activity", "http_activity"]
    con.execute("INSERT INTO http_activity VALUES ('a.example')")
    assert missing_columns(detector, con) == []
    con.close()


def test_a_detector_folder_can_be_named_itself(folder: Path) -> None:
    assert "dns_failed_names" in detectors([folder])


def test_a_second_folder_of_the_same_name_is_an_error(folder: Path, tmp_path: Path) -> None:
    twin = shutil.copytree(folder, tmp_path / "other" / folder.name)
    with pytest.raises(KizashiError, match="exists already"):
        detectors([folder, twin])


def test_a_folder_of_ours_may_be_named_as_well() -> None:
    ours = Path(str(detectors()["dns_nxdomain_burst"].folder))
    assert detectors([ours]).keys() == detectors().keys()
    assert {name for name, _case, _problem in query.run_cases(ours)} == {"dns_nxdomain_burst"}


def test_the_words_of_a_query_are_said_in_japanese(folder: Path) -> None:
    words = '[words_ja.sample]\n"a share" = "共有"\n\n[lookback]'
    (folder / "detector.toml").write_text(TOML.replace("[lookback]", words), "utf-8")
    detector = detectors([folder])["dns_failed_names"]
    english, japanese = summarise(detector, {"names": 3, "sample": "a share"})
    assert (english, japanese) == ("3 names failed, such as a share", "3 件失敗（例：共有）")
    assert "other" in summarise(detector, {"sample": "other"})[1]
    (folder / "detector.toml").write_text(
        TOML.replace("[lookback]", '[words_ja]\nsample = "共有"\n[lookback]'), "utf-8"
    )
    with pytest.raises(KizashiError, match="must hold lines such as"):
        detectors([folder])


def test_every_word_that_is_told_in_japanese_stands_in_its_query() -> None:
    for detector in detectors().values():
        for column, words in detector.words_ja.items():
            assert f"{{{column}}}" in detector.summary_ja, detector.id
            for word in words:
                assert word.replace("'", "''") in detector.sql, (detector.id, word)


def test_a_summary_counts_in_the_singular_and_the_plural(folder: Path) -> None:
    (folder / "detector.toml").write_text(
        re.sub(r"(?m)^summary = .*$", 'summary = "{names:name fails|names fail} on {hosts}"', TOML),
        "utf-8",
    )
    detector = detectors([folder])["dns_failed_names"]
    assert summarise(detector, {"names": 1, "hosts": ["a", "b"]})[0] == "1 name fails on a, b"
    assert summarise(detector, {"names": 12, "hosts": None})[0] == "12 names fail on -"
    assert summarise(detector, {})[0] == "- names fail on -"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KizashiError, match="no such folder"):
        detectors([tmp_path / "none"])


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("title_ja =", "titel_ja =", 'unknown key "titel_ja". Did you mean "title_ja"?'),
        ('family = "dns_failures"\n', "", 'has no "family"'),
        ('stage = "command-and-control"', 'stage = "c2"', 'unknown stage "c2". Known: collection'),
        ('"T1568.002"', '"DGA"', "'DGA' is no ATT&CK technique"),
        ("dns_activity =", "dns_activty =", 'Did you mean "dns_activity"?'),
        ('"rcode"]', '"rcod"]', 'unknown column of dns_activity "rcod". Did you mean "rcode"?'),
        ("0.01", "0", "per_host_day must be over 0"),
        (', unit = "names"', "", 'setting min_names: has no "unit"'),
        ("min_names =", "min_name =", 'unknown setting "min_names". Did you mean "min_name"?'),
        ("hours = 24", 'hours = "a day"', '"hours" must be a int'),
        ("[settings]", "[settings", "not TOML"),
    ],
)
def test_a_mistake_in_detector_toml_is_named(
    folder: Path, right: str, wrong: str, said: str
) -> None:
    assert right in TOML
    (folder / "detector.toml").write_text(TOML.replace(right, wrong, 1), "utf-8")
    with pytest.raises(KizashiError) as raised:
        detectors([folder])
    assert said in str(raised.value)
    assert str(raised.value).startswith("dns_failed_names/")


def test_a_setting_that_nothing_reads_is_an_error(folder: Path) -> None:
    (folder / "detector.sql").write_text(SQL.replace("getvariable('min_names')", "3"), "utf-8")
    with pytest.raises(KizashiError, match='does not read setting "min_names"'):
        detectors([folder])


def test_sql_that_does_not_bind_names_the_file(folder: Path) -> None:
    (folder / "detector.sql").write_text(SQL.replace("query)) AS", "qery)) AS"), "utf-8")
    con = connect(EVENTS, (), nothing)
    with pytest.raises(KizashiError, match=r"dns_failed_names/detector.sql: .*qery"):
        run(detectors([folder])["dns_failed_names"], con)


def test_sql_without_evidence_is_an_error(folder: Path) -> None:
    (folder / "detector.sql").write_text(SQL.replace("AS evidence", "AS proof"), "utf-8")
    con = connect(EVENTS, (), nothing)
    with pytest.raises(KizashiError, match="returns no column evidence"):
        run(detectors([folder])["dns_failed_names"], con)


def test_a_run_writes_links_details_and_capped_evidence(folder: Path) -> None:
    detector = detectors([folder])["dns_failed_names"]
    con = connect(EVENTS, (), nothing)
    assert run(detector, con) == 1
    row = con.execute(
        "SELECT detector, family, stage, techniques, site, host_id, image, destination, "
        "confidence, len(evidence), evidence[1].record_no, details FROM signal"
    ).fetchone()
    assert row is not None
    assert row[:11] == (
        "dns_failed_names",
        "dns_failures",
        "command-and-control",
        ["T1568.002"],
        "tokyo",
        "tokyo/pc-07",
        None,
        None,
        1.0,
        20,
        1,
    )
    assert json.loads(row[11])["names"] == 30


def test_running_again_replaces_and_keeps_the_id(folder: Path) -> None:
    detector = detectors([folder])["dns_failed_names"]
    con = connect(EVENTS, (), nothing)
    run(detector, con)
    before = con.execute("SELECT signal_id FROM signal").fetchall()
    run(detector, con)
    assert con.execute("SELECT signal_id FROM signal").fetchall() == before


def test_a_setting_given_at_run_time_overrides_its_default(folder: Path) -> None:
    detector = detectors([folder])["dns_failed_names"]
    con = connect(EVENTS, (), nothing)
    assert run(detector, con, {"min_names": 31}) == 0
    with pytest.raises(KizashiError, match='Did you mean "min_names"'):
        run(detector, con, {"min_name": 31})


def test_an_empty_table_and_an_empty_column_are_told_apart(folder: Path) -> None:
    detector = detectors([folder])["dns_failed_names"]
    assert missing_columns(detector, connect({}, (), nothing)) == ["dns_activity"]
    blind = connect(EVENTS, ("dns_activity.rcode",), nothing)
    assert missing_columns(detector, blind) == ["dns_activity.rcode"]
    assert missing_columns(detector, connect(EVENTS, (), nothing)) == []


def test_a_summary_joins_lists_and_dashes_what_is_absent(folder: Path) -> None:
    detector = detectors([folder])["dns_failed_names"]
    said = summarise(detector, {"names": 2, "sample": ["a.example", "b.example"]})
    assert said == (
        "2 names failed, such as a.example, b.example",
        "2 件失敗（例：a.example, b.example）",
    )
    assert summarise(detector, {})[0] == "- names failed, such as -"


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (Case("c", "fires", EVENTS, ()), "expected 0 signals, found 1"),
        (Case("c", "fires", EVENTS, ({"names": 29},)), "names is 30, not 29"),
        (Case("c", "fires", EVENTS, ({"nmes": 30},)), "has no nmes"),
        (Case("c", "quiet", {}, ()), "could not look: the case fills no dns_activity"),
        (Case("c", "missing_column", EVENTS, (), ("dns_activity.uid",)), "must be told blind"),
    ],
)
def test_a_case_that_is_not_kept_says_what_is_wrong(folder: Path, case: Case, said: str) -> None:
    problems = run_case(detectors([folder])["dns_failed_names"], case, nothing)
    assert said in problems[0]


def test_every_shipped_detector_has_no_row_over_an_empty_lake(derive: Derive) -> None:
    con = connect({}, (), derive)
    assert {name: run(detector, con) for name, detector in detectors().items()} == dict.fromkeys(
        detectors(), 0
    )
