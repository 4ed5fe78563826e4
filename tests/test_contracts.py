"""Every source, detector, chain, table and module keeps the contract, and a broken one is told."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from kizashi import schema
from kizashi.detectors import detectors
from tests import contracts


def folders(kind: str) -> list[Path]:
    """The folders of one extension point; those with no file of their own are caches."""
    return sorted(
        path
        for path in (contracts.PACKAGE / kind).iterdir()
        if path.is_dir() and path.name != "__pycache__" and any(f.is_file() for f in path.iterdir())
    )


def by_name(path: Path) -> str:
    return path.relative_to(contracts.PACKAGE).as_posix()


@pytest.mark.parametrize("folder", folders("detectors"), ids=by_name)
def test_a_detector_folder_keeps_the_contract(folder: Path) -> None:
    assert contracts.detector_problems(folder) == []


@pytest.mark.parametrize("folder", folders("sources"), ids=by_name)
def test_a_source_folder_keeps_the_contract(folder: Path) -> None:
    assert contracts.source_problems(folder) == []


@pytest.mark.parametrize(
    "folder", [f for f in folders("chains") if (f / "chain.toml").exists()], ids=by_name
)
def test_a_chain_folder_keeps_the_contract(folder: Path) -> None:
    assert contracts.chain_problems(folder, detectors()) == []


@pytest.mark.parametrize("folder", folders("chains/rivals"), ids=by_name)
def test_a_folder_of_a_rival_story_keeps_the_contract(folder: Path) -> None:
    assert contracts.rival_problems(folder, families()) == []


def test_a_rival_story_without_a_counter_case_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    shutil.copytree(contracts.PACKAGE / "chains" / "rivals" / "backup", folder)
    change(folder, ("cases.yaml", "kind: attacker", "kind: fits"))
    change(folder, ("rival.toml", '"archive"', '"archives"'))
    assert contracts.rival_problems(folder, families()) == [
        "backup/cases.yaml: no case of kind attacker",
        "backup/rival.toml: no detector of the family archives",
    ]


def test_a_setting_of_linking_has_a_default_a_unit_and_a_reason() -> None:
    text = (contracts.PACKAGE / "chains" / "links.toml").read_text("utf-8")
    settings = tomllib.loads(text)["settings"]
    assert settings and contracts.setting_problems("chains/links.toml", settings) == []


@pytest.mark.parametrize(
    "path", sorted((contracts.PACKAGE / "schema").glob("tables/*.sql")), ids=by_name
)
def test_every_column_of_a_table_is_seen_and_commented(path: Path) -> None:
    assert contracts.table_problems(path) == []


@pytest.mark.parametrize("path", sorted(contracts.PACKAGE.rglob("*.py")), ids=by_name)
def test_a_module_says_what_it_is_for_and_stays_readable(path: Path) -> None:
    assert contracts.module_problems(path) == []


def test_the_product_imports_only_what_it_declares() -> None:
    declared = contracts.declared_packages()
    modules = sorted(contracts.PACKAGE.rglob("*.py"))
    assert [p for path in modules for p in contracts.import_problems(path, declared)] == []


def test_a_column_keeps_one_type_in_the_whole_product() -> None:
    types: dict[str, set[str]] = {}
    for table in schema.tables().values():
        for column in table.columns:
            types.setdefault(column.name, set()).add(column.type)
    assert {name: found for name, found in types.items() if len(found) > 1} == {}


@pytest.mark.real_data
def test_no_real_capture_has_entered_the_repository(shared_data: Path) -> None:
    captures: dict[int, list[Path]] = {}
    for path in shared_data.rglob("*"):
        if path.is_file() and path.stat().st_size:
            captures.setdefault(path.stat().st_size, []).append(path)
    own = (
        p for top in ("src", "tests", "docs", "tools") for p in (contracts.ROOT / top).rglob("*")
    )
    copies = [
        f"{path.relative_to(contracts.ROOT)} is {capture.relative_to(shared_data)}"
        for path in own
        if path.is_file()
        for capture in captures.get(path.stat().st_size, [])
        if path.read_bytes() == capture.read_bytes()
    ]
    assert copies == []


# ---------------------------------------------------------------- the check itself can fail

DETECTOR_TOML = """
title = "Many failed names"
title_ja = "多数の名前解決失敗"
summary = "{names} names failed"
summary_ja = "{names} 件の名前解決に失敗"
attack = ["T1568.002"]
stage = "command-and-control"
entity = "host"
partition = "host"
family = "dns_failures"
status = "preview"
lateness_minutes = 60
benign = "A search suffix that no longer exists."
benign_ja = "使われなくなった検索サフィックス。"
[reads]
dns_activity = ["query", "rcode"]
[lookback]
hours = 24
[chance]
per_host_day = 0.01
source = "emulated organisation, 100 host-days"
[settings]
min_names = { default = 10, unit = "count", why = "one mistyped name retried is not a burst" }
"""
DETECTOR_SQL = """
SELECT
    site,
    host_id,
    min(time) AS first_seen,
    max(time) AS last_seen,
    list(evidence) AS evidence,
    count(DISTINCT query) AS names
FROM dns_fact
GROUP BY site, host_id
HAVING count(DISTINCT query) >= getvariable('min_names')
"""


def case(kind: str) -> str:
    absent = "  absent: [dns_activity.rcode]\n" if kind == "missing_column" else ""
    return (
        f"- name: a case of the kind {kind}\n  kind: {kind}\n{absent}"
        "  events:\n    dns_activity:\n"
        '      - {time: "2026-03-02T09:00:00", host_id: /pc-07, query: a.example, rcode: NXDOMAIN,'
        " client_ip: 192.0.2.7}\n  expect: []\n"
    )


def readme() -> str:
    return "# Title\n\n" + "".join(f"## {name}\n\nText.\n\n" for name in contracts.HEADINGS)


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    """A detector folder that keeps the contract."""
    folder = tmp_path / "dns_many_failures"
    folder.mkdir()
    (folder / "detector.toml").write_text(DETECTOR_TOML, "utf-8")
    (folder / "detector.sql").write_text(DETECTOR_SQL, "utf-8")
    (folder / "README.md").write_text(readme(), "utf-8")
    cases = "".join(case(kind) for kind in sorted(contracts.DETECTOR_CASES))
    (folder / "cases.yaml").write_text(cases, "utf-8")
    return folder


Swap = tuple[str, str, str]


def families() -> set[str]:
    """The families of every detector."""
    return {detector.family for detector in detectors().values()}


def change(folder: Path, swap: Swap) -> None:
    """Replace text in one file of the folder; the text must be there."""
    name, old, new = swap
    text = (folder / name).read_text("utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), "utf-8")


def test_a_complete_detector_folder_has_no_problem(detector: Path) -> None:
    assert contracts.detector_problems(detector) == []


@pytest.mark.parametrize("name", contracts.DETECTOR_FILES)
def test_a_detector_without_one_of_its_files_is_told(detector: Path, name: str) -> None:
    (detector / name).unlink()
    assert any(name in problem for problem in contracts.detector_problems(detector))


@pytest.mark.parametrize("kind", sorted(contracts.DETECTOR_CASES))
def test_a_detector_without_a_case_of_a_kind_is_told(detector: Path, kind: str) -> None:
    change(detector, ("cases.yaml", case(kind), ""))
    assert contracts.detector_problems(detector) == [
        f"dns_many_failures/cases.yaml: no case of kind {kind}"
    ]


@pytest.mark.parametrize("heading", contracts.HEADINGS)
def test_a_detector_without_a_heading_is_told(detector: Path, heading: str) -> None:
    change(detector, ("README.md", f"## {heading}\n\nText.\n\n", ""))
    assert any("README.md: headings are" in p for p in contracts.detector_problems(detector))


BROKEN: dict[str, tuple[Swap, str]] = {
    "a setting without a unit": (
        ("detector.toml", ' unit = "count",', ""),
        'detector.toml setting min_names: has no "unit"',
    ),
    "a setting with an empty unit": (
        ("detector.toml", '"count"', '""'),
        "detector.toml: setting min_names leaves its unit or reason empty",
    ),
    "a setting without a reason": (
        ("detector.toml", ', why = "one mistyped name retried is not a burst"', ""),
        'detector.toml setting min_names: has no "why"',
    ),
    "a setting without a default": (
        ("detector.toml", " default = 10,", ""),
        'detector.toml setting min_names: has no "default"',
    ),
    "no title": (
        ("detector.toml", 'title = "Many failed names"\n', ""),
        'detector.toml: has no "title"',
    ),
    "an unknown key": (
        ("detector.toml", "lateness_minutes = 60", 'lateness_minutes = 60\ncolour = "red"'),
        'detector.toml: unknown key "colour"',
    ),
    "a stage that ATT&CK does not have": (
        ("detector.toml", 'stage = "command-and-control"', 'stage = "c2"'),
        'detector.toml: unknown stage "c2"',
    ),
    "a technique written wrongly": (
        ("detector.toml", '["T1568.002"]', '["1568"]'),
        "detector.toml: '1568' is no ATT&CK technique",
    ),
    "no technique": (
        ("detector.toml", '["T1568.002"]', "[]"),
        "detector.toml: attack names no technique",
    ),
    "a column that the schema lacks": (
        ("detector.toml", '["query", "rcode"]', '["query", "colour"]'),
        'detector.toml: unknown column of dns_activity "colour"',
    ),
    "a table that the schema lacks": (
        ("detector.toml", "dns_activity =", "dns_log ="),
        'detector.toml: unknown table in [reads] "dns_log"',
    ),
    "nothing read": (
        ("detector.toml", 'dns_activity = ["query", "rcode"]', ""),
        "detector.toml: [reads] is empty",
    ),
    "a prior of zero": (
        ("detector.toml", "per_host_day = 0.01", "per_host_day = 0"),
        "detector.toml: chance per_host_day must be",
    ),
    "no evidence column": (
        ("detector.sql", "list(evidence) AS evidence,", ""),
        "detector.sql: returns no column evidence",
    ),
    "a column that no table has": (
        ("detector.sql", "count(DISTINCT query) AS names", "count(DISTINCT colour) AS names"),
        "detector.sql: Binder Error",
    ),
    "a bare number": (
        ("detector.sql", "getvariable('min_names')", "10"),
        "detector.sql: bare number 10; make it a setting",
    ),
    "a variable that no setting declares": (
        ("detector.sql", "'min_names'", "'min_hosts'"),
        'detector.sql: unknown setting "min_hosts"',
    ),
    "a lower-case keyword": (
        ("detector.sql", "GROUP BY", "group BY"),
        "detector.sql: keyword group must be GROUP",
    ),
    "a star instead of columns": (
        ("detector.sql", "    site,\n    host_id,", "    *,\n    site,\n    host_id,"),
        "detector.sql: SELECT * hides the columns",
    ),
    "a case over an unknown column": (
        ("cases.yaml", "rcode: NXDOMAIN", "result: NXDOMAIN"),
        'unknown column of dns_activity "result"',
    ),
    "a case without an expectation": (
        ("cases.yaml", "  expect: []\n", ""),
        "has no expect",
    ),
    "a case named by one word": (
        ("cases.yaml", "a case of the kind fires", "burst"),
        "a case's name is a sentence",
    ),
    "a blind case that hides no column": (
        ("cases.yaml", "  absent: [dns_activity.rcode]\n", ""),
        "names no absent column",
    ),
    "a name that somebody owns": (
        ("cases.yaml", "a.example", "a.kizashi-test.com"),
        "'a.kizashi-test.com' is not a documentation name",
    ),
    "an address that somebody owns": (
        ("cases.yaml", "192.0.2.7", "8.8.8.8"),
        "8.8.8.8 is not a documentation or private address",
    ),
    "a heading with nothing under it": (
        ("README.md", "## Tuning\n\nText.\n\n", "## Tuning\n\n"),
        "README.md: nothing stands under 'Tuning'",
    ),
}


@pytest.mark.parametrize(("swap", "problem"), BROKEN.values(), ids=BROKEN.keys())
def test_a_detector_broken_on_purpose_is_told(detector: Path, swap: Swap, problem: str) -> None:
    change(detector, swap)
    assert any(problem in found for found in contracts.detector_problems(detector))


SOURCE = '''"""A product's log."""
TITLE = "Product"
STATUS = "from documentation"
def claims(file): return 0
def read(file, con): yield from ()
'''


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source folder that keeps the contract."""
    folder = tmp_path / "product"
    (folder / "samples").mkdir(parents=True)
    (folder / "__init__.py").write_text(SOURCE, "utf-8")
    (folder / "README.md").write_text("# Product\n", "utf-8")
    (folder / "samples" / "a.log").write_text("x\n", "utf-8")
    (folder / "dns_activity.sql").write_text("SELECT record_no FROM record\n", "utf-8")
    return folder


def test_a_complete_source_folder_has_no_problem(source: Path) -> None:
    assert contracts.source_problems(source) == []


SOURCE_BROKEN: dict[str, tuple[Swap, str]] = {
    "no title": (("__init__.py", 'TITLE = "Product"', ""), "has no TITLE"),
    "no claims": (("__init__.py", "def claims", "def claim"), "has no claims()"),
    "a status of its own": (("__init__.py", "from documentation", "fine"), "STATUS 'fine' must be"),
    "no heading": (("README.md", "# Product", "Product"), "does not open with a heading"),
    "a star": (("dns_activity.sql", "record_no", "*"), "SELECT * hides the columns"),
}


@pytest.mark.parametrize(("swap", "problem"), SOURCE_BROKEN.values(), ids=SOURCE_BROKEN.keys())
def test_a_source_broken_on_purpose_is_told(source: Path, swap: Swap, problem: str) -> None:
    change(source, swap)
    assert any(problem in found for found in contracts.source_problems(source))


def test_a_source_without_a_sample_is_told(source: Path) -> None:
    (source / "samples" / "a.log").unlink()
    assert contracts.source_problems(source) == ["product: samples/ holds nothing"]


CHAIN_TOML = """
title = "Mail to control"
title_ja = "メールから C2 まで"
status = "preview"
minimum = 2
benign = "A partner's workbook."
benign_ja = "取引先のブック。"
[[stages]]
stage = "execution"
detectors = ["dns_many_failures"]
required = true
"""


def chain_case(kind: str) -> str:
    return (
        f"- name: a case of the kind {kind}\n  kind: {kind}\n"
        "  signals: [{detector: dns_many_failures, host_id: /pc-07, destination: a.example,"
        ' first_seen: "2026-03-02T09:00:00"}]\n  expect: []\n'
    )


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A chain folder that keeps the contract."""
    folder = tmp_path / "mail_to_control"
    folder.mkdir()
    (folder / "chain.toml").write_text(CHAIN_TOML, "utf-8")
    (folder / "README.md").write_text(readme(), "utf-8")
    cases = "".join(chain_case(kind) for kind in sorted(contracts.CHAIN_CASES))
    (folder / "cases.yaml").write_text(cases, "utf-8")
    return folder


def test_a_complete_chain_folder_has_no_problem(chain: Path) -> None:
    assert contracts.chain_problems(chain, ["dns_many_failures"]) == []


@pytest.mark.parametrize("name", contracts.CHAIN_FILES)
def test_a_chain_without_one_of_its_files_is_told(chain: Path, name: str) -> None:
    (chain / name).unlink()
    assert contracts.chain_problems(chain, []) == [f"mail_to_control: has no {name}"]


@pytest.mark.parametrize("kind", sorted(contracts.CHAIN_CASES))
def test_a_chain_without_a_case_of_a_kind_is_told(chain: Path, kind: str) -> None:
    change(chain, ("cases.yaml", chain_case(kind), ""))
    assert contracts.chain_problems(chain, ["dns_many_failures"]) == [
        f"mail_to_control/cases.yaml: no case of kind {kind}"
    ]


CHAIN_BROKEN: dict[str, tuple[Swap, str]] = {
    "a detector that is not there": (
        ("chain.toml", "dns_many_failures", "dns_few_failures"),
        "chain.toml: no detector dns_few_failures",
    ),
    "a stage that ATT&CK does not have": (
        ("chain.toml", '"execution"', '"running"'),
        "chain.toml: unknown stage 'running'",
    ),
    "no benign story": (("chain.toml", "benign = ", "honest = "), "chain.toml: not a chain"),
    "a status of its own": (("chain.toml", '"preview"', '"new"'), "chain.toml: status must be"),
    "a heading left out": (("README.md", "## Tuning\n\nText.\n\n", ""), "README.md: headings are"),
    "a name that somebody owns": (("cases.yaml", "a.example", "a.io"), "'a.io' is not a"),
}


@pytest.mark.parametrize(("swap", "problem"), CHAIN_BROKEN.values(), ids=CHAIN_BROKEN.keys())
def test_a_chain_broken_on_purpose_is_told(chain: Path, swap: Swap, problem: str) -> None:
    change(chain, swap)
    found = contracts.chain_problems(chain, ["dns_many_failures"])
    assert any(problem in line for line in found)


def test_an_undeclared_import_is_told(tmp_path: Path) -> None:
    (tmp_path / "cli.py").write_text(
        '"""Text."""\nimport re\nimport duckdb\nimport pytest\n', "utf-8"
    )
    assert contracts.import_problems(tmp_path / "cli.py", ["DuckDB"]) == [
        "cli.py: imports pytest, which pyproject.toml does not declare"
    ]


def test_a_table_with_an_uncommented_column_is_told(tmp_path: Path) -> None:
    path = tmp_path / "made_up.sql"
    path.write_text("CREATE TABLE made_up (\n    a VARCHAR, -- said\n    b VARCHAR\n);\n", "utf-8")
    assert contracts.table_problems(path) == ["made_up.sql: column b has no comment of its own"]


MODULES: dict[str, tuple[str, str, str]] = {
    "a vague name": (
        "utils.py",
        '"""Text."""\n',
        "says nothing about what it is for; name it by its noun",
    ),
    "no opening": ("names.py", "A = 1\n", "does not open with what it is for"),
    "too many lines": ("names.py", '"""Text."""\n' + "A = 1\n" * 800, "801 lines, at most 800"),
    "a long function": (
        "names.py",
        '"""Text."""\ndef read() -> None:\n' + "    print()\n" * 100,
        "read has 101 lines, at most 100",
    ),
}


@pytest.mark.parametrize(("name", "text", "problem"), MODULES.values(), ids=MODULES.keys())
def test_a_module_broken_on_purpose_is_told(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    assert contracts.module_problems(tmp_path / name) == [f"{name}: {problem}"]
